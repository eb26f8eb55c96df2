package registry

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/migrate"
)

//go:embed migrations/*/*.up.sql
var migrationFiles embed.FS

const migrationTable = "bun_migrations"

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
// ErrNewerSchema when a later program has migrated; nothing is changed then.
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

func (r *Registry) migrate(ctx context.Context, migrations *migrate.Migrations) (err error) {
	db := r.db
	if r.onPostgres() {
		if db, err = r.lockMigrations(ctx); err != nil {
			return fmt.Errorf("registry: migrate: %w", err)
		}
		defer func() { err = errors.Join(err, db.Close()) }() // and with its session goes the lock
	}
	migrator := migrate.NewMigrator(db, migrations,
		migrate.WithTableName(migrationTable),
		migrate.WithMarkAppliedOnSuccess(true),
		migrate.WithUpsert(true),
		migrate.BeforeMigration(unlessApplied),
		migrate.AfterMigration(noteApplied),
	)
	for {
		applied, err := r.applied(ctx, db)
		if err == nil {
			err = refuseNewer(migrations, applied)
		}
		if err == nil {
			err = migrator.Init(ctx)
		}
		if err == nil {
			var group *migrate.MigrationGroup
			group, err = migrator.Migrate(ctx)
			r.tellOf(group.Migrations, err)
		}
		switch {
		case err == nil:
			return nil
		case !errors.Is(err, errAppliedElsewhere):
			return fmt.Errorf("registry: migrate: %w", err)
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
	alone, err := openPostgres(r.url, 1, patience)
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
		select {
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), alone.Close())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// unlessApplied looks once more, inside the migration's own transaction. In SQLite,
// where a transaction excludes all others, it serves as the lock.
func unlessApplied(ctx context.Context, tx bun.IConn, migration *migrate.Migration) error {
	var applied bool
	err := tx.QueryRowContext(ctx,
		"SELECT EXISTS (SELECT 1 FROM "+migrationTable+" WHERE name = '"+migration.Name+"')").Scan(&applied)
	if err == nil && applied {
		return errAppliedElsewhere
	}
	return err
}

// noteApplied makes the migration and its note one: bun notes it only after the
// commit, and a process that died between would leave tables that it creates again.
func noteApplied(ctx context.Context, tx bun.IConn, migration *migrate.Migration) error {
	_, err := tx.ExecContext(ctx, fmt.Sprintf("INSERT INTO %s (name, group_id) VALUES ('%s', %d)",
		migrationTable, migration.Name, migration.GroupID))
	return err
}
