package registry

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"
)

// AnyKey is the ID of the revocation that stands beside each other: as long as it lasts, some key signs that was not
// published ahead of that, and a key that a gateway does not know may be a good one.
const AnyKey = "*"

// KeyRevocation says that every token of a signing key is refused. At ExpiresAt the last that the key can have signed for us
// has expired, and it ends.
type KeyRevocation struct {
	ID        string    `bun:"id,pk"` // kid, or AnyKey
	ExpiresAt time.Time `bun:"expires_at"`
	CreatedAt time.Time `bun:"created_at"`
	Delivered bool      `bun:"delivered"` // the denylist has it, up to ExpiresAt
}

type keyRevocationRow struct {
	bun.BaseModel `bun:"table:key_revocations,alias:kr"`
	KeyRevocation
}

// RevokeSigningKey removes a key and writes its revocation, in one transaction. When it is the one that signs now, a key
// takes its place in the schedule, and so signs from now on: the next that is published already, or else the successor.
// anyUntil is until when that one may not be known everywhere: AnyKey is revoked as well. signing is the key that signs now.
//
// Revoking a key again changes nothing and is no error. ErrNotFound for a key that never was, or that was deleted because
// nobody needs it.
func (r *Registry) RevokeSigningKey(
	ctx context.Context, id string, until, anyUntil time.Time, successor SigningKey,
) (signing SigningKey, err error) {
	if err := errors.Join(checkIDs(id), checkTimes(until, anyUntil), r.completeKey(&successor)); err != nil {
		return SigningKey{}, err
	}
	if id == AnyKey || id == successor.ID {
		return SigningKey{}, ErrInvalid
	}
	err = r.inKeysTx(ctx, "revoke signing key", func(ctx context.Context, tx bun.Tx) error {
		keys, current, err := r.keysInOrder(ctx, tx)
		if err != nil {
			return err
		}
		at := slices.IndexFunc(keys, func(k SigningKey) bool { return k.ID == id })
		if at < 0 {
			if len(keys) > 0 {
				signing = keys[current]
			}
			return tx.NewSelect().Model((*keyRevocationRow)(nil)).Column("id").Where("id = ?", id).Scan(ctx, new(string))
		}
		if _, err := tx.NewDelete().Model((*keyRow)(nil)).Where("id = ?", id).Exec(ctx); err != nil {
			return err
		}
		if err := r.revokeKeys(ctx, tx, KeyRevocation{ID: id, ExpiresAt: until}, KeyRevocation{ID: AnyKey, ExpiresAt: anyUntil}); err != nil {
			return err
		}
		if signing = keys[current]; at == current {
			next := successor
			if at+1 < len(keys) {
				next = keys[at+1]
			}
			next.SignsFrom = keys[at].SignsFrom // the key before it must not be needed for longer than it was
			if err := r.putInPlace(ctx, tx, next, at+1 < len(keys)); err != nil {
				return err
			}
			signing = next
		}
		return r.record(ctx, tx, "key.revoke", id, fmt.Sprintf("denied until %s, %s signs", until.UTC().Format(time.RFC3339), signing.ID))
	})
	return signing, err
}

// keysInOrder are the keys in the order in which they sign, and which of them signs now, as keys.Schedule says it.
func (r *Registry) keysInOrder(ctx context.Context, tx bun.Tx) (keys []SigningKey, current int, err error) {
	var rows []keyRow
	if err := tx.NewSelect().Model(&rows).Scan(ctx); err != nil {
		return nil, 0, err
	}
	for i := range rows {
		keys = append(keys, rows[i].key())
	}
	slices.SortFunc(keys, func(a, b SigningKey) int {
		return cmp.Or(a.SignsFrom.Compare(b.SignsFrom), cmp.Compare(a.ID, b.ID))
	})
	now := r.clock()
	for i, k := range keys {
		if !k.SignsFrom.After(now) {
			current = i
		}
	}
	return keys, current, nil
}

// putInPlace stores a key, or lets one that is stored sign earlier.
func (r *Registry) putInPlace(ctx context.Context, tx bun.Tx, k SigningKey, stored bool) error {
	if !stored {
		return r.insertKey(ctx, tx, k)
	}
	_, err := tx.NewUpdate().Model((*keyRow)(nil)).Set("signs_from = ?", k.SignsFrom).Where("id = ?", k.ID).Exec(ctx)
	return err
}

func (r *Registry) revokeKeys(ctx context.Context, tx bun.Tx, revocations ...KeyRevocation) error {
	rows := make([]keyRevocationRow, len(revocations))
	for i, revocation := range revocations {
		revocation.CreatedAt, revocation.Delivered = r.clock(), false
		rows[i].KeyRevocation = revocation
	}
	_, err := tx.NewInsert().Model(&rows).
		On("CONFLICT (id) DO UPDATE").
		Set("expires_at = EXCLUDED.expires_at").Set("delivered = FALSE").
		Where("kr.expires_at < EXCLUDED.expires_at").
		Returning("NULL").Exec(ctx)
	return err
}

// KeyRevocations returns the revocations of keys that have not expired: all of them, or those that were not delivered to the
// denylist. There are few.
func (r *Registry) KeyRevocations(ctx context.Context, onlyPending bool) ([]KeyRevocation, error) {
	var rows []keyRevocationRow
	err := r.run(ctx, "read revocations of keys", func(ctx context.Context) error {
		q := r.db.NewSelect().Model(&rows).Where("expires_at > ?", r.clock()).Order("id")
		if onlyPending {
			q.Where("NOT delivered")
		}
		return q.Scan(ctx)
	})
	revocations := make([]KeyRevocation, len(rows))
	for i, row := range rows {
		revocations[i] = row.KeyRevocation
		revocations[i].ExpiresAt, revocations[i].CreatedAt = row.ExpiresAt.UTC(), row.CreatedAt.UTC()
	}
	return revocations, err
}

// MarkKeysDelivered notes that the denylist has these revocations. One that was extended since it was read stays pending.
func (r *Registry) MarkKeysDelivered(ctx context.Context, delivered []KeyRevocation) error {
	return r.inTx(ctx, "mark revocations of keys", func(ctx context.Context, tx bun.Tx) error {
		for _, revocation := range delivered { // in the order of their IDs, as they were read
			if _, err := tx.NewUpdate().Model((*keyRevocationRow)(nil)).Set("delivered = TRUE").
				Where("id = ?", revocation.ID).Where("expires_at <= ?", revocation.ExpiresAt).Exec(ctx); err != nil {
				return err
			}
		}
		return nil
	})
}

// KeyRevoked reports from the durable record whether a key was revoked.
func (r *Registry) KeyRevoked(ctx context.Context, id string) (revoked bool, err error) {
	if err := checkIDs(id); err != nil {
		return false, err
	}
	err = r.run(ctx, "look for revocation of key", func(ctx context.Context) error {
		revoked, err = r.db.NewSelect().Model((*keyRevocationRow)(nil)).Where("id = ?", id).Exists(ctx)
		return err
	})
	return revoked, err
}

func (r *Registry) purgeKeyRevocations(
	ctx context.Context, tx bun.Tx, before time.Time, limit int,
) (removed int, more bool, err error) {
	removed, err = r.remove(ctx, tx, (*keyRevocationRow)(nil), "id", limit, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("expires_at < ?", before)
	})
	return removed, removed == limit, err
}
