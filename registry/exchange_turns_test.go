package registry_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"gatehouse/registry"
	"gatehouse/registry/registrytest"
)

// TestAnExchangeTakesItsTurn: one statement that has to wait for another transaction goes by what that leaves behind, and not by what it
// saw when it began.
func TestAnExchangeTakesItsTurn(t *testing.T) {
	t.Parallel()
	exchanges := map[string]struct {
		use  func(w *world, code, token string) error
		used error
	}{
		"code": {func(w *world, code, _ string) error {
			first := w.token("late first")
			return w.RedeemCode(w.ctx, code, &first, w.Now().Add(accessLife))
		}, registry.ErrCodeUsed},
		"refresh token": {func(w *world, _, token string) error { return w.rotate(token, "late next") }, registry.ErrRefreshReused},
	}
	for kind, exchange := range exchanges {
		for name, meanwhile := range map[string]struct {
			texts []string // of statements about the grant with its code and its refresh token
			want  error
		}{
			"the grant ends": {[]string{"UPDATE grants SET ended_at = now(), end_reason = 'user' WHERE id = ?0"}, registry.ErrGrantEnded},
			"another uses it": {[]string{
				"UPDATE codes SET used_at = now() WHERE hash = ?1",
				"UPDATE refresh_tokens SET used_at = now(), successor_hash = 'early next' WHERE hash = ?2",
			}, exchange.used},
		} {
			t.Run(kind+", "+name, func(t *testing.T) {
				t.Parallel()
				r := connect(t, registrytest.PostgresDatabase(t))
				require.NoError(t, r.Migrate(t.Context()))
				w := newWorld(t, r, registrytest.NewClock(time.Now()))
				grantID, code := w.authorize()
				token := w.token("token")
				token.GrantID = grantID
				_, err := w.DB().NewRaw("INSERT INTO refresh_tokens (hash, grant_id, created_at, expires_at, successor_hash, predecessor_hash) "+
					"VALUES (?, ?, now(), ?, '', '')", token.Hash, grantID, token.ExpiresAt).Exec(w.ctx)
				require.NoError(t, err)

				done := make(chan error, 1)
				require.NoError(t, w.DB().RunInTx(w.ctx, nil, func(ctx context.Context, tx bun.Tx) error {
					for _, text := range meanwhile.texts {
						_, err := tx.NewRaw(text, grantID, code, token.Hash).Exec(ctx)
						require.NoError(t, err)
					}
					go func() { done <- exchange.use(w, code, token.Hash) }()
					require.Eventually(t, w.somebodyWaits, time.Minute, time.Millisecond)
					return nil
				}))
				require.ErrorIs(t, <-done, meanwhile.want)
				for _, hash := range []string{"late first", "late next"} {
					require.ErrorIs(t, third(w.RefreshToken(w.ctx, hash)), registry.ErrNotFound)
				}
				require.Zero(t, w.grant(code).AccessExpiresAt, "nothing was minted")
			})
		}
	}
}

// somebodyWaits reports whether anybody waits for a row that somebody else has changed.
func (w *world) somebodyWaits() (is bool) {
	err := w.DB().NewRaw("SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database())").Scan(w.ctx, &is)
	return err == nil && is
}
