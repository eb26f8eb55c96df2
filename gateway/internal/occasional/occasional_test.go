package occasional

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOccasionsAreCountedUntilTheNextWarning(t *testing.T) {
	var w Warning
	times, due := w.Due()
	require.True(t, due)
	require.EqualValues(t, 1, times)
	for range 4 {
		_, due = w.Due()
		require.False(t, due)
	}
	w.next.Store(0) // the interval is over
	times, due = w.Due()
	require.True(t, due)
	require.EqualValues(t, 5, times)
}

func TestOneOfManyAtOnceWarns(t *testing.T) {
	var w Warning
	var warned atomic.Int64
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if _, due := w.Due(); due {
				warned.Add(1)
			}
		})
	}
	all.Wait()
	require.EqualValues(t, 1, warned.Load())
}
