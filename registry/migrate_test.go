package registry_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"gatehouse/registry"
)

func TestMigrateAgain(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db database) {
		w := newWorld(t, open(t, db.url(t)), newClock())
		require.NoError(t, w.Migrate(w.ctx))
		_, err := w.Client(w.ctx, "app")
		require.NoError(t, err)
	})
}

func TestMigrateFailure(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db database) {
		r := connect(t, db.url(t))
		files := func(second string) fstest.MapFS {
			return fstest.MapFS{
				"0001_one.tx.up.sql": {Data: []byte("CREATE TABLE one (id text)")},
				"0002_two.tx.up.sql": {Data: []byte("CREATE TABLE two (id text);\n--bun:split\n" + second)},
			}
		}
		require.ErrorContains(t, r.MigrateFrom(t.Context(), files("INSERT INTO nowhere VALUES (1)")), "0002")
		one, err := r.DB().NewSelect().Table("one").Count(t.Context())
		require.NoError(t, err, "what came before the failure stays")
		require.Zero(t, one)
		_, err = r.DB().NewSelect().Table("two").Count(t.Context())
		require.Error(t, err, "half a migration stayed")

		require.NoError(t, r.MigrateFrom(t.Context(), files("INSERT INTO two VALUES ('x')")))
		require.NoError(t, r.MigrateFrom(t.Context(), files("INSERT INTO two VALUES ('x')")))
		two, err := r.DB().NewSelect().Table("two").Count(t.Context())
		require.NoError(t, err)
		require.EqualValues(t, 1, two)
		noted, err := r.DB().NewSelect().Table("bun_migrations").Count(t.Context())
		require.NoError(t, err)
		require.EqualValues(t, 2, noted)
	})
}

// TestMigrateInterrupted: a process that dies after a migration's commit, before
// bun notes it, has noted it already.
func TestMigrateInterrupted(t *testing.T) {
	t.Parallel()
	r := connect(t, "sqlite::memory:")
	files := fstest.MapFS{"0001_one.tx.up.sql": {Data: []byte("CREATE TABLE one (id text)")}}
	death := &atNote{}
	death.armed.Store(true)
	require.ErrorIs(t, r.WithQueryHook(death).MigrateFrom(t.Context(), files), context.Canceled)
	require.False(t, death.armed.Load())
	require.NoError(t, r.MigrateFrom(t.Context(), files))
}

// atNote cancels the statement with which bun notes a migration, once.
type atNote struct{ armed atomic.Bool }

func (a *atNote) BeforeQuery(ctx context.Context, event *bun.QueryEvent) context.Context {
	if strings.Contains(event.Query, "bun_migrations") && strings.Contains(event.Query, "ON CONFLICT") &&
		a.armed.CompareAndSwap(true, false) {
		var cancel context.CancelFunc
		ctx, cancel = context.WithCancel(ctx)
		cancel()
	}
	return ctx
}

func (a *atNote) AfterQuery(context.Context, *bun.QueryEvent) {}

// TestMigrateOvertaken: between the look at what is missing and the migration,
// another process migrated. Postgres keeps it out with a lock; SQLite has none
// that spans both.
func TestMigrateOvertaken(t *testing.T) {
	t.Parallel()
	url := databases[1].url(t)
	r, other := connect(t, url), connect(t, url)
	overtaking := &atBegin{then: func() { require.NoError(t, other.Migrate(t.Context())) }}
	require.NoError(t, r.WithQueryHook(overtaking).Migrate(t.Context()))
	require.True(t, overtaking.done)
}

// atBegin does something else before the first transaction begins.
type atBegin struct {
	then func()
	done bool
}

func (a *atBegin) BeforeQuery(ctx context.Context, event *bun.QueryEvent) context.Context {
	if event.Query == "BEGIN" && !a.done {
		a.done = true
		a.then()
	}
	return ctx
}

func (a *atBegin) AfterQuery(context.Context, *bun.QueryEvent) {}

// TestMigrateAtOnce: replicas and processes that start together.
func TestMigrateAtOnce(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db database) {
		if !db.shared {
			return
		}
		url := db.url(t)
		for _, err := range parallel(8, func(i int) error {
			if i < 2 {
				process := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestMigrateAsProcess$", "-test.v")
				process.Env = append(os.Environ(), "TEST_MIGRATE_URL="+url)
				output, err := process.CombinedOutput()
				if err != nil {
					t.Logf("%s", output)
				}
				return err
			}
			r, err := registry.Open(t.Context(), url, registry.WithPoolSize(1))
			if err != nil {
				return err
			}
			return errors.Join(r.Migrate(t.Context()), r.Close())
		}) {
			require.NoError(t, err)
		}
		r := connect(t, url)
		noted, err := r.DB().NewSelect().Table("bun_migrations").Count(t.Context())
		require.NoError(t, err)
		require.EqualValues(t, 1, noted)
		newWorld(t, r, newClock()).redeem()
	})
}

// TestMigrateAsProcess is the other process of TestMigrateAtOnce.
func TestMigrateAsProcess(t *testing.T) {
	url := os.Getenv("TEST_MIGRATE_URL")
	if url == "" {
		return
	}
	require.NoError(t, connect(t, url).Migrate(t.Context()))
}
