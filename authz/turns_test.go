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
					time.Sleep(time.Second)
					now.Add(-1)
					return nil
				})
			})
		}
		synctest.Wait()
		failure := errors.New("failed")
		require.ErrorIs(t, turns.Take(t.Context(), "other", func() error { return failure }), failure)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, turns.Take(ctx, "greedy", func() error { return nil }), context.DeadlineExceeded)
		all.Wait()
		require.EqualValues(t, 2, most.Load())
		require.Equal(t, 5*time.Second, time.Since(began))
		require.Zero(t, turns.Users(), "those who have gone are forgotten")
	})
}
