package budget_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/authz/budget"
	"gatehouse/registry"
	"gatehouse/registry/registrytest"
)

// wallet is an upstream that knows what became of each spend, by its ID, and which were asked about.
type wallet struct {
	mu    sync.Mutex
	says  map[string]func(again bool) (registry.Outcome, error)
	asked []string
}

func (w *wallet) Inquire(_ context.Context, s registry.Spend, again bool) (registry.Outcome, error) {
	w.mu.Lock()
	w.asked = append(w.asked, s.ID)
	says := w.says[s.ID]
	w.mu.Unlock()
	if says == nil {
		return registry.Outcome{State: registry.Unknown}, nil
	}
	return says(again)
}

func outcome(state string, cost int64) func(bool) (registry.Outcome, error) {
	return func(bool) (registry.Outcome, error) { return registry.Outcome{State: state, Cost: cost}, nil }
}

type inquiring struct {
	*budget.Inquirer
	t      *testing.T
	wallet *wallet
	clock  *registrytest.Clock
	log    *bytes.Buffer
}

func newInquirer(t *testing.T) *inquiring {
	t.Helper()
	q := &inquiring{t: t, wallet: &wallet{says: map[string]func(bool) (registry.Outcome, error){}}, log: new(bytes.Buffer)}
	ledger, clock := newLedger(t)
	q.clock = clock
	q.Inquirer = &budget.Inquirer{Ledger: ledger, Upstream: q.wallet, Log: slog.New(slog.NewTextHandler(q.log, nil))}
	allow(t, ledger, 100, budget.Month)
	return q
}

func (q *inquiring) inquire(want int) {
	q.t.Helper()
	asked, err := q.Inquire(q.t.Context())
	require.NoError(q.t, err)
	require.Equal(q.t, want, asked)
}

func (q *inquiring) requireLeft(want int64) {
	q.t.Helper()
	b, _, err := q.Ledger.Of(q.t.Context(), ann)
	require.NoError(q.t, err)
	require.Equal(q.t, want, b.Left())
}

func TestWhatBecameOfAPaymentIsAskedWhenItsRequestIsOver(t *testing.T) {
	q := newInquirer(t)
	q.wallet.says["posted"], q.wallet.says["voided"] = outcome(registry.Posted, 11), outcome(registry.Voided, 0)
	for _, id := range []string{"posted", "voided", "open"} {
		require.NoError(t, reserve(t, q.Ledger, id, 10))
	}
	q.clock.Advance(time.Minute - time.Millisecond)
	q.inquire(0)
	require.Empty(t, q.wallet.asked, "their requests may be in flight")
	q.clock.Advance(time.Millisecond)
	q.inquire(3)
	requireState(t, q.Ledger, "posted", registry.Posted, 11)
	requireState(t, q.Ledger, "voided", registry.Voided, 0)
	requireState(t, q.Ledger, "open", registry.Unknown, 0)
	q.requireLeft(100 - 11 - 10)
	q.inquire(0)
	q.clock.Advance(time.Second)
	q.wallet.says["open"] = outcome(registry.Posted, 9)
	q.inquire(1)
	q.requireLeft(100 - 11 - 9)
}

// However long nobody knows, and whatever window it is: what may have been spent is not given back.
func TestPausesGrowAndNothingIsReleasedByTime(t *testing.T) {
	q := newInquirer(t)
	require.NoError(t, reserve(t, q.Ledger, "open", 10))
	q.clock.Advance(time.Minute)
	var pauses []time.Duration
	for range 15 {
		q.inquire(1)
		s := requireState(t, q.Ledger, "open", registry.Unknown, 0)
		pause := s.InquireAt.Sub(q.clock.Now())
		pauses = append(pauses, pause/time.Second)
		q.clock.Advance(pause - time.Millisecond)
		q.inquire(0)
		q.clock.Advance(time.Millisecond)
		q.requireLeft(90)
	}
	require.Equal(t, []time.Duration{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 3600, 3600, 3600}, pauses)
	q.clock.Advance(500 * 24 * time.Hour)
	q.inquire(1)
	requireState(t, q.Ledger, "open", registry.Unknown, 0)
}

func TestWhereNobodyCanBeAskedTheOperatorIsToldOnce(t *testing.T) {
	q := newInquirer(t)
	q.wallet.says["mute"] = func(bool) (registry.Outcome, error) {
		return registry.Outcome{}, fmt.Errorf("route: %w", budget.ErrCannotAsk)
	}
	require.NoError(t, reserve(t, q.Ledger, "mute", 10))
	q.clock.Advance(time.Minute)
	q.inquire(1)
	requireState(t, q.Ledger, "mute", registry.Unknown, 0)
	require.Contains(t, q.log.String(), "gatehouse spend resolve")
	require.Contains(t, q.log.String(), "spend=mute")
	q.log.Reset()
	q.clock.Advance(24*time.Hour - time.Millisecond)
	q.inquire(0)
	q.clock.Advance(time.Millisecond)
	q.inquire(1)
	require.Empty(t, q.log.String())
	q.requireLeft(90)
}

func TestOnePaymentThatGoesWrongDoesNotStopTheOthers(t *testing.T) {
	q := newInquirer(t)
	q.wallet.says["panic"] = func(bool) (registry.Outcome, error) { panic("a mistake") }
	q.wallet.says["error"] = func(bool) (registry.Outcome, error) { return registry.Outcome{}, errors.New("connection refused") }
	q.wallet.says["nonsense"] = outcome("lost", 0)
	q.wallet.says["good"] = outcome(registry.Posted, 10)
	for _, id := range []string{"panic", "error", "nonsense", "good"} {
		require.NoError(t, reserve(t, q.Ledger, id, 10))
	}
	q.clock.Advance(time.Minute)
	asked, err := q.Inquire(t.Context())
	require.ErrorIs(t, err, registry.ErrInvalid, "of the one that says nonsense")
	require.Equal(t, 4, asked)
	requireState(t, q.Ledger, "good", registry.Posted, 10)
	requireState(t, q.Ledger, "panic", registry.Unknown, 0)
	requireState(t, q.Ledger, "error", registry.Unknown, 0)
	require.Contains(t, q.log.String(), "a mistake")
	q.requireLeft(60)
}

