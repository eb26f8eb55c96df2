package registry_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/migrate"

	"gatehouse/registry"
	"gatehouse/registry/registrytest"
)

var errEarlierRefuses = errors.New("newer than this program")

// lastEarlier is the last migration of the version that noted its migrations in bun_migrations.
const lastEarlier = "0007"

// startEarlier does what a start of that version did.
func startEarlier(t *testing.T, database string) error {
	t.Helper()
	pool, err := sql.Open("pgx", database)
	require.NoError(t, err)
	pool.SetMaxOpenConns(1)
	db := bun.NewDB(pool, pgdialect.New())
	defer func() { require.NoError(t, db.Close()) }()
	// A later version builds indexes beside the traffic, which waits for every statement that has begun, this one included. Postgres ends
	// it then, and its supervisor starts the program again.
	for {
		_, err = db.ExecContext(t.Context(), "SELECT pg_advisory_lock(?)", 0x6761746568)
		if deadlock := new(pgconn.PgError); !errors.As(err, &deadlock) || deadlock.Code != "40P01" {
			break
		}
	}
	require.NoError(t, err)

	migrations := migrate.NewMigrations()
	require.NoError(t, migrations.Discover(onlyPostgres(t, lastEarlier)))
	known := map[string]bool{}
	for _, migration := range migrations.Sorted() {
		known[migration.Name] = true
	}
	var exists bool
	require.NoError(t, db.NewRaw("SELECT to_regclass('bun_migrations') IS NOT NULL").Scan(t.Context(), &exists))
	if exists {
		var names []string
		require.NoError(t, db.NewRaw("SELECT name FROM bun_migrations").Scan(t.Context(), &names))
		for _, name := range names {
			if !known[name] {
				return fmt.Errorf("%w: %s", errEarlierRefuses, name)
			}
		}
	}
	migrator := migrate.NewMigrator(db, migrations, migrate.WithMarkAppliedOnSuccess(true), migrate.WithUpsert(true),
		migrate.AfterMigration(func(ctx context.Context, tx bun.IConn, m *migrate.Migration) error {
			_, err := tx.ExecContext(ctx, fmt.Sprintf("INSERT INTO bun_migrations (name, group_id) VALUES ('%s', %d)", m.Name, m.GroupID))
			return err
		}))
	if err := migrator.Init(t.Context()); err != nil {
		return err
	}
	_, err = migrator.Migrate(t.Context())
	return err
}

// earlierInstallation is a database in which the earlier version has worked, with a grant of ann to the client app.
func earlierInstallation(t *testing.T) (database string) {
	t.Helper()
	database = registrytest.PostgresDatabase(t)
	require.NoError(t, startEarlier(t, database))
	execute(t, database, `INSERT INTO clients (id, name, url, image_url, domain, public, secret_hash, created_at, updated_at)
		VALUES ('app', 'App', '', '', '', false, '', now(), now())`, grantOfEarlier("before"))
	return database
}

// grantOfEarlier is a statement of the earlier version.
func grantOfEarlier(id string) string {
	return `INSERT INTO grants (id, client_id, subject, scopes, redirect_uri, access_lifespan, created_at, access_expires_at, end_reason)
		VALUES ('` + id + `', 'app', 'ann', '["balance:read"]', '', 1, now(), now() + interval '1 hour', '')`
}

// inUse asserts that the registry goes on with what the earlier version stored.
func inUse(t *testing.T, r *registry.Registry) {
	t.Helper()
	require.NoError(t, r.CheckSchema(t.Context()))
	connections, err := r.ConnectionsOf(t.Context(), "ann")
	require.NoError(t, err)
	require.Len(t, connections, 1)
	require.Equal(t, "App", connections[0].Name)
}

func namesInRecord(t *testing.T, database, record string) (names []string) {
	t.Helper()
	r := connect(t, inSchema(database, "public"), registry.WithPoolSize(1))
	require.NoError(t, r.DB().NewRaw("SELECT name FROM "+record+" ORDER BY id").Scan(t.Context(), &names))
	return names
}

// all are the names of the package's migrations.
func all(t *testing.T) (names []string) {
	for name := range onlyPostgres(t, "9999") {
		names = append(names, name[:4])
	}
	return names
}

