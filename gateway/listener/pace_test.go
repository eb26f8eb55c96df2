package listener

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// read plays reads that each wait for so long and bring so many bytes, and returns how many were good.
func (p *pace) read(times, bytes int, each time.Duration) int {
	now := time.Unix(0, 0)
	for i := range times {
		p.begin(now)
		if p.add(bytes, now.Add(each), 30*time.Second, leastIn(30*time.Second, 240)) != nil {
			return i
		}
	}
	return times
}

func TestABodyHasALeastRate(t *testing.T) {
	for name, test := range map[string]struct {
		bytes int
		each  time.Duration
		good  int
	}{
		"a byte a second":            {1, time.Second, 29},
		"a byte just before the end": {1, 29 * time.Second, 1},
		"240 bytes a second":         {240, time.Second, 1000},
		"7200 bytes in 30 seconds":   {7200, 30 * time.Second, 1000},
		"no wait at all":             {1, 0, 1000},
	} {
		t.Run(name, func(t *testing.T) {
			var p pace
			require.Equal(t, test.good, p.read(1000, test.bytes, test.each))
		})
	}
}

// Each window counts by itself: who was quick at first cannot be slow for ever.
func TestAQuickBeginningPaysForNothing(t *testing.T) {
	var p pace
	require.Equal(t, 1, p.read(1, 1<<20, 30*time.Second))
	require.Equal(t, 29, p.read(100, 1, time.Second))
}

// The time in which nobody reads is not the caller's.
func TestOnlyTheWaitForTheCallerCounts(t *testing.T) {
	var p pace
	now := time.Unix(0, 0)
	for range 100 {
		now = now.Add(time.Hour)
		p.begin(now)
		require.NoError(t, p.add(1, now.Add(time.Millisecond), time.Second, 1000))
	}
	p.begin(now)
	require.ErrorIs(t, p.add(1, now.Add(time.Second), time.Second, 1000), os.ErrDeadlineExceeded)
}
