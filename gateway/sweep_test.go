package gateway

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// A mistake in the closing of idle connections ends no process, and the sweep goes on.
func TestAMistakeInTheSweep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		g := &Gateway{
			destinations: map[shared]*destination{{}: {}}, // without a pool
			log:          slog.New(slog.NewTextHandler(&log, nil)),
		}
		g.running, g.stop = context.WithCancel(t.Context())
		swept := make(chan struct{})
		go func() {
			defer close(swept)
			g.sweep(time.Second)
		}()
		time.Sleep(time.Minute)
		g.stop()
		<-swept
		require.Contains(t, log.String(), "panic")
		require.Contains(t, log.String(), "sweep", "the stack")
		said := strings.Count(log.String(), "msg=panic")
		require.Greater(t, said, 1, "it goes on")
		require.Less(t, said, 10, "it is said once in a while")
	})
}
