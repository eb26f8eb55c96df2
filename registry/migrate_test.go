package registry_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect"

	"gatehouse/registry"
	"gatehouse/registry/registrytest"
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
		noted, err := r.DB().NewSelect().Table(r.MigrationsTable()).Count(t.Context())
		require.NoError(t, err)
		require.EqualValues(t, 2, noted)
	})
}

// only is the package's own migrations up to a number.
func only(t *testing.T, r *registry.Registry, last string) fstest.MapFS {
	t.Helper()
	if r.DB().Dialect().Name() == dialect.PG {
		return onlyPostgres(t, last)
	}
	return onlyOf(t, filepath.Join("migrations", "sqlite"), last)
}

func onlyPostgres(t *testing.T, last string) fstest.MapFS {
	t.Helper()
	return onlyOf(t, filepath.Join("migrations", "postgres"), last)
}

func onlyOf(t *testing.T, folder, last string) fstest.MapFS {
	t.Helper()
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	files := fstest.MapFS{}
	for _, entry := range entries {
		if entry.Name()[:4] <= last {
			data, err := os.ReadFile(filepath.Join(folder, entry.Name()))
			require.NoError(t, err)
			files[entry.Name()] = &fstest.MapFile{Data: data}
		}
	}
	return files
}

// TestMigrateFromFirst: what the first version stored is good, and what a process
// of that version goes on to store.
func TestMigrateFromFirst(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db database) {
		r := connect(t, db.url(t))
		require.NoError(t, r.MigrateFrom(t.Context(), only(t, r, "0001")))
		insertKey := func(id string, createdAt time.Time) {
			_, err := r.DB().NewInsert().Table("signing_keys").Model(&map[string]any{
				"id": id, "algorithm": "ES256", "sealed": "x", "created_at": createdAt,
			}).Exec(t.Context())
			require.NoError(t, err)
		}
		insertKey("before", start)
		require.NoError(t, r.MigrateFrom(t.Context(), only(t, r, "0012")))
		importedBefore(t, r)
		require.NoError(t, r.Migrate(t.Context()))
		signFrom, err := r.DB().NewSelect().Table("signing_keys").Where("signs_from = created_at").Count(t.Context())
		require.NoError(t, err)
		require.EqualValues(t, 1, signFrom)
		insertKey("after", start.Add(time.Hour))

		keys, err := r.SigningKeys(t.Context())
		require.NoError(t, err)
		require.Len(t, keys, 2)
		for _, key := range keys {
			require.Equal(t, key.CreatedAt, key.SignsFrom, key.ID)
		}
		added, err := r.AddSigningKey(t.Context(), func(newest registry.SigningKey) bool { return newest.ID == "after" },
			registry.SigningKey{ID: "next", CreatedAt: start, SignsFrom: start.Add(time.Minute)})
		require.NoError(t, err)
		require.True(t, added)
		w := newWorld(t, r, newClock())
		w.redeem()
		require.NoError(t, second(w.EndGrants(w.ctx, "cid", "old", "user")))
		of := func(subject string) registry.ImportedGrant {
			grant := foreign("of " + subject + ", refreshed")
			grant.ClientID, grant.Subject = "old", subject
			return grant
		}
		require.Equal(t, []registry.ImportOutcome{registry.ImportTakenBack, registry.ImportTaken, registry.ImportTakenBack},
			w.take(w.from(50), of("ann"), of("bob"), of("cid")))
	})
}

// importedBefore are grants that were imported when nothing was noted of those that end: ann has taken hers back, bob's is gone at
// its source, cid's lives.
func importedBefore(t *testing.T, r *registry.Registry) {
	t.Helper()
	insert := func(table string, row map[string]any) {
		_, err := r.DB().NewInsert().Table(table).Model(&row).Exec(t.Context())
		require.NoError(t, err)
	}
	insert("clients", map[string]any{"id": "old", "name": "", "url": "", "image_url": "", "domain": "", "public": true, "secret_hash": "",
		"created_at": start, "updated_at": start})
	for subject, reason := range map[string]string{"ann": "user", "bob": "gone_at_source", "cid": ""} {
		grant := map[string]any{"id": subject, "client_id": "old", "subject": subject, "redirect_uri": "", "access_lifespan": 1,
			"created_at": start, "end_reason": reason}
		if reason != "" {
			grant["ended_at"] = start
		}
		insert("grants", grant)
		insert("imported_grants", map[string]any{"grant_id": subject, "source": elsewhere, "refresh_hash": subject,
			"expires_at": start.Add(day), "seen_at": start, "delivered": true})
	}
}

// TestMigrateIndexes: the building of an index is cut off; it is built anew.
func TestMigrateIndexes(t *testing.T) {
	t.Parallel()
	r := connect(t, registrytest.Postgres(t))
	require.NoError(t, r.MigrateFrom(t.Context(), only(t, r, "0002")))
	files := only(t, r, "0003")
	broken := strings.Replace(string(files["0003_purge.up.sql"].Data),
		"INDEX CONCURRENTLY codes_by_grant ON codes (grant_id)", "UNIQUE INDEX CONCURRENTLY codes_by_grant ON codes (challenge)", 1)
	insert := func(table string, row map[string]any) {
		_, err := r.DB().NewInsert().Table(table).Model(&row).Exec(t.Context())
		require.NoError(t, err)
	}
	insert("clients", map[string]any{"id": "before", "name": "", "url": "", "image_url": "", "domain": "", "public": true, "secret_hash": "",
		"created_at": start, "updated_at": start})
	insert("grants", map[string]any{"id": "before", "client_id": "before", "subject": "ann", "redirect_uri": "", "access_lifespan": 1,
		"created_at": start, "end_reason": ""})
	for _, hash := range []string{"one", "other"} {
		insert("codes", map[string]any{"hash": hash, "grant_id": "before", "challenge": "same", "challenge_method": "", "redirect_uri": "",
			"expires_at": start})
	}
	files["0003_purge.up.sql"] = &fstest.MapFile{Data: []byte(broken)}
	require.ErrorContains(t, r.MigrateFrom(t.Context(), files), "codes_by_grant")
	invalid := func() (names []string) {
		require.NoError(t, r.DB().NewRaw(`SELECT relname FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
			WHERE NOT indisvalid AND relnamespace = current_schema()::regnamespace`).Scan(t.Context(), &names))
		return names
	}
	require.Equal(t, []string{"codes_by_grant"}, invalid())
	require.NoError(t, r.Migrate(t.Context()))
	require.Empty(t, invalid())
	newWorld(t, r, newClock()).redeem()
}

// TestMigrateInterrupted: a process that dies after a migration's commit, before
// bun notes it, has noted it already.
func TestMigrateInterrupted(t *testing.T) {
	t.Parallel()
	r := connect(t, registrytest.Memory)
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
		for _, err := range registrytest.Race(8, func(i int) error {
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
		noted, err := r.DB().NewSelect().Table(r.MigrationsTable()).Count(t.Context())
		require.NoError(t, err)
		require.EqualValues(t, len(only(t, r, "9999")), noted)
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
