package registry

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	"modernc.org/sqlite" // also the driver "sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

const (
	sqliteScheme = "sqlite:"
	sqliteMemory = ":memory:"
)

func openSQLite(path string, pool int, timeout time.Duration) (*bun.DB, error) {
	if err := checkSQLitePath(path); err != nil {
		return nil, err
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
		// A transaction that began by reading fails at its first write when another has
		// written meanwhile, and waiting does not help: so each waits at its start.
		"_txlock": {"immediate"},
		"_pragma": {
			fmt.Sprintf("busy_timeout(%d)", (timeout + time.Second).Milliseconds()),
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

func checkSQLitePath(path string) error {
	if path == "" || strings.HasPrefix(path, "//") || strings.ContainsAny(path, "?#\x00") {
		return fmt.Errorf("%w: SQLite wants sqlite:path/to/file or sqlite::memory:, without options", ErrInvalid)
	}
	return nil
}

// createPrivate makes an empty file that only its owner may open; SQLite gives the
// same rights to the files that it puts beside it. The file is made under another
// name and linked: by POSIX, to close it under its own name would drop the locks
// that another connection of this process may hold on it.
func createPrivate(path string) error {
	if _, err := os.Lstat(path); err == nil {
		return nil
	}
	file, err := os.CreateTemp(filepath.Dir(path), ".gatehouse-*")
	if err != nil {
		return fmt.Errorf("registry: SQLite: %w", err)
	}
	defer os.Remove(file.Name())
	if err := file.Close(); err != nil {
		return fmt.Errorf("registry: SQLite: %w", err)
	}
	if err := os.Link(file.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("registry: SQLite: %w", err)
	}
	return nil
}

// firstConnection waits for the database to answer. While another connection turns a
// new file into a database with a write-ahead log, SQLite refuses this one at once,
// whatever its busy_timeout is: so it is tried again.
func firstConnection(ctx context.Context, db *bun.DB) error {
	for {
		err := db.PingContext(ctx)
		var failure *sqlite.Error
		if !errors.As(err, &failure) || failure.Code() != sqlite3.SQLITE_BUSY {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(5 * time.Millisecond):
		}
	}
}
