package oauth2server

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Source is a database of oauth2server, as it is at one moment: a single transaction that can only read. It is not safe for
// concurrent use.
type Source struct {
	connection *pgx.Conn
	tx         pgx.Tx
	name       string
}

// tables are those that oauth2server makes, with the columns that are read.
var tables = map[string][]string{
	"oauth2_clients":   {"id", "secret", "domain", "data", "created_at", "deleted_at"},
	"oauth2_tokens":    {"id", "created_at", "deleted_at", "expires_at", "access", "refresh", "data"},
	"client_meta_data": {"id", "client_id", "name", "image_url", "url", "deleted_at"},
}

// ErrNotOAuth2Server is wrapped by the error of Open for a database that has not oauth2server's tables.
var ErrNotOAuth2Server = errors.New("this is not a database of oauth2server")

// Open connects to the database that oauth2server calls DATABASE_URI: a postgres:// URL, or words such as host=… dbname=….
// No error shows the password. The Source has to be closed.
func Open(ctx context.Context, uri string) (*Source, error) {
	config, err := pgx.ParseConfig(uri)
	if err != nil {
		return nil, fmt.Errorf("database of oauth2server: %w", err)
	}
	config.RuntimeParams["application_name"] = "gatehouse import"
	// Nothing is kept on the server between two statements, which a pooler might give to another connection.
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	connection, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("database of oauth2server: %w", err)
	}
	s := &Source{connection: connection}
	if err := s.begin(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("database of oauth2server: %w", err), s.Close())
	}
	return s, nil
}

func (s *Source) begin(ctx context.Context) (err error) {
	s.tx, err = s.connection.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return err
	}
	// Secrets are hashed, and batches written, between two statements.
	if _, err := s.tx.Exec(ctx, "SET LOCAL idle_in_transaction_session_timeout = 0"); err != nil {
		return err
	}
	if err := s.checkTables(ctx); err != nil {
		return err
	}
	// The same database under another address is the same source; a copy of it is another.
	return s.tx.QueryRow(ctx, `SELECT 'oauth2server ' || current_database() || '/' || (SELECT oid FROM pg_database WHERE datname = current_database())
		|| '/' || 'oauth2_tokens'::regclass::oid`).Scan(&s.name)
}

func (s *Source) checkTables(ctx context.Context) error {
	for table, columns := range tables {
		rows, err := s.tx.Query(ctx, "SELECT attname::text FROM pg_attribute WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped", table)
		if err != nil {
			return err
		}
		found, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return fmt.Errorf("%w: it has no table %s", ErrNotOAuth2Server, table)
		}
		has := map[string]bool{}
		for _, column := range found {
			has[column] = true
		}
		for _, column := range columns {
			if !has[column] {
				return fmt.Errorf("%w: its table %s has no column %s; oauth2server of this version has it once it was started",
					ErrNotOAuth2Server, table, column)
			}
		}
	}
	return nil
}

// Name tells the database from others, also when it is reached under another address.
func (s *Source) Name() string { return s.name }

// Close ends the transaction and the connection.
func (s *Source) Close() error { return s.connection.Close(context.Background()) }
