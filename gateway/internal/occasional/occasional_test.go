package occasional

import (
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

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

func TestWarningsAreAsFarApartAsAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		often, seldom := Warning{}, Warning{Every: time.Hour}
		for range 2 * 60 {
			often.Due()
			seldom.Due()
			time.Sleep(30 * time.Second)
		}
		_, due := often.Due()
		require.True(t, due)
		times, due := seldom.Due()
		require.True(t, due, "an hour has gone by")
		require.EqualValues(t, 120, times)
	})
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
