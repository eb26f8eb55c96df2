package app

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestBackgroundWorkThatPanicsBeginsAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var book bytes.Buffer
		a := &App{log: slog.New(slog.NewTextHandler(&book, nil))}
		times := make(chan int, 3)
		a.background("purge", func(ctx context.Context) {
			times <- len(times)
			if len(times) < 3 {
				panic("no idea")
			}
			<-ctx.Done()
		})
		synctest.Wait()
		require.Len(t, times, 1, "it rests first")
		for range 2 {
			time.Sleep(restartDelay)
			synctest.Wait()
		}
		require.Len(t, times, 3)
		require.NoError(t, a.closeParts())
		require.Contains(t, book.String(), "part=purge")
		require.Contains(t, book.String(), "panicked_test.go", "with its stack")
	})
}

func TestWorkThatPanicsKeepsNobodyFromStopping(t *testing.T) {
	a := &App{log: slog.New(slog.DiscardHandler)}
	a.background("purge", func(context.Context) { panic("no idea") })
	require.NoError(t, a.closeParts())
}

func TestAListenerThatPanicsStopsTheProcessInOrder(t *testing.T) {
	a := &App{log: slog.New(slog.DiscardHandler), failed: make(chan error, 2)}
	a.serveUntilItFails("public listener", func() error { panic("no idea") })
	require.EqualError(t, <-a.failed, "public listener: panic: no idea")
	a.serveUntilItFails("admin listener", func() error { return errors.New("gone") })
	require.EqualError(t, <-a.failed, "admin listener: gone")
}
