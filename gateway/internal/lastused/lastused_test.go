package lastused_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/denylist"
	"gatehouse/gateway/internal/lastused"
	"gatehouse/keys"
)

// redis is what was reported, in order, unless it is away.
type redis struct {
	mu       sync.Mutex
	away     bool
	reported []denylist.Use
	batches  int
	during   func() // what happens while the next batch travels
}

func (r *redis) ReportUses(_ context.Context, uses ...denylist.Use) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.away {
		return errors.New("nobody answers")
	}
	if during := r.during; during != nil {
		r.during = nil
		during()
	}
	r.batches++
	r.reported = append(r.reported, uses...)
	return nil
}

func (r *redis) set(away bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.away = away
}

func (r *redis) take() []denylist.Use {
	r.mu.Lock()
	defer r.mu.Unlock()
	taken := r.reported
	r.reported = nil
	return taken
}

// run runs a test with notes, whose clock is the bubble's.
func run(t *testing.T, test func(t *testing.T, notes *lastused.Notes, to *redis, log *strings.Builder)) {
	synctest.Test(t, func(t *testing.T) {
		to, log := &redis{}, &strings.Builder{}
		notes := lastused.New(to, time.Now, slog.New(slog.NewTextHandler(log, nil)))
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			notes.Run(ctx)
		}()
		test(t, notes, to, log)
		cancel()
		<-ended
	})
}

// settle lets the notes do what they would within a minute.
func settle() {
	time.Sleep(time.Minute)
	synctest.Wait()
}

func today() denylist.Day { return denylist.DayOf(time.Now()) }

func TestAGrantIsReportedOnceADay(t *testing.T) {
	run(t, func(t *testing.T, notes *lastused.Notes, to *redis, _ *strings.Builder) {
		token, refreshed, nobody := &keys.Claims{GrantID: "grant"}, &keys.Claims{GrantID: "grant"}, &keys.Claims{}
		for range 3 {
			for range 1000 {
				notes.Use(token)
				notes.Use(refreshed)
				notes.Use(nobody)
			}
			settle()
			require.Equal(t, []denylist.Use{{GrantID: "grant", On: today()}}, to.take())
			notes.Use(token)
			settle()
			require.Empty(t, to.take(), "of this token it is known for the day")
			time.Sleep(24 * time.Hour)
		}
	})
}

func TestADayThatEndsWhileItIsReportedIsNotTheLast(t *testing.T) {
	run(t, func(t *testing.T, notes *lastused.Notes, to *redis, _ *strings.Builder) {
		token, first := &keys.Claims{GrantID: "grant"}, today()
		to.during = func() {
			time.Sleep(24 * time.Hour)
			notes.Use(token)
		}
		notes.Use(token)
		time.Sleep(25 * time.Hour)
		synctest.Wait()
		require.Equal(t, []denylist.Use{{GrantID: "grant", On: first}, {GrantID: "grant", On: first + 1}}, to.take())
	})
}

func TestWhatWaitsIsReportedAtTheEnd(t *testing.T) {
	to := &redis{}
	notes := lastused.New(to, time.Now, slog.New(slog.DiscardHandler))
	notes.Use(&keys.Claims{GrantID: "grant"})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	notes.Run(ctx)
	require.Len(t, to.take(), 1)
}

// TestManyGrantsAreReportedInBatches: also when they come faster than the interval would have it.
func TestManyGrantsAreReportedInBatches(t *testing.T) {
	run(t, func(t *testing.T, notes *lastused.Notes, to *redis, _ *strings.Builder) {
		seen := map[string]bool{}
		for i := range 100_000 {
			notes.Use(&keys.Claims{GrantID: fmt.Sprint("grant ", i)})
			if i%1000 == 0 {
				synctest.Wait()
			}
		}
		settle()
		for _, use := range to.take() {
			seen[use.GrantID] = true
		}
		require.Len(t, seen, 100_000)
		require.Less(t, to.batches, 1000)
		require.Zero(t, notes.Dropped())
	})
}

// TestWithoutRedisABoundedNumberWaits: the others are counted, and noted at their next request when there is room.
func TestWithoutRedisABoundedNumberWaits(t *testing.T) {
	run(t, func(t *testing.T, notes *lastused.Notes, to *redis, log *strings.Builder) {
		to.set(true)
		tokens := make([]*keys.Claims, 100_000)
		for i := range tokens {
			tokens[i] = &keys.Claims{GrantID: fmt.Sprint("grant ", i)}
			notes.Use(tokens[i])
		}
		settle()
		require.EqualValues(t, 50_000, notes.Dropped())
		require.Equal(t, 1, strings.Count(log.String(), "cannot be reported"), "in a while")
		require.NotContains(t, log.String(), "grant ")

		to.set(false)
		settle()
		require.Len(t, to.take(), 50_000)
		for _, token := range tokens {
			notes.Use(token)
		}
		settle()
		require.Len(t, to.take(), 50_000, "those that were dropped, and no other")
		require.EqualValues(t, 50_000, notes.Dropped())
	})
}