func TestEarlierInstallationIsTakenOver(t *testing.T) {
	t.Parallel()
	database := earlierInstallation(t)
	old := connect(t, database)
	require.ErrorIs(t, old.CheckSchema(t.Context()), registry.ErrSchemaOutdated)

	var told []string
	r := open(t, database, registry.WithMigrated(func(migration string) { told = append(told, migration) }))
	inUse(t, r)
	for _, migration := range told {
		require.Greater(t, migration[:4], lastEarlier, "it was applied again")
	}
	require.ElementsMatch(t, all(t), namesInRecord(t, database, "gatehouse_migrations"))
	var schemas int
	require.NoError(t, r.DB().NewRaw("SELECT count(*) FROM pg_namespace WHERE nspname = 'gatehouse'").Scan(t.Context(), &schemas))
	require.Zero(t, schemas, "the tables stay")

	registrytest.StartLNDHub(t, database)
	inUse(t, open(t, database))
	registrytest.StartLNDHub(t, database)
	noted := namesInRecord(t, database, "bun_migrations")
	require.Len(t, noted, 7+1+6, noted)
}

// The version that has no record of its own yet was followed by lndhub.go in the same database: both noted in one table.
func TestEarlierInstallationWithLNDHubIsTakenOver(t *testing.T) {
	t.Parallel()
	database := earlierInstallation(t)
	registrytest.StartLNDHub(t, database)
	require.ErrorIs(t, startEarlier(t, database), errEarlierRefuses, "which is what was wrong")
	both := public(t, database)

	inUse(t, open(t, database))
	require.ElementsMatch(t, all(t), namesInRecord(t, database, "gatehouse_migrations"))
	for _, line := range both {
		if strings.Contains(line, "bun_migrations") {
			require.Contains(t, public(t, database), line)
		}
	}
	require.Len(t, namesInRecord(t, database, "bun_migrations"), 7+6)
	registrytest.StartLNDHub(t, database)
	inUse(t, open(t, database))
}

// A process of the earlier version is started again after the new one has migrated: it refuses, and changes nothing.
func TestEarlierVersionStartsAgain(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(*testing.T, string){
		"alone":           func(*testing.T, string) {},
		"lndhub.go first": func(t *testing.T, database string) { registrytest.StartLNDHub(t, database) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			database := earlierInstallation(t)
			prepare(t, database)
			r := open(t, database)
			before := public(t, database)
			require.ErrorIs(t, startEarlier(t, database), errEarlierRefuses)
			require.Equal(t, before, public(t, database))
			inUse(t, r)
		})
	}
}

// The operator goes back to the earlier version, as the documentation says, and forward again.
func TestEarlierVersionIsGoneBackTo(t *testing.T) {
	t.Parallel()
	database := earlierInstallation(t)
	open(t, database)
	execute(t, database, "DELETE FROM bun_migrations WHERE name = 'gatehouse_migrations'")
	require.NoError(t, startEarlier(t, database))
	execute(t, database, grantOfEarlier("back"))
	r := open(t, database)
	inUse(t, r)
	require.NoError(t, r.EndGrant(t.Context(), "back", "revoked"))
}

// A process of the earlier version serves on while the new one migrates, and after it.
func TestEarlierVersionServesOn(t *testing.T) {
	t.Parallel()
	database := earlierInstallation(t)
	pool, err := sql.Open("pgx", database)
	require.NoError(t, err)
	defer func() { _ = pool.Close() }()
	stop, served := make(chan struct{}), make(chan error, 1)
	first := make(chan struct{})
	go func() {
		var n int
		var err error
		for done := false; err == nil && !done; n++ {
			select {
			case <-stop:
				done = true // once more
			default:
			}
			_, err = pool.ExecContext(context.WithoutCancel(t.Context()), grantOfEarlier(fmt.Sprint("meanwhile ", n)))
			if n == 0 {
				close(first)
			}
		}
		served <- err
	}()
	<-first
	r := open(t, database)
	close(stop)
	require.NoError(t, <-served)
	inUse(t, r)
	require.NoError(t, r.EndGrant(t.Context(), "meanwhile 0", "revoked"), "what it stored is seen")
}

