package registry_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/registry"
	"gatehouse/registry/registrytest"
)

func refreshRotated(t *testing.T, w *world) {
	grantID, hash := w.redeem()
	w.Advance(time.Hour)
	bound := w.token("second")
	bound.BoundTo = "a thumbprint"
	require.NoError(t, rotate(w.Registry, hash, bound, grace, w.Now().Add(accessLife)))
	old, grant, err := w.RefreshToken(w.ctx, hash)
	require.NoError(t, err)
	require.True(t, old.Used())
	require.Equal(t, stored(w.Now()), old.UsedAt)
	require.Equal(t, "second", old.SuccessorHash)
	require.Equal(t, stored(w.Now().Add(accessLife)), grant.AccessExpiresAt)
	next, _, err := w.RefreshToken(w.ctx, "second")
	require.NoError(t, err)
	require.Equal(t, registry.RefreshToken{
		Hash: "second", GrantID: grantID, CreatedAt: stored(w.Now()), ExpiresAt: stored(w.Now().Add(refreshLife)), BoundTo: "a thumbprint",
	}, next)

	short := w.Now().Add(time.Minute)
	require.NoError(t, rotate(w.Registry, "second", w.token("third"), grace, short))
	require.Equal(t, stored(w.Now().Add(accessLife)), w.grant("code-g1").AccessExpiresAt, "it never moves back")
}

func refreshGrace(t *testing.T, w *world) {
	_, hash := w.redeem()
	require.NoError(t, w.rotate(hash, "second"))
	w.Advance(grace - time.Microsecond)
	require.NoError(t, w.rotate(hash, "second"))
	require.Equal(t, stored(w.Now().Add(accessLife)), w.grant("code-g1").AccessExpiresAt)
	second, _, err := w.RefreshToken(w.ctx, "second")
	require.NoError(t, err)
	require.Equal(t, stored(start), second.CreatedAt, "the repetition replaced the successor")

	require.NoError(t, w.EndGrant(w.ctx, "g1", "user"))
	require.ErrorIs(t, w.rotate(hash, "second"), registry.ErrGrantEnded, "grace does not outlive the grant")
}

func refreshReused(t *testing.T, w *world) {
	for name, reuse := range map[string]func(hash, next string) error{
		"after the grace period": func(hash, next string) error {
			w.Advance(grace)
			return w.rotate(hash, next)
		},
		"with another successor": func(hash, next string) error { return w.rotate(hash, next+"'") },
		"after the successor was used": func(hash, next string) error {
			require.NoError(t, w.rotate(next, next+"-third"))
			return w.rotate(hash, next)
		},
		"without grace": func(hash, next string) error {
			return rotate(w.Registry, hash, w.token(next), 0, w.Now().Add(accessLife))
		},
		"after its own expiry": func(hash, next string) error {
			w.Advance(refreshLife)
			return w.rotate(hash, next)
		},
	} {
		grantID, hash := w.redeem()
		next := "next-" + grantID
		require.NoError(t, w.rotate(hash, next), name)
		minted := w.Now().Add(accessLife)
		require.ErrorIs(t, reuse(hash, next), registry.ErrRefreshReused, name)

		grant := w.grant("code-" + grantID)
		require.Equal(t, "refresh_reused", grant.EndReason, name)
		require.True(t, w.revoked("", grantID, ""), name)
		if minted.After(w.Now()) {
			require.Equal(t, stored(minted), w.pending()["grant "+grantID], name)
		} else {
			require.NotContains(t, w.pending(), "grant "+grantID, name)
		}
		require.Error(t, w.rotate(next, "more"), name)
		require.ErrorIs(t, w.rotate(hash, next+"'"), registry.ErrRefreshReused, "%s: said again for an ended grant", name)
	}
}

