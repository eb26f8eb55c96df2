package registrytest

import (
	"context"
	"database/sql"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/migrate"
)

// StartLNDHub does to a Postgres database what a start of lndhub.go does: it brings the tables of that program up to
// date, and fails the test when they cannot be, or cannot be used. It may be called again.
//
// The statements are a selection, of each kind one. The names of tables and migrations, the migrator and the tables in which it
// notes them are lndhub.go's.
func StartLNDHub(t testing.TB, url string) {
	t.Helper()
	pool, err := sql.Open("pgx", url)
	require.NoError(t, err)
	db := bun.NewDB(pool, pgdialect.New())
	defer func() { require.NoError(t, db.Close()) }()

	migrations := migrate.NewMigrations()
	require.NoError(t, migrations.Discover(lndhubFiles))
	migrations.Add(migrate.Migration{Name: "20220120000700", Comment: "add_constraints", Up: func(ctx context.Context, m *migrate.Migrator, _ *migrate.Migration) error {
		_, err := m.DB().ExecContext(ctx, lndhubBalances)
		return err
	}})
	migrator := migrate.NewMigrator(db, migrations)
	require.NoError(t, migrator.Init(t.Context()), "lndhub.go does not start")
	_, err = migrator.Migrate(t.Context())
	require.NoError(t, err, "lndhub.go does not start")

	_, err = db.ExecContext(t.Context(), `WITH made AS (INSERT INTO users (login, password) SELECT 'login ' || count(*), 'x' FROM users RETURNING id)
		INSERT INTO accounts (user_id, type) SELECT id, kind FROM made, unnest(ARRAY['incoming', 'current', 'outgoing', 'fees']) AS kind`)
	require.NoError(t, err, "lndhub.go does not work")
}

var lndhubFiles = fstest.MapFS{
	"20220115171101_init.up.sql": {Data: []byte(`
CREATE TABLE users (id serial PRIMARY KEY, login varchar NOT NULL UNIQUE, password varchar NOT NULL);
--bun:split
CREATE TABLE invoices (id serial PRIMARY KEY, user_id bigint REFERENCES users (id) ON DELETE CASCADE, amount bigint, r_hash varchar, state varchar);
--bun:split
CREATE TABLE accounts (id serial PRIMARY KEY, user_id bigint NOT NULL REFERENCES users (id) ON DELETE CASCADE, type varchar NOT NULL);
--bun:split
CREATE TABLE transaction_entries (id serial PRIMARY KEY, user_id bigint NOT NULL REFERENCES users (id) ON DELETE CASCADE,
	invoice_id bigint NOT NULL, credit_account_id bigint NOT NULL REFERENCES accounts (id),
	debit_account_id bigint NOT NULL REFERENCES accounts (id), amount bigint NOT NULL);`)},
	"20220119021600_balances.up.sql": {Data: []byte(`
CREATE VIEW account_ledgers (account_id, transaction_entry_id, amount) AS
	SELECT credit_account_id, id, amount FROM transaction_entries
	UNION ALL SELECT debit_account_id, id, -amount FROM transaction_entries;`)},
	"20220301100000_invoice_add_fee.up.sql": {Data: []byte("ALTER TABLE invoices ADD COLUMN fee bigint;")},
	"20221226203000_db_index.up.sql": {Data: []byte(`
CREATE INDEX CONCURRENTLY IF NOT EXISTS index_invoices_on_r_hash ON invoices (r_hash);`)},
	"20231123030000_add_amount_to_transaction_entries_index.up.sql": {Data: []byte(`
CREATE INDEX CONCURRENTLY IF NOT EXISTS index_transaction_entries_on_credit_account_id_include_amount
	ON public.transaction_entries USING btree (credit_account_id ASC) INCLUDE (amount);`)},
	"2024060603000_invoice_state.sql": {Data: []byte("SELECT 'is not run, for what its name ends in'")},
}

const lndhubBalances = `
ALTER TABLE transaction_entries ADD CONSTRAINT check_not_same_account CHECK (debit_account_id != credit_account_id);
CREATE OR REPLACE FUNCTION check_balance() RETURNS TRIGGER AS $$ BEGIN RETURN NEW; END; $$ LANGUAGE plpgsql;
CREATE CONSTRAINT TRIGGER check_balance AFTER INSERT OR UPDATE ON transaction_entries DEFERRABLE
	FOR EACH ROW EXECUTE PROCEDURE check_balance();`
