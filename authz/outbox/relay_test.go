package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/authz/outbox"
	"gatehouse/denylist"
	"gatehouse/registry"
)

// pending are the revocations that no gateway can know of.
func (w *world) pending() []registry.Revocation {
	w.Helper()
	pending, err := w.registry.PendingRevocations(w.Context(), 1000)
	require.NoError(w, err)
	return pending
}

func (w *world) deliverAll() {
	w.Helper()
	for more := true; more; {
		var err error
		more, err = w.relay.DeliverNext(w.Context())
		require.NoError(w, err)
	}
	require.Empty(w, w.pending())
}

// end makes count grants of a user with living tokens, ends them and returns their IDs.
func (w *world) end(subject string, count int) (ids []string) {
	w.Helper()
	for i := range count {
		id := fmt.Sprint(subject, i)
		_, err := w.registry.Authorize(w.Context(), registry.Grant{ID: id, ClientID: "app", Subject: subject},
			registry.Code{Hash: id, ExpiresAt: w.clock.Now().Add(time.Minute)}, count)
		require.NoError(w, err)
		require.NoError(w, w.registry.RedeemCode(w.Context(), id, nil, w.clock.Now().Add(time.Hour)))
		require.NoError(w, w.registry.EndGrant(w.Context(), id, "user"))
		ids = append(ids, id)
	}
	return ids
}

// refused tells whether the denylist knows of the end of a grant.
func (w *world) refused(grant string) bool {
	w.Helper()
	err := w.denylist.Check(w.Context(), denylist.Query{TokenID: "any", GrantID: grant, ClientID: "app"})
	return errors.Is(err, denylist.ErrRevoked)
}

func TestACallerWaitsOnlyForItsOwn(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.registry.CreateClient(t.Context(), registry.Client{ID: "app"}))
	others := w.end("greedy", 300)
	own := w.end("ann", 3)
	require.NoError(t, w.relay.Deliver(t.Context(), outbox.RevokedGrant(own[0])))
	require.Len(t, w.pending(), 302, "nothing else was delivered")
	require.True(t, w.refused(own[0]))
	require.NoError(t, w.relay.Deliver(t.Context(), outbox.RevokedOf("ann")))
	require.Len(t, w.pending(), 300)
	require.True(t, w.refused(own[2]))
	require.NoError(t, w.relay.Deliver(t.Context(), outbox.RevokedOf("ann"), outbox.RevokedClient("none")), "there is nothing")

	last := w.end("bob", 1)
	more, err := w.relay.DeliverNext(t.Context())
	require.NoError(t, err)
	require.True(t, more)
	require.True(t, w.refused(last[0]), "who came last with one comes before the 200th of another")
	require.False(t, w.refused(others[299]))
	w.deliverAll()
	require.True(t, w.refused(others[299]))
}

func TestNobodyIsWaitedForWithoutEnd(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.registry.CreateClient(t.Context(), registry.Client{ID: "app"}))
	w.end("greedy", 1100)
	require.ErrorIs(t, w.relay.Deliver(t.Context(), outbox.RevokedOf("greedy")), outbox.ErrUndelivered)
	require.Len(t, w.pending(), 100, "the rest comes in turn")
	require.NoError(t, w.relay.Deliver(t.Context(), outbox.RevokedOf("greedy")))
}

// busy is a denylist that takes its time, and tells how long it had rested before each batch.
type busy struct {
	*denylist.Store
	takes  time.Duration
	until  time.Time
	rested chan time.Duration
}

func (b *busy) Deny(ctx context.Context, entries ...denylist.Entry) error {
	if !b.until.IsZero() {
		b.rested <- time.Since(b.until)
	}
	time.Sleep(b.takes)
	err := b.Store.Deny(ctx, entries...)
	b.until = time.Now()
	return err
}

