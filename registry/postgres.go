package registry

import (
	"database/sql"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
)

// openPostgres makes a pool of connections; each is opened when it is needed. An empty schema leaves the search_path as it is.
func openPostgres(url, schema string, pool int, timeout time.Duration) (*bun.DB, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("registry: database URL: %w", err)
	}
	if pool == 0 {
		pool = 10
	}
	if config.ConnectTimeout == 0 || config.ConnectTimeout > timeout {
		config.ConnectTimeout = timeout
	}
	// bun writes values into the statement: preparing each would fill the cache
	// of prepared statements with texts that never come again.
	config.DefaultQueryExecMode = pgx.QueryExecModeExec

	set := config.RuntimeParams
	if set["application_name"] == "" {
		set["application_name"] = "gatehouse"
	}
	// Compare-and-set relies on a statement that waited for a row seeing its
	// newest version; stricter levels report a serialization failure instead.
	set["default_transaction_isolation"] = "read committed"
	// bun quotes strings for this setting.
	set["standard_conforming_strings"] = "on"
	// The server gives up too, a little later than this process: a process that is
	// gone must not hold locks.
	milliseconds := strconv.FormatInt(statementTimeout(timeout).Milliseconds(), 10)
	set["statement_timeout"] = milliseconds
	set["idle_in_transaction_session_timeout"] = milliseconds
	if schema != "" {
		set["search_path"] = schema
	}

	db := sql.OpenDB(stdlib.GetConnector(*config))
	db.SetMaxOpenConns(pool)
	db.SetMaxIdleConns(pool)
	db.SetConnMaxIdleTime(5 * time.Minute)
	db.SetConnMaxLifetime(30 * time.Minute) // so that a failover's new address is found
	return bun.NewDB(db, pgdialect.New()), nil
}

// statementTimeout is when the server gives up on a statement that this process has given up on after timeout.
func statementTimeout(timeout time.Duration) time.Duration { return timeout + time.Second }
