package registry_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/registry"
	"gatehouse/registry/registrytest"
)

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]string{
		"nothing":             "",
		"another database":    "mysql://localhost/gatehouse",
		"no file":             "sqlite:",
		"file like a host":    "sqlite://gatehouse.db",
		"options":             "sqlite:gatehouse.db?mode=ro",
		"no such folder":      "sqlite:" + filepath.Join(t.TempDir(), "none", "gatehouse.db"),
		"nobody listens":      "postgres://gatehouse:hunter2@127.0.0.1:1/gatehouse",
		"malformed":           "postgres://gatehouse:hunter2@127.0.0.1:port/gatehouse",
		"in another language": "gatehouse.db",
	} {
		_, err := registry.Open(t.Context(), url)
		require.Error(t, err, name)
		require.NotContains(t, err.Error(), "hunter2", name)
	}
	_, err := registry.Open(t.Context(), "sqlite::memory:", registry.WithPoolSize(-1))
	require.ErrorIs(t, err, registry.ErrInvalid)
}

func TestValidateURL(t *testing.T) {
	t.Parallel()
	missing := filepath.Join(t.TempDir(), "none", "gatehouse.db")
	for url, good := range map[string]bool{
		"sqlite::memory:":                          true,
		"sqlite:" + missing:                        true,
		"postgres://a:hunter2@nowhere.invalid/b":   true,
		"postgresql://a:hunter2@nowhere.invalid/b": true,
		"sqlite:":                               false,
		"sqlite://gatehouse.db":                 false,
		"sqlite:gatehouse.db?mode=ro":           false,
		"postgres://a:hunter2@127.0.0.1:port/b": false,
		"mysql://a:hunter2@127.0.0.1/b":         false,
		"":                                      false,
	} {
		err := registry.ValidateURL(url)
		if good {
			require.NoError(t, err, url)
			continue
		}
		require.Error(t, err, url)
		require.NotContains(t, err.Error(), "hunter2")
	}
	require.NoFileExists(t, missing)
}

func TestPing(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db database) {
		r, err := registry.Open(t.Context(), db.url(t))
		require.NoError(t, err)
		require.NoError(t, r.Ping(t.Context()))
		require.NoError(t, r.Close())
		require.Error(t, r.Ping(t.Context()))
	})
}

func TestDatabaseStats(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db database) {
		r := connect(t, db.url(t), registry.WithPoolSize(1))
		tx, err := r.DB().BeginTx(t.Context(), nil)
		require.NoError(t, err)
		stats := r.DatabaseStats()
		require.Equal(t, 1, stats.MaxOpenConnections)
		require.Equal(t, 1, stats.InUse)
		require.NoError(t, tx.Rollback())
	})
}

func TestMemoryIsPrivate(t *testing.T) {
	t.Parallel()
	one, other := open(t, registrytest.Memory), open(t, registrytest.Memory)
	newWorld(t, one, newClock())
	_, err := other.Client(t.Context(), "app")
	require.ErrorIs(t, err, registry.ErrNotFound)
}

func TestFileIsPrivate(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "gatehouse.db")
	open(t, "sqlite:"+path)
	for _, suffix := range []string{"", "-wal"} {
		info, err := os.Stat(path + suffix)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), suffix)
	}
}

func TestReopened(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db database) {
		if !db.shared {
			return
		}
		url, c := db.url(t), newClock()
		first, err := registry.Open(t.Context(), url, registry.WithNow(c.Now))
		require.NoError(t, err)
		require.NoError(t, first.Migrate(t.Context()))
		w := newWorld(t, first, c)
		grantID, hash := w.redeem()
		require.NoError(t, w.rotate(hash, "second"))
		ended, _ := w.redeem()
		require.NoError(t, w.EndGrant(w.ctx, ended, "user"))
		_, unused := w.authorize()
		require.NoError(t, w.RevokeToken(w.ctx, "jti", start.Add(accessLife)))
		key, err := w.EnsureSigningKey(w.ctx, registry.SigningKey{ID: "k", Algorithm: "ES256", Sealed: "x"})
		require.NoError(t, err)
		pending, before := w.pending(), w.grant("code-"+grantID)
		require.NoError(t, first.Close())

		w.Registry = connect(t, url, registry.WithNow(c.Now))
		require.Equal(t, pending, w.pending())
		require.Equal(t, before, w.grant("code-"+grantID))
		require.True(t, w.revoked("jti", "", ""))
		require.True(t, w.revoked("", ended, ""))
		keys, err := w.SigningKeys(w.ctx)
		require.NoError(t, err)
		require.Equal(t, []registry.SigningKey{key}, keys)
		require.NoError(t, w.RedeemCode(w.ctx, unused, nil, start.Add(accessLife)))
		require.NoError(t, w.rotate("second", "third"))
		require.ErrorIs(t, w.rotate(hash, "second"), registry.ErrRefreshReused)
	})
}

