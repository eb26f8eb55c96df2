package denylist_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"gatehouse/denylist"
)

// manyQueries are more than share one round trip. Some are denied, each for another reason.
func manyQueries(t *testing.T, store *denylist.Store) []denylist.Query {
	t.Helper()
	queries := make([]denylist.Query, 1000)
	var entries []denylist.Entry
	for i := range queries {
		name := strconv.Itoa(i)
		q := denylist.Query{TokenID: "t" + name, GrantID: "g" + name, ClientID: "c" + name}
		if i%2 == 0 {
			q.GrantID = ""
		}
		queries[i] = q
		switch i % 105 {
		case 0:
			entries = append(entries, inAnHour(denylist.Token, q.TokenID))
		case 35:
			entries = append(entries, inAnHour(denylist.Grant, "g"+name))
		case 70:
			entries = append(entries, inAnHour(denylist.Client, q.ClientID))
		}
	}
	require.NoError(t, store.Deny(t.Context(), entries...))
	return queries
}

// requireSameAnswers is for a checker that knows everything. On a busy machine Redis may still take too long for a
// question; it is then asked again.
func requireSameAnswers(t *testing.T, checker denylist.Checker, queries []denylist.Query) {
	t.Helper()
	isUnknown := func(err error) bool { return errors.Is(err, denylist.ErrUnknown) }
	answers := make([]error, len(queries))
	require.Eventually(t, func() bool {
		for i := range answers {
			answers[i] = errors.New("left from another time")
		}
		denylist.CheckAll(t.Context(), checker, queries, answers)
		return !slices.ContainsFunc(answers, isUnknown)
	}, patience, tick)
	for i, q := range queries {
		want := checker.Check(t.Context(), q)
		for ; isUnknown(want) && t.Context().Err() == nil; want = checker.Check(t.Context(), q) {
		}
		if want == nil {
			require.NoError(t, answers[i], i)
			continue
		}
		require.ErrorIs(t, answers[i], want, i)
	}
}

func TestManyAreCheckedAsEachIs(t *testing.T) {
	forEachRedis(t, func(t *testing.T, store *denylist.Store, _ *redis.Client) {
		queries := manyQueries(t, store)
		answers := make([]error, len(queries))
		require.Eventually(t, func() bool {
			store.CheckAll(t.Context(), queries, answers)
			return !slices.ContainsFunc(answers, isTooSlow)
		}, patience, tick)
		require.ErrorIs(t, answers[1], denylist.ErrUnknown, "not everything was loaded")
		require.ErrorIs(t, answers[0], denylist.ErrRevoked, "what is there is known")

		require.NoError(t, store.Reload(t.Context(), nothing()))
		requireSameAnswers(t, store, queries)
		mirror := follow(t, store, time.Hour)
		require.Eventually(t, mirror.Ready, patience, tick)
		requireSameAnswers(t, mirror, queries)
		requireSameAnswers(t, oneByOne{store}, queries)
		denylist.CheckAll(t.Context(), store, nil, nil)
	})
}

// oneByOne has no CheckAll.
type oneByOne struct{ checker denylist.Checker }

func (o oneByOne) Check(ctx context.Context, q denylist.Query) error { return o.checker.Check(ctx, q) }

func TestManyShareARoundTrip(t *testing.T) {
	server := miniredis.RunT(t)
	run(t, "redis://"+server.Addr(), func(t *testing.T, store *denylist.Store, _ *redis.Client) {
		queries := manyQueries(t, store)
		before := server.CommandCount()
		store.CheckAll(t.Context(), queries, make([]error, len(queries)))
		require.LessOrEqual(t, server.CommandCount()-before, 4+5, "a thousand take four, and a new connection some for itself")
	})
}

// Redis is asked once and not for every batch while it does not answer; what a mirror knows it knows all the same.
func TestManyAreUnknownWithoutRedis(t *testing.T) {
	server := miniredis.RunT(t)
	store, err := denylist.Connect("redis://" + server.Addr())
	require.NoError(t, err)
	t.Cleanup(func() { _ = store.Close() })
	queries := manyQueries(t, store)
	require.NoError(t, store.Reload(t.Context(), nothing()))
	mirror := denylist.NewMirror(store, time.Nanosecond, slog.New(slog.DiscardHandler))
	require.NoError(t, mirror.Deny(t.Context(), inAnHour(denylist.Token, queries[1].TokenID)))
	server.Close()

	answers := make([]error, len(queries))
	mirror.CheckAll(t.Context(), queries, answers)
	for i := range answers {
		if i == 1 {
			require.ErrorIs(t, answers[i], denylist.ErrRevoked)
		} else {
			require.ErrorIs(t, answers[i], denylist.ErrUnknown)
		}
	}
}
