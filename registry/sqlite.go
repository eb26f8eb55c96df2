package registry

import (
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	_ "modernc.org/sqlite" // the driver "sqlite"
)

const (
	sqliteScheme = "sqlite:"
	sqliteMemory = ":memory:"
)

func openSQLite(path string, pool int, timeout time.Duration) (*bun.DB, error) {
	if path == "" || strings.HasPrefix(path, "//") || strings.ContainsAny(path, "?#\x00") {
		return nil, fmt.Errorf("%w: SQLite wants sqlite:path/to/file or sqlite::memory:, without options", ErrInvalid)
	}
	if pool == 0 {
		pool = 4
	}
	if path == sqliteMemory {
		pool = 1 // the connection is the database
	} else if err := createPrivate(path); err != nil {
		return nil, err
	}

	settings := url.Values{
		// A transaction that begins by reading could not become a writing one while
		// another writes; waiting helps only at its start.
		"_txlock": {"immediate"},
		"_pragma": {
			fmt.Sprintf("busy_timeout(%d)", max(1, timeout.Milliseconds())),
			"foreign_keys(1)",
			"journal_mode(WAL)",
			"synchronous(FULL)", // NORMAL may lose a committed revocation with the power
		},
		"_dqs": {"0"},
	}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?"+settings.Encode())
	if err != nil {
		return nil, fmt.Errorf("registry: SQLite: %w", err)
	}
	db.SetMaxOpenConns(pool)
	db.SetMaxIdleConns(pool)
	return bun.NewDB(db, sqlitedialect.New()), nil
}

// createPrivate makes the file with access for its owner alone; SQLite gives the
// same to the files it puts beside it.
func createPrivate(path string) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("registry: SQLite: %w", err)
	}
	return file.Close()
}
