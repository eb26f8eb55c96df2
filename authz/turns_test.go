package authz_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/authz"
)

func TestStepsOfOneUserWaitForEachOtherAndForNobodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var turns authz.Turns
		var now, most atomic.Int64
		began := time.Now()
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() {
				_ = turns.Take(t.Context(), "greedy", func() error {
					most.Store(max(most.Load(), now.Add(1)))
					time.Sleep(20 * time.Millisecond)
					now.Add(-1)
					return nil
				})
			})
		}
		synctest.Wait()
		failure := errors.New("failed")
		require.ErrorIs(t, turns.Take(t.Context(), "other", func() error { return failure }), failure)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		require.ErrorIs(t, turns.Take(ctx, "greedy", func() error { return nil }), context.DeadlineExceeded)
		all.Wait()
		require.EqualValues(t, 1, most.Load())
		require.Equal(t, 10*20*time.Millisecond+9*60*time.Millisecond, time.Since(began), "many at once rest after each")
		require.Zero(t, turns.Users(), "those who have gone are forgotten")
	})
}

func TestOneStepAfterAnotherWaitsForNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var turns authz.Turns
		began := time.Now()
		for range 3 {
			require.NoError(t, turns.Take(t.Context(), "user", func() error { time.Sleep(time.Second); return nil }))
		}
		require.Equal(t, 3*time.Second, time.Since(began))
	})
}

func TestARestIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var turns authz.Turns
		began := time.Now()
		var both sync.WaitGroup
		for range 2 {
			both.Go(func() {
				_ = turns.Take(t.Context(), "user", func() error { time.Sleep(10 * time.Second); return nil })
			})
		}
		both.Wait()
		require.Equal(t, 20*time.Second+250*time.Millisecond, time.Since(began), "the step was slow because the database was")
	})
}