// Replicas of the new version start at once, and one of the earlier again and again.
func TestEarlierInstallationIsTakenOverAtOnce(t *testing.T) {
	t.Parallel()
	database := earlierInstallation(t)
	for i, err := range registrytest.Race(8, func(i int) error {
		if i < 2 {
			err := startEarlier(t, database)
			if errors.Is(err, errEarlierRefuses) {
				return nil
			}
			return err
		}
		r, err := registry.Open(t.Context(), database, registry.WithPoolSize(1))
		if err != nil {
			return err
		}
		return errors.Join(r.Migrate(t.Context()), r.CheckSchema(t.Context()), r.Close())
	}) {
		require.NoError(t, err, i)
	}
	require.ElementsMatch(t, all(t), namesInRecord(t, database, "gatehouse_migrations"))
	require.Len(t, namesInRecord(t, database, "bun_migrations"), 7+1)
	inUse(t, open(t, database))
}

// A process dies before it has copied the record, and one while it does.
func TestTakeOverIsInterrupted(t *testing.T) {
	t.Parallel()
	for _, at := range []string{"INSERT INTO \"gatehouse_migrations\"", "INSERT INTO \"bun_migrations\""} {
		t.Run(at, func(t *testing.T) {
			t.Parallel()
			database := earlierInstallation(t)
			r := connect(t, database)
			death := &atStatement{begins: at}
			death.armed.Store(true)
			require.Error(t, r.MigrateWatched(t.Context(), death))
			require.False(t, death.armed.Load())
			require.NoError(t, r.Migrate(t.Context()))
			inUse(t, r)
			require.ElementsMatch(t, all(t), namesInRecord(t, database, "gatehouse_migrations"))
			require.Len(t, namesInRecord(t, database, "bun_migrations"), 7+1)
		})
	}
}

// atStatement cancels the first statement that begins so.
type atStatement struct {
	begins string
	armed  atomic.Bool
}

func (a *atStatement) BeforeQuery(ctx context.Context, event *bun.QueryEvent) context.Context {
	if strings.HasPrefix(event.Query, a.begins) && a.armed.CompareAndSwap(true, false) {
		var cancel context.CancelFunc
		ctx, cancel = context.WithCancel(ctx)
		cancel()
	}
	return ctx
}

func (a *atStatement) AfterQuery(context.Context, *bun.QueryEvent) {}

// The operator moves the tables to a schema of their own, as the documentation says.
func TestEarlierInstallationIsMoved(t *testing.T) {
	t.Parallel()
	database := earlierInstallation(t)
	registrytest.StartLNDHub(t, database)
	here := open(t, database)
	ours := slices.DeleteFunc(tables(t, here), func(table string) bool {
		return strings.HasPrefix(table, "bun_") || slices.Contains([]string{"users", "invoices", "accounts", "transaction_entries"}, table)
	})
	operating, err := os.ReadFile("../docs/operating.md")
	require.NoError(t, err)
	_, statements, found := strings.Cut(string(operating), "```sql\nBEGIN;\n")
	require.True(t, found)
	statements, _, _ = strings.Cut(statements, "COMMIT;\n```")
	execute(t, database, strings.Split(strings.TrimSpace(statements), "\n")...)

	r := open(t, database)
	inUse(t, r)
	require.Equal(t, ours, tables(t, r), "docs/operating.md names all tables")
	registrytest.StartLNDHub(t, database)
	inUse(t, open(t, database))
}

// A database that a later program has migrated, as long as programs noted it there.
func TestEarlierRecordIsNewer(t *testing.T) {
	t.Parallel()
	database := earlierInstallation(t)
	execute(t, database, "INSERT INTO bun_migrations (name, group_id) VALUES ('9998', 9)")
	before := public(t, database)
	r := connect(t, database)
	require.ErrorIs(t, r.CheckSchema(t.Context()), registry.ErrNewerSchema)
	require.ErrorIs(t, r.Migrate(t.Context()), registry.ErrNewerSchema)
	require.Equal(t, before, public(t, database))
}
