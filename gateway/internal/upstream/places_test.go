package upstream

import (
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

var (
	greedy = Holder{User: "greedy"}
	modest = Holder{User: "modest"}
)

func enter(p *places, h Holder, now, until time.Time) error {
	_, err := p.enter(h, now, until)
	return err
}

func TestNobodyHasMoreThanAShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlaces(8, 2)
		soon := func() time.Time { return time.Now().Add(time.Second) }
		for range 2 {
			require.NoError(t, enter(p, greedy, time.Now(), soon()))
		}
		began := time.Now()
		require.ErrorIs(t, enter(p, greedy, time.Now(), soon()), ErrOverShare)
		require.Equal(t, time.Second, time.Since(began))
		began = time.Now()
		require.NoError(t, enter(p, modest, time.Now(), soon()))
		for i := range byte(4) {
			require.NoError(t, enter(p, Holder{Address: netip.AddrFrom4([4]byte{127, 0, 0, i})}, time.Now(), soon()))
		}
		require.Zero(t, time.Since(began))
		p.leave(greedy)
		require.NoError(t, enter(p, greedy, time.Now(), soon()))
	})
}

func TestOnesOwnPlacesAreHandedOnInTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlaces(8, 1)
		require.NoError(t, enter(p, greedy, time.Now(), time.Now()))
		var served []int
		var waiters sync.WaitGroup
		for i := range 4 {
			waiters.Go(func() {
				patience := time.Minute
				if i == 1 {
					patience = time.Second
				}
				if enter(p, greedy, time.Now(), time.Now().Add(patience)) == nil {
					served = append(served, i)
					p.leave(greedy)
				}
			})
			synctest.Wait()
		}
		time.Sleep(2 * time.Second) // the second one gives up
		synctest.Wait()
		p.leave(greedy)
		waiters.Wait()
		require.Equal(t, []int{0, 2, 3}, served)
		require.Zero(t, p.inUse())
		require.Empty(t, p.shares)
	})
}

// Who finds no place at all gives back what was counted for it.
func TestABusyUpstreamCostsNobodyAShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlaces(2, 1)
		require.NoError(t, enter(p, greedy, time.Now(), time.Now()))
		require.NoError(t, enter(p, Holder{User: "another"}, time.Now(), time.Now()))
		for range 3 {
			require.ErrorIs(t, enter(p, modest, time.Now(), time.Now().Add(time.Second)), ErrBusy)
		}
		p.leave(greedy)
		require.NoError(t, enter(p, modest, time.Now(), time.Now()))
	})
}

func TestPlacesInParallel(t *testing.T) {
	p := newPlaces(8, 3)
	var all sync.WaitGroup
	for i := range 64 {
		all.Go(func() {
			h := Holder{User: string(rune('a' + i%4))}
			for range 200 {
				if enter(p, h, time.Now(), time.Now().Add(time.Duration(i%3)*time.Microsecond)) == nil {
					p.leave(h)
				}
			}
		})
	}
	all.Wait()
	require.Zero(t, p.inUse())
	require.Empty(t, p.shares)
}

func BenchmarkPlaces(b *testing.B) {
	p := newPlaces(512, 128)
	now := time.Now()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.enter(greedy, now, now); err != nil {
			b.Fatal(err)
		}
		p.leave(greedy)
	}
}