func refreshRefused(t *testing.T, w *world) {
	grantID, hash := w.redeem()
	_, other := w.redeem()
	require.ErrorIs(t, third(w.RefreshToken(w.ctx, "nothing")), registry.ErrNotFound)
	require.ErrorIs(t, w.rotate("nothing", "next"), registry.ErrNotFound)
	require.ErrorIs(t, w.rotate(hash, other), registry.ErrExists)

	require.NoError(t, w.EndGrant(w.ctx, grantID, "user"))
	require.ErrorIs(t, w.rotate(hash, "next"), registry.ErrGrantEnded)
	w.Advance(refreshLife)
	require.ErrorIs(t, w.rotate(other, "next"), registry.ErrExpired, "a token is dead at its expiry")

	for _, hash := range []string{hash, other} {
		token, grant, err := w.RefreshToken(w.ctx, hash)
		require.NoError(t, err)
		require.False(t, token.Used())
		require.Empty(t, token.SuccessorHash)
		require.Equal(t, stored(start.Add(accessLife)), grant.AccessExpiresAt)
	}
	require.ErrorIs(t, third(w.RefreshToken(w.ctx, "next")), registry.ErrNotFound)
	require.False(t, w.grant("code-g2").Ended())
}

func refreshRotatedAtOnce(t *testing.T, w *world) {
	_, hash := w.redeem()
	for _, err := range registrytest.Race(50, func(i int) error {
		return rotate(w.Registry, hash, w.token("next"), grace, start.Add(accessLife+time.Duration(i)*time.Minute))
	}) {
		require.NoError(t, err)
	}
	tokens, err := w.DB().NewSelect().Table("refresh_tokens").Count(w.ctx)
	require.NoError(t, err)
	require.EqualValues(t, 2, tokens)
	require.Equal(t, stored(start.Add(accessLife+49*time.Minute)), w.grant("code-g1").AccessExpiresAt)
	require.Empty(t, w.pending())
	require.NoError(t, w.rotate("next", "third"))
}

// refreshReusedAtOnce: thieves and owner, each with a successor of its own.
func refreshReusedAtOnce(t *testing.T, w *world) {
	grantID, hash := w.redeem()
	var won int
	for i, err := range registrytest.Race(50, func(i int) error {
		return rotate(w.Registry, hash, w.token(fmt.Sprint("next", i)), grace, start.Add(accessLife+time.Duration(i)*time.Minute))
	}) {
		if err == nil {
			won++
			require.Equal(t, map[string]time.Time{"grant " + grantID: stored(start.Add(accessLife + time.Duration(i)*time.Minute))}, w.pending())
			continue
		}
		require.ErrorIs(t, err, registry.ErrRefreshReused)
	}
	require.Equal(t, 1, won)
	require.Equal(t, "refresh_reused", w.grant("code-g1").EndReason)
}

// refreshRotatedAgainstTheEnd: a rotation that succeeds is covered by the
// revocation; one that begins after the end has been answered does not succeed.
func refreshRotatedAgainstTheEnd(t *testing.T, w *world) {
	for range 5 {
		grantID, hash := w.redeem()
		ended := make(chan struct{})
		const n = 20
		expires := func(i int) time.Time { return start.Add(accessLife + time.Duration(i+1)*time.Minute) }
		rotate := func(i int) error {
			return rotate(w.Registry, hash, w.token("next-"+grantID), grace, expires(i))
		}
		errs := registrytest.Race(n, func(i int) error {
			switch {
			case i == n/2:
				defer close(ended)
				return w.EndGrant(w.ctx, grantID, "user")
			case i >= n-5:
				<-ended
				if err := rotate(i); !errors.Is(err, registry.ErrGrantEnded) {
					return fmt.Errorf("rotated after the end: %w", err)
				}
				return registry.ErrGrantEnded
			}
			return rotate(i)
		})
		last := start.Add(accessLife)
		for i, err := range errs {
			switch {
			case i == n/2:
				require.NoError(t, err)
			case err == nil:
				last = expires(i)
			default:
				require.ErrorIs(t, err, registry.ErrGrantEnded)
			}
		}
		require.Equal(t, stored(last), w.pending()["grant "+grantID])
	}
}

// refreshWithoutGrant: no token is stored that no end of a grant would reach.
func refreshWithoutGrant(t *testing.T, w *world) {
	insert := func(hash, grantID string) error {
		_, err := w.DB().NewInsert().Table("refresh_tokens").Model(&map[string]any{
			"hash": hash, "grant_id": grantID, "created_at": start, "expires_at": start, "successor_hash": "",
		}).Exec(w.ctx)
		return err
	}
	grantID, _ := w.authorize()
	require.NoError(t, insert("one", grantID))
	require.Error(t, insert("other", "nothing"))
}