// TestWhatWaitsLeavesRoomForOthers: between two batches nothing is delivered for as long as a batch took.
func TestWhatWaitsLeavesRoomForOthers(t *testing.T) {
	w := newWorld(t)
	for i := range 900 {
		require.NoError(t, w.registry.RevokeToken(t.Context(), fmt.Sprint("token-", i), w.clock.Now().Add(time.Hour)))
	}
	slow := &busy{Store: w.denylist, takes: 100 * time.Millisecond, rested: make(chan time.Duration, 10)}
	relay := &outbox.Relay{Registry: w.registry, Denylist: slow}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		relay.Run(ctx, slog.New(slog.DiscardHandler))
	}()
	for range 4 {
		require.GreaterOrEqual(t, <-slow.rested, slow.takes)
	}
	stop()
	<-ended
}

func TestFillingDelivers(t *testing.T) {
	w := newWorld(t)
	for i := range 450 {
		require.NoError(t, w.registry.RevokeToken(t.Context(), fmt.Sprint("token-", i), w.clock.Now().Add(time.Hour)))
	}
	w.redis.FlushAll()
	require.NoError(t, w.relay.Fill(t.Context()))
	require.Empty(t, w.pending(), "nothing is written twice after an outage")
	w.requireAllDenied(t.Context(), 450)
}

func TestRevocationsOutliveTheLossOfRedis(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	expires := w.clock.Now().Add(time.Hour)
	const many = 450 // more than one page
	for i := range many {
		require.NoError(t, w.registry.RevokeToken(ctx, fmt.Sprint("token-", i), expires))
	}
	w.deliverAll()
	w.requireAllDenied(ctx, many)

	w.redis.FlushAll()
	require.ErrorIs(t, w.check(ctx, "token-0"), denylist.ErrUnknown, "an empty Redis does not say that nothing was revoked")
	require.NoError(t, w.relay.Fill(ctx))
	w.requireAllDenied(ctx, many)
	require.NoError(t, w.check(ctx, "another"))
}

func TestFillingDeclaresNothingCompleteThatIsNot(t *testing.T) {
	w := newWorld(t)
	w.redis.FlushAll()
	w.redis.SetError("READONLY")
	require.Error(t, w.relay.Fill(t.Context()))
	w.redis.SetError("")
	require.NoError(t, w.registry.Close())
	require.Error(t, w.relay.Fill(t.Context()))
	require.ErrorIs(t, w.check(t.Context(), "any"), denylist.ErrUnknown)
}

// overlapping is the denylist of a replica whose reloads take so long that the other one's begin meanwhile, if it makes any.
type overlapping struct {
	*denylist.Store
	began, otherBegan chan struct{}
}

func (o overlapping) Reload(ctx context.Context, pages iter.Seq2[[]denylist.Entry, error]) error {
	return o.Store.Reload(ctx, func(yield func([]denylist.Entry, error) bool) {
		select {
		case <-o.otherBegan: // before this one
		default:
		}
		select {
		case o.began <- struct{}{}:
		default:
		}
		for page, err := range pages {
			if !yield(page, err) {
				return
			}
		}
		select {
		case <-o.otherBegan:
		case <-time.After(500 * time.Millisecond):
		}
	})
}

func TestReplicasThatFillAtOnceLetOneFinish(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.registry.RevokeToken(t.Context(), "token", w.clock.Now().Add(time.Hour)))
	w.redis.FlushAll()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	one, other := make(chan struct{}, 1), make(chan struct{}, 1)
	ends := make(chan error, 2)
	for _, slow := range []overlapping{{w.denylist, one, other}, {w.denylist, other, one}} {
		relay := &outbox.Relay{Registry: w.registry, Denylist: slow}
		go func() { ends <- relay.Fill(ctx) }()
	}
	require.NoError(t, <-ends)
	require.NoError(t, <-ends)
	require.ErrorIs(t, w.check(t.Context(), "token"), denylist.ErrRevoked)
}

func TestFillingEndsWithItsContext(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.Error(t, w.relay.Fill(ctx))
	require.ErrorIs(t, w.relay.Deliver(ctx, outbox.RevokedToken("token")), outbox.ErrUndelivered)
}

func (w *world) requireAllDenied(ctx context.Context, n int) {
	w.Helper()
	for i := range n {
		require.ErrorIs(w, w.check(ctx, fmt.Sprint("token-", i)), denylist.ErrRevoked)
	}
}
