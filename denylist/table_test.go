package denylist

import (
	"math"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestATableKeepsTheLaterOfTwoExpiriesAndForgetsWhatHasEnded(t *testing.T) {
	now := time.Unix(2_000_000_000, 0)
	known := newTable()
	q := Query{TokenID: "t", GrantID: "g", ClientID: "c"}
	for _, in := range []time.Duration{time.Minute, time.Hour + time.Millisecond, time.Second} {
		known.add(Entry{Kind: Token, ID: "t", ExpiresAt: now.Add(in)})
	}
	known.add(Entry{Kind: Client, ID: "far away", ExpiresAt: time.Unix(math.MaxInt32*100, 0)})
	known.add(Entry{Kind: Client, ID: "long ago", ExpiresAt: time.Unix(-1000, 0)})
	require.Equal(t, 3, known.size())
	known.expire(now.Add(time.Hour + ClockMargin + time.Second))
	require.True(t, known.denies(q))
	require.Equal(t, 2, known.size())
	known.expire(now.Add(time.Hour + ClockMargin + 2*time.Second))
	require.False(t, known.denies(q))
	require.Equal(t, 1, known.size())
}

func TestATableMayBeReadAndWrittenAtOnce(t *testing.T) {
	known := newTable()
	until := time.Now().Add(time.Hour)
	var all sync.WaitGroup
	for w := range 4 {
		all.Go(func() {
			for i := range 5000 {
				id := strconv.Itoa(w) + "." + strconv.Itoa(i)
				known.add(Entry{Kind: Grant, ID: id, ExpiresAt: until})
				if !known.denies(Query{TokenID: "t", GrantID: id, ClientID: "c"}) {
					t.Error("an entry that was just added is not there")
				}
				if i%1000 == 0 {
					known.expire(time.Now())
				}
			}
		})
	}
	all.Wait()
	require.Equal(t, 4*5000, known.size())
}

// TestAMillionEntriesTakeLittleMemory has room for twice of what they take.
func TestAMillionEntriesTakeLittleMemory(t *testing.T) {
	const count, most = 1_000_000, 100 << 20
	before := heapInUse()
	known := newTable()
	until := time.Now().Add(time.Hour)
	for i := range count {
		known.add(Entry{Kind: Token, ID: "XVCR3DMXLVAQQZKQFP5SZ6OA" + strconv.Itoa(i), ExpiresAt: until})
	}
	full := heapInUse() - before
	t.Logf("%d entries take %.1f MiB", known.size(), float64(full)/(1<<20))
	require.Equal(t, count, known.size())
	require.Less(t, full, int64(most))

	known.expire(until.Add(time.Hour))
	require.Zero(t, known.size())
	require.Less(t, heapInUse()-before, int64(most/10), "what they took is given back")
	runtime.KeepAlive(known)
}

func heapInUse() int64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapInuse)
}
