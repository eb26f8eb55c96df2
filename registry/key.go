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
	SignsFrom time.Time `bun:"signs_from,nullzero"` // before that it is only published
	// Retain is how long its tokens may live after it has ceased to sign; 0: it was stored by a process that did not say.
	Retain time.Duration `bun:"retain,nullzero"`
}

type keyRow struct {
	bun.BaseModel `bun:"table:signing_keys,alias:k"`
	SigningKey
}

func (row *keyRow) key() SigningKey {
	k := row.SigningKey
	k.CreatedAt, k.SignsFrom = k.CreatedAt.UTC(), k.SignsFrom.UTC()
	if k.SignsFrom.IsZero() { // stored by a process that knew of no schedule
		k.SignsFrom = k.CreatedAt
	}
	return k
}

// EnsureSigningKey stores the candidate if there is no key at all, and returns
// the newest key that is stored. Replicas that start at once all get the same
// one. A zero CreatedAt becomes now, a zero SignsFrom becomes CreatedAt.
func (r *Registry) EnsureSigningKey(ctx context.Context, candidate SigningKey) (SigningKey, error) {
	if err := r.completeKey(&candidate); err != nil {
		return SigningKey{}, err
	}
	var row keyRow
	err := r.inKeysTx(ctx, "ensure signing key", func(ctx context.Context, tx bun.Tx) error {
		newest := tx.NewSelect().Model(&row).Order("created_at DESC", "id").Limit(1)
		if err := newest.Scan(ctx); !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if err := r.insertKey(ctx, tx, candidate); err != nil {
			return err
		}
		return newest.Scan(ctx)
	})
	return row.key(), err
}

// AddSigningKey stores the candidate if due says so of the newest key, the one
// with the latest SignsFrom, or of a zero SigningKey when there is none. Of
// several replicas that find a successor due at once, one adds its own. Times that
// are zero are set as EnsureSigningKey does. ErrExists when the ID is taken.
//
// due is asked inside the transaction, which may hold the only connection, and so
// must not call the registry.
func (r *Registry) AddSigningKey(
	ctx context.Context, due func(newest SigningKey) bool, candidate SigningKey,
) (added bool, err error) {
	if err := r.completeKey(&candidate); err != nil {
		return false, err
	}
	err = r.inKeysTx(ctx, "add signing key", func(ctx context.Context, tx bun.Tx) error {
		var newest keyRow
		// Of two with the same SignsFrom, the schedule lets the one with the later ID sign.
		err := tx.NewSelect().Model(&newest).
			OrderExpr("COALESCE(signs_from, created_at) DESC").Order("id DESC").Limit(1).Scan(ctx)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if added = due(newest.key()); !added {
			return nil
		}
		return r.insertKey(ctx, tx, candidate)
	})
	return added && err == nil, err
}

func (r *Registry) insertKey(ctx context.Context, tx bun.Tx, k SigningKey) error {
	result, err := tx.NewInsert().Model(&keyRow{SigningKey: k}).
		On("CONFLICT (id) DO NOTHING").Returning("NULL").Exec(ctx)
	if err := orElse(ErrExists, result, err); err != nil {
		return err
	}
	return r.record(ctx, tx, "key.add", k.ID, k.Algorithm+", signs from "+k.SignsFrom.UTC().Format(time.RFC3339))
}

// RetainSigningKey raises how long the tokens of a key may live: before it signs one that lives longer. It never lowers it,
// and a key that does not exist is no error.
func (r *Registry) RetainSigningKey(ctx context.Context, id string, retain time.Duration) error {
	if err := checkIDs(id); err != nil || retain <= 0 {
		return errors.Join(ErrInvalid, err)
	}
	return r.run(ctx, "retain signing key", func(ctx context.Context) error {
		_, err := r.db.NewUpdate().Model((*keyRow)(nil)).Set("retain = ?", retain).
			Where("id = ?", id).Where("retain IS NULL OR retain < ?", retain).Exec(ctx)
		return err
	})
}

// DeleteSigningKeys removes keys. A key that does not exist is no error: another
// replica was faster. ErrLastKey when none would be left; then nothing is removed.
func (r *Registry) DeleteSigningKeys(ctx context.Context, ids ...string) error {
	if err := checkIDs(ids...); err != nil || len(ids) == 0 {
		return err
	}
	return r.inKeysTx(ctx, "delete signing keys", func(ctx context.Context, tx bun.Tx) error {
		left, err := tx.NewSelect().Model((*keyRow)(nil)).Where("id NOT IN (?)", bun.List(ids)).Exists(ctx)
		if err != nil {
			return err
		}
		if !left {
			return ErrLastKey
		}
		var deleted []string
		err = tx.NewDelete().Model((*keyRow)(nil)).Where("id IN (?)", bun.List(ids)).Returning("id").Scan(ctx, &deleted)
		if err != nil {
			return err
		}
		records := make([]AuditRecord, len(deleted))
		for i, id := range deleted {
			records[i] = AuditRecord{Action: "key.delete", Target: id}
		}
		return r.recordEach(ctx, tx, records...)
	})
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

// inKeysTx is a transaction during which nobody else changes the keys. It locks the
// table, because there may be no row yet: two would find none and both insert.
func (r *Registry) inKeysTx(ctx context.Context, what string, steps func(context.Context, bun.Tx) error) error {
	return r.inTx(ctx, what, func(ctx context.Context, tx bun.Tx) error {
		if r.onPostgres() {
			if _, err := tx.NewRaw("LOCK TABLE signing_keys IN SHARE ROW EXCLUSIVE MODE").Exec(ctx); err != nil {
				return err
			}
		}
		return steps(ctx, tx)
	})
}

// completeKey checks a new key and sets the times that are missing.
func (r *Registry) completeKey(k *SigningKey) error {
	if k.CreatedAt.IsZero() {
		k.CreatedAt = r.clock()
	}
	if k.SignsFrom.IsZero() {
		k.SignsFrom = k.CreatedAt
	}
	return errors.Join(
		checkIDs(k.ID),
		checkText(k.Algorithm, k.Sealed),
		checkTimes(k.CreatedAt, k.SignsFrom),
	)
}