// TestReplicas: the races of two processes, each with a pool of its own.
func TestReplicas(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db database) {
		if !db.shared {
			return
		}
		url, c := db.url(t), newClock()
		w := newWorld(t, open(t, url, registry.WithNow(c.Now)), c)
		replicas := []*registry.Registry{w.Registry, connect(t, url, registry.WithNow(c.Now))}

		_, code := w.authorize()
		var won int
		for _, err := range registrytest.Race(50, func(i int) error {
			return replicas[i%2].RedeemCode(w.ctx, code, nil, start.Add(accessLife))
		}) {
			if err == nil {
				won++
				continue
			}
			require.ErrorIs(t, err, registry.ErrCodeUsed)
		}
		require.Equal(t, 1, won)

		_, refresh := w.redeem()
		for _, err := range registrytest.Race(50, func(i int) error {
			return rotate(replicas[i%2], refresh, w.token("next"), grace, start.Add(accessLife))
		}) {
			require.NoError(t, err)
		}
		keys := make([]registry.SigningKey, 10)
		for _, err := range registrytest.Race(len(keys), func(i int) (err error) {
			keys[i], err = replicas[i%2].EnsureSigningKey(w.ctx, registry.SigningKey{ID: fmt.Sprint("k", i)})
			return err
		}) {
			require.NoError(t, err)
		}
		for _, key := range keys {
			require.Equal(t, keys[0], key)
		}
	})
}

// TestDeadline: no call waits longer for a connection or a lock than it may,
// and it works again once the obstacle is gone.
func TestDeadline(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db database) {
		for _, obstacle := range []string{"no connection", "locked rows"} {
			if obstacle == "locked rows" && !db.shared {
				continue
			}
			url, c := db.url(t), newClock()
			r := open(t, url, registry.WithPoolSize(1), registry.WithNow(c.Now), registry.WithTimeout(5*time.Second))
			w := newWorld(t, r, c)
			grantID, refresh := w.redeem()
			blocker := r
			if obstacle == "locked rows" {
				blocker = connect(t, url)
			}
			tx, err := blocker.DB().BeginTx(t.Context(), nil)
			require.NoError(t, err)
			for _, table := range []string{"clients", "grants"} {
				_, err = tx.NewUpdate().Table(table).Set("id = id").Where("1 = 1").Exec(t.Context())
				require.NoError(t, err)
			}
			for _, err := range registrytest.Race(4, func(i int) error {
				return []func() error{
					func() error { return second(w.UpdateClient(w.ctx, "app", func(*registry.Client) error { return nil })) },
					func() error { return w.EndGrant(w.ctx, grantID, "user") },
					func() error { return w.rotate(refresh, "next") },
					func() error { return w.SetClientSecret(w.ctx, "app", "hash") },
				}[i]()
			}) {
				require.ErrorIs(t, err, context.DeadlineExceeded, obstacle)
			}
			require.NoError(t, tx.Rollback())
			require.NoError(t, w.rotate(refresh, "next"), obstacle)
			require.NoError(t, w.EndGrant(w.ctx, grantID, "user"), obstacle)
		}
	})
}

// TestMemorySurvivesCancellation: the only connection of a database in memory is
// the database; a caller who goes away in the middle must not take it along.
func TestMemorySurvivesCancellation(t *testing.T) {
	t.Parallel()
	w := newWorld(t, open(t, registrytest.Memory), newClock())
	for range 50 {
		ctx, cancel := context.WithCancel(t.Context())
		_, err := w.UpdateClient(ctx, "app", func(c *registry.Client) error {
			c.Name = "New"
			cancel()
			return nil
		})
		require.ErrorIs(t, err, context.Canceled)
	}
	client, err := w.Client(w.ctx, "app")
	require.NoError(t, err)
	require.Equal(t, "App", client.Name)
	w.redeem()
}

func TestChangeThatPanics(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db database) {
		w := newWorld(t, open(t, db.url(t), registry.WithPoolSize(1)), newClock())
		require.Panics(t, func() {
			_, _ = w.UpdateClient(w.ctx, "app", func(*registry.Client) error { panic("change") })
		})
		w.redeem()
	})
}
