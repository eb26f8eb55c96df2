package registry

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/migrate"
)

//go:embed migrations/*/*.up.sql
var migrationFiles embed.FS

// The tables in which migrations are noted.
const (
	postgresMigrations = "gatehouse_migrations" // other programs note theirs in bun_migrations
	sqliteMigrations   = "bun_migrations"
)

func (r *Registry) migrationsTable() string {
	if r.onPostgres() {
		return postgresMigrations
	}
	return sqliteMigrations
}

// migrationLock is the Postgres advisory lock of those who migrate.
const migrationLock = 0x6761746568 // "gateh"

// errAppliedElsewhere undoes a migration that another process finished first.
var errAppliedElsewhere = errors.New("applied by another process")

// Migrate brings the tables up to date. Any number of processes may do it at
// once, while others serve. Each migration is one transaction together with the
// note that it was applied: one that fails leaves nothing behind and runs again
// next time. The exception are indexes of tables that are in use: Postgres builds
// them outside of any transaction, so that nobody waits, and one that was not
// finished is built anew next time.
//
// On Postgres it makes the schema that Open chose, and takes over the record of an
// earlier version (earlier.go). The tables stay where they are.
//
// ErrNewerSchema when a later program has migrated; nothing is changed then.
// ErrNameTaken and ErrNotAllowed say what keeps the tables from being made.
//
// Migrate blocks as long as ctx allows, while others migrate too. On Postgres it
// uses one connection beside the pool.
func (r *Registry) Migrate(ctx context.Context) error {
	migrations, err := r.migrations()
	if err != nil {
		return err
	}
	return r.migrate(ctx, migrations)
}

// migrations are the package's own.
func (r *Registry) migrations() (*migrate.Migrations, error) {
	folder := "migrations/sqlite"
	if r.onPostgres() {
		folder = "migrations/postgres"
	}
	files, err := fs.Sub(migrationFiles, folder)
	if err != nil {
		return nil, err
	}
	return discover(files)
}

func discover(files fs.FS) (*migrate.Migrations, error) {
	migrations := migrate.NewMigrations()
	if err := migrations.Discover(files); err != nil {
		return nil, fmt.Errorf("registry: migrations: %w", err)
	}
	return migrations, nil
}

// maxDeadlocks is more than there are earlier programs that start at the same time.
const maxDeadlocks = 20

// migrate begins again after a deadlock, without the lock meanwhile: an earlier program waits for it within a statement, and the building
// of an index waits for every statement. What was done is not done again.
func (r *Registry) migrate(ctx context.Context, migrations *migrate.Migrations) error {
	for deadlocks := 0; ; {
		err := r.alone(ctx, func(db *bun.DB) error { return r.apply(ctx, db, migrations) })
		if err == nil {
			return nil
		}
		if deadlocks++; !isDeadlock(err) || deadlocks > maxDeadlocks || !pause(ctx, lockInterval) {
			return fmt.Errorf("registry: migrate: %w", whatRefused(err))
		}
	}
}

// lockInterval lies between two looks at the lock.
const lockInterval = 50 * time.Millisecond

// pause reports whether d has passed before ctx ended.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// alone runs steps while no other process runs any, as far as the database has a lock for that.
func (r *Registry) alone(ctx context.Context, steps func(*bun.DB) error) error {
	if !r.onPostgres() {
		return steps(r.db)
	}
	db, err := r.lockMigrations(ctx)
	if err != nil {
		return err
	}
	return errors.Join(steps(db), db.Close()) // and with its session goes the lock
}

func (r *Registry) apply(ctx context.Context, db *bun.DB, migrations *migrate.Migrations) error {
	if r.schema != "" {
		if err := r.makeHome(ctx, db); err != nil {
			return err
		}
	}
	migrator := migrate.NewMigrator(db, migrations,
		migrate.WithTableName(r.migrationsTable()),
		migrate.WithLocksTableName(strings.TrimSuffix(r.migrationsTable(), "s")+"_locks"),
		migrate.WithMarkAppliedOnSuccess(true),
		migrate.WithUpsert(true),
		migrate.BeforeMigration(r.unlessApplied),
		migrate.AfterMigration(r.noteApplied),
	)
	for {
		applied, earlier, err := r.applied(ctx, db)
		if err == nil {
			err = refuseNewer(migrations, applied)
		}
		if err == nil {
			err = migrator.Init(ctx)
		}
		if err == nil && earlier {
			err = takeOver(ctx, db)
		}
		if err == nil {
			var group *migrate.MigrationGroup
			group, err = migrator.Migrate(ctx)
			r.tellOf(group.Migrations, err)
		}
		if !errors.Is(err, errAppliedElsewhere) {
			return err
		}
	}
}

// tellOf tells of the migrations that a run applied. If it failed, the last one was not.
func (r *Registry) tellOf(run migrate.MigrationSlice, err error) {
	if err != nil && len(run) > 0 {
		run = run[:len(run)-1]
	}
	for _, migration := range run {
		r.tellMigrated(migration.String())
	}
}

// lockMigrations waits until no other process migrates. The lock belongs to the
// session, so the migrations have to run on the same, single connection.
//
// It polls: the building of an index waits for every statement that runs, so a
// statement that waited here would wait for it in turn, and neither would end.
func (r *Registry) lockMigrations(ctx context.Context) (*bun.DB, error) {
	const patience = 24 * time.Hour // ctx decides how long a migration may take
	alone, err := openPostgres(r.url, r.schema, 1, patience)
	if err != nil {
		return nil, err
	}
	alone.SetConnMaxIdleTime(0)
	alone.SetConnMaxLifetime(0)
	for {
		var locked bool
		err := alone.QueryRowContext(ctx, "SELECT pg_try_advisory_lock(?)", migrationLock).Scan(&locked)
		if err != nil {
			return nil, errors.Join(err, alone.Close())
		}
		if locked {
			return alone, nil
		}
		if !pause(ctx, lockInterval) {
			return nil, errors.Join(ctx.Err(), alone.Close())
		}
	}
}

// unlessApplied looks once more, inside the migration's own transaction. In SQLite,
// where a transaction excludes all others, it serves as the lock.
func (r *Registry) unlessApplied(ctx context.Context, tx bun.IConn, migration *migrate.Migration) error {
	var applied bool
	err := tx.QueryRowContext(ctx,
		"SELECT EXISTS (SELECT 1 FROM "+r.migrationsTable()+" WHERE name = '"+migration.Name+"')").Scan(&applied)
	if err == nil && applied {
		return errAppliedElsewhere
	}
	return err
}

// noteApplied makes the migration and its note one: bun notes it only after the
// commit, and a process that died between would leave tables that it creates again.
func (r *Registry) noteApplied(ctx context.Context, tx bun.IConn, migration *migrate.Migration) error {
	_, err := tx.ExecContext(ctx, fmt.Sprintf("INSERT INTO %s (name, group_id) VALUES ('%s', %d)",
		r.migrationsTable(), migration.Name, migration.GroupID))
	return err
}
