package registry

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/uptrace/bun"
)

// SigningKey is a private key, sealed by its owner before it comes here.
type SigningKey struct {
	ID        string    `bun:"id,pk"` // kid
	Algorithm string    `bun:"algorithm"`
	Sealed    string    `bun:"sealed"`
	CreatedAt time.Time `bun:"created_at"`
}

type keyRow struct {
	bun.BaseModel `bun:"table:signing_keys,alias:k"`
	SigningKey
}

func (row *keyRow) key() SigningKey {
	k := row.SigningKey
	k.CreatedAt = k.CreatedAt.UTC()
	return k
}

// EnsureSigningKey stores the candidate if there is no key at all, and returns
// the newest key that is stored. Replicas that start at once all get the same
// one. A zero CreatedAt becomes now.
func (r *Registry) EnsureSigningKey(ctx context.Context, candidate SigningKey) (SigningKey, error) {
	if candidate.CreatedAt.IsZero() {
		candidate.CreatedAt = r.clock()
	}
	err := errors.Join(
		checkIDs(candidate.ID),
		checkText(candidate.Algorithm, candidate.Sealed),
		checkTimes(candidate.CreatedAt),
	)
	if err != nil {
		return SigningKey{}, err
	}
	var row keyRow
	err = r.inTx(ctx, "ensure signing key", func(ctx context.Context, tx bun.Tx) error {
		// There is no row yet to lock: without this, two would find none and insert.
		if r.onPostgres() {
			if _, err := tx.NewRaw("LOCK TABLE signing_keys IN SHARE ROW EXCLUSIVE MODE").Exec(ctx); err != nil {
				return err
			}
		}
		newest := tx.NewSelect().Model(&row).Order("created_at DESC", "id").Limit(1)
		if err := newest.Scan(ctx); !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if _, err := tx.NewInsert().Model(&keyRow{SigningKey: candidate}).Exec(ctx); err != nil {
			return err
		}
		return newest.Scan(ctx)
	})
	return row.key(), err
}

// SigningKeys returns every key, newest first.
func (r *Registry) SigningKeys(ctx context.Context) ([]SigningKey, error) {
	var rows []keyRow
	err := r.run(ctx, "list signing keys", func(ctx context.Context) error {
		return r.db.NewSelect().Model(&rows).Order("created_at DESC", "id").Scan(ctx)
	})
	keys := make([]SigningKey, len(rows))
	for i := range rows {
		keys[i] = rows[i].key()
	}
	return keys, err
}