// An upstream that says nothing delays nothing but what it was sent itself.
func TestASilentUpstreamDelaysNoOther(t *testing.T) {
	q := newInquirer(t)
	var running sync.WaitGroup
	ctx, stop := context.WithCancel(t.Context())
	for i := range 60 {
		s := spend(fmt.Sprint("silent ", i), 1)
		s.Route = "POST /silent"
		s.InquireAt = s.InquireAt.Add(-time.Second) // before all others
		_, _, err := q.Ledger.Reserve(t.Context(), s)
		require.NoError(t, err)
		q.wallet.says[s.ID] = func(bool) (registry.Outcome, error) {
			<-ctx.Done()
			return registry.Outcome{}, ctx.Err()
		}
	}
	for i := range 20 {
		id := fmt.Sprint("prompt ", i)
		require.NoError(t, reserve(t, q.Ledger, id, 1))
		q.wallet.says[id] = outcome(registry.Posted, 1)
	}
	q.clock.Advance(time.Minute)
	running.Go(func() { q.Run(ctx) })
	t.Cleanup(running.Wait)
	t.Cleanup(stop)
	require.Eventually(t, func() bool {
		u, err := q.Ledger.Registry.Unsettled(t.Context())
		return err == nil && u.Held == 60
	}, 10*time.Second, 10*time.Millisecond, "the prompt ones are settled")
}

func TestEachPaymentIsAskedAboutByOneReplica(t *testing.T) {
	clock := registrytest.NewClock(noon)
	url := registrytest.SQLite(t)
	asking := &wallet{}
	var replicas []*budget.Inquirer
	for range 2 {
		replicas = append(replicas, &budget.Inquirer{Ledger: openLedger(t, url, clock), Upstream: asking})
	}
	for i := range 20 {
		require.NoError(t, reserve(t, replicas[0].Ledger, fmt.Sprint(i), 1))
	}
	clock.Advance(time.Minute)
	asked := registrytest.Race(2, func(i int) int {
		n, err := replicas[i].Inquire(t.Context())
		require.NoError(t, err)
		return n
	})
	require.Equal(t, 20, asked[0]+asked[1])
	seen := map[string]bool{}
	for _, id := range asking.asked {
		require.False(t, seen[id], "%s is asked about twice", id)
		seen[id] = true
	}
}

// Its gateway was heard from while the upstream was asked: what it said stands. Where the two differ, somebody has to look.
func TestWhatIsSettledMeanwhileStands(t *testing.T) {
	q := newInquirer(t)
	for id, says := range map[string]registry.Outcome{
		"otherwise": {State: registry.Voided}, "alike": {State: registry.Posted, Cost: 5}, "unknown": {State: registry.Unknown},
	} {
		require.NoError(t, reserve(t, q.Ledger, id, 10))
		q.wallet.says[id] = func(bool) (registry.Outcome, error) {
			_, err := q.Ledger.Settle(t.Context(), id, registry.Outcome{State: registry.Posted, Cost: 5})
			return says, err
		}
	}
	q.clock.Advance(time.Minute)
	q.inquire(3)
	for _, id := range []string{"otherwise", "alike", "unknown"} {
		requireState(t, q.Ledger, id, registry.Posted, 5)
	}
	require.Equal(t, 1, bytes.Count(q.log.Bytes(), []byte("level=ERROR")), q.log)
	require.Contains(t, q.log.String(), "spend=otherwise")
	q.requireLeft(85)
}

// An upstream that knows payments by their hash may speak of another try of the same, which was made while it was asked.
func TestAFailedTryOfAnotherProvesNothing(t *testing.T) {
	q := newInquirer(t)
	first := spend("1", 10)
	_, _, err := q.Ledger.Reserve(t.Context(), first)
	require.NoError(t, err)
	var told []bool
	q.wallet.says["1"] = func(again bool) (registry.Outcome, error) {
		if told = append(told, again); len(told) > 1 {
			return registry.Outcome{State: registry.Unknown}, nil // it believes no failure, now that it is told
		}
		other := spend("2", 10)
		other.ClientID, other.Once = "shop", first.Once
		_, _, err := q.Ledger.Reserve(t.Context(), other)
		return registry.Outcome{State: registry.Voided}, err
	}
	q.clock.Advance(time.Minute)
	q.inquire(2)
	requireState(t, q.Ledger, "1", registry.Unknown, 0)
	q.clock.Advance(time.Second)
	q.inquire(2)
	requireState(t, q.Ledger, "1", registry.Unknown, 0)
	require.Equal(t, []bool{false, true}, told)
}

func TestAboveWhatWasHeldIsAnAlarm(t *testing.T) {
	q := newInquirer(t)
	var above []string
	q.Ledger.OnAboveHeld = func(s registry.Spend) { above = append(above, s.ID) }
	for id, cost := range map[string]int64{"more": 11, "as much": 10, "less": 9} {
		require.NoError(t, reserve(t, q.Ledger, id, 10))
		q.wallet.says[id] = outcome(registry.Posted, cost)
	}
	q.clock.Advance(time.Minute)
	q.inquire(3)
	require.Equal(t, []string{"more"}, above)
	q.requireLeft(70)
}
