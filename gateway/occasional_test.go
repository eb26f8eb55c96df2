package gateway

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOccasionsAreCountedUntilTheNextWarning(t *testing.T) {
	var o occasional
	times, due := o.due()
	require.True(t, due)
	require.EqualValues(t, 1, times)
	for range 4 {
		_, due = o.due()
		require.False(t, due)
	}
	o.next.Store(0) // the interval is over
	times, due = o.due()
	require.True(t, due)
	require.EqualValues(t, 5, times)
}

func TestOneOfManyAtOnceWarns(t *testing.T) {
	var o occasional
	var warned atomic.Int64
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if _, due := o.due(); due {
				warned.Add(1)
			}
		})
	}
	all.Wait()
	require.EqualValues(t, 1, warned.Load())
}
