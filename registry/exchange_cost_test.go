package registry_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/registry"
	"gatehouse/registry/registrytest"
)

// TestStatementsOfAnExchange: on Postgres a code, and a refresh token, is exchanged by one statement, which is a transaction of its own and
// is planned once. What they refuse, the steps refuse.
func TestStatementsOfAnExchange(t *testing.T) {
	t.Parallel()
	r := connect(t, registrytest.PostgresDatabase(t), registry.WithPoolSize(1))
	require.NoError(t, r.Migrate(t.Context()))
	w := newWorld(t, r, registrytest.NewClock(time.Now()))
	steps := &statements{}
	w.Registry = r.WithQueryHook(steps)
	cost := func(step func()) (statements int64) {
		steps.texts = nil
		before := transactions(t, r)
		step()
		return transactions(t, r) - before + int64(len(steps.texts))
	}
	counting := cost(func() {})
	// The database cleans up by itself now and then, which counts, too.
	fewest := func(step func() func()) int64 {
		least := int64(1000)
		for range 5 {
			least = min(least, cost(step())-counting)
		}
		return least
	}
	require.EqualValues(t, 1, fewest(func() func() {
		_, code := w.authorize()
		first := w.token("refresh of " + code)
		return func() { require.NoError(t, w.RedeemCode(t.Context(), code, &first, w.Now().Add(accessLife))) }
	}))
	_, refresh := w.redeem()
	require.EqualValues(t, 1, fewest(func() func() {
		return func() {
			require.NoError(t, w.rotate(refresh, refresh+"+"))
			refresh += "+"
		}
	}))
	require.Greater(t, fewest(func() func() {
		return func() { require.ErrorIs(t, w.rotate("unknown", "next"), registry.ErrNotFound) }
	}), int64(1))
}

// TestAnExchangeThatIsRefusedChangesNothing, where one statement would have changed a part of it.
func TestAnExchangeThatIsRefusedChangesNothing(t *testing.T) {
	t.Parallel()
	r := connect(t, registrytest.PostgresDatabase(t))
	require.NoError(t, r.Migrate(t.Context()))
	w := newWorld(t, r, registrytest.NewClock(time.Now()))
	_, taken := w.redeem()

	grantID, code := w.authorize()
	first := w.token(taken)
	require.ErrorIs(t, w.RedeemCode(t.Context(), code, &first, w.Now().Add(accessLife)), registry.ErrExists)
	elsewhere := w.token("new")
	elsewhere.GrantID = "another"
	require.ErrorIs(t, w.RedeemCode(t.Context(), code, &elsewhere, w.Now().Add(accessLife)), registry.ErrInvalid)
	require.Zero(t, w.grant(code).AccessExpiresAt)
	first.Hash = "free"
	require.NoError(t, w.RedeemCode(t.Context(), code, &first, w.Now().Add(accessLife)), "the code was not spent")

	require.ErrorIs(t, w.rotate("free", taken), registry.ErrExists)
	require.ErrorIs(t, rotate(r, "free", elsewhere, grace, w.Now().Add(accessLife)), registry.ErrInvalid)
	require.NoError(t, w.rotate("free", "next"), "the token was not spent")

	require.NoError(t, w.EndGrant(t.Context(), grantID, "test"))
	require.ErrorIs(t, w.rotate("next", "after the end"), registry.ErrGrantEnded)
	token, _, err := w.RefreshToken(t.Context(), "next")
	require.NoError(t, err)
	require.False(t, token.Used())
}
