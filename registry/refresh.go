package registry

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/uptrace/bun"
)

// RefreshToken is one link in a grant's chain of refresh tokens, known by its hash.
type RefreshToken struct {
	Hash          string    `bun:"hash,pk"`
	GrantID       string    `bun:"grant_id"`
	CreatedAt     time.Time `bun:"created_at"`
	ExpiresAt     time.Time `bun:"expires_at"`
	UsedAt        time.Time `bun:"used_at,nullzero"` // zero: not rotated
	SuccessorHash string    `bun:"successor_hash"`
}

// Used reports whether the refresh token was rotated.
func (t RefreshToken) Used() bool { return !t.UsedAt.IsZero() }

type refreshRow struct {
	bun.BaseModel `bun:"table:refresh_tokens,alias:rt"`
	RefreshToken
	Grant *grantRow `bun:"rel:belongs-to,join:grant_id=id"`
}

func (row *refreshRow) token() RefreshToken {
	t := row.RefreshToken
	t.CreatedAt, t.ExpiresAt, t.UsedAt = t.CreatedAt.UTC(), t.ExpiresAt.UTC(), t.UsedAt.UTC()
	return t
}

// RefreshToken looks a refresh token up, used and expired ones included, with
// its grant. It changes nothing. ErrNotFound.
func (r *Registry) RefreshToken(ctx context.Context, hash string) (RefreshToken, Grant, error) {
	if err := checkText(hash); err != nil {
		return RefreshToken{}, Grant{}, err
	}
	var row refreshRow
	err := r.run(ctx, "read refresh token", func(ctx context.Context) error {
		return r.db.NewSelect().Model(&row).Relation("Grant").Where("rt.hash = ?", hash).Scan(ctx)
	})
	if err != nil {
		return RefreshToken{}, Grant{}, err
	}
	return row.token(), row.Grant.grant(), nil
}

// RotateRefresh replaces the refresh token by next, in one transaction: it marks
// the token used, notes next as its successor, inserts next and raises the
// grant's AccessExpiresAt to accessExpires (see RedeemCode). next.GrantID and
// next.CreatedAt may be empty; next's UsedAt and SuccessorHash are ignored.
//
// A client whose answer got lost may present the token again: less than grace
// after its first use, and with the same successor, which must not have been used.
// Then AccessExpiresAt is raised, nothing is inserted, and nil is returned. Any
// other second use, also of a token that has expired since, is ErrRefreshReused:
// the grant has been ended (reason "refresh_reused") and its revocation committed;
// the caller has to deliver it. ErrNotFound, ErrExpired and ErrGrantEnded change
// nothing.
func (r *Registry) RotateRefresh(ctx context.Context, hash string, next RefreshToken, grace time.Duration, accessExpires time.Time) error {
	if err := errors.Join(checkText(hash), next.check(), checkTimes(accessExpires)); err != nil {
		return err
	}
	if next.Hash == hash {
		return ErrInvalid
	}
	var outcome error
	err := r.inTx(ctx, "rotate refresh token", func(ctx context.Context, tx bun.Tx) error {
		now := r.clock()
		var grantID string
		err := tx.NewUpdate().Model((*refreshRow)(nil)).
			Set("used_at = ?", now).Set("successor_hash = ?", next.Hash).
			Where("hash = ?", hash).Where("used_at IS NULL").Where("expires_at > ?", now).
			Returning("grant_id").Scan(ctx, &grantID)
		if errors.Is(err, sql.ErrNoRows) {
			outcome, err = r.rotateAgain(ctx, tx, hash, next.Hash, now.Add(-grace), accessExpires)
			return err
		}
		if err != nil {
			return err
		}
		if err := r.raiseAccessExpiry(ctx, tx, grantID, accessExpires); err != nil {
			return err
		}
		return r.insertRefresh(ctx, tx, next, grantID)
	})
	if err != nil {
		return err
	}
	return outcome
}

// rotateAgain decides about a token that cannot be rotated: it has expired, or was
// used before. A client whose answer got lost comes soon, and with the same
// successor, which nobody has used. Anyone else is a thief, or comes after one.
func (r *Registry) rotateAgain(
	ctx context.Context, tx bun.Tx, hash, next string, usedAfter, accessExpires time.Time,
) (outcome, err error) {
	var row refreshRow
	if err := tx.NewSelect().Model(&row).Where("rt.hash = ?", hash).Scan(ctx); err != nil {
		return nil, err
	}
	if !row.Used() {
		return nil, ErrExpired
	}
	if row.SuccessorHash == next && row.UsedAt.After(usedAfter) {
		var successor refreshRow
		if err := tx.NewSelect().Model(&successor).Where("rt.hash = ?", next).Scan(ctx); err != nil {
			return nil, err
		}
		if !successor.Used() {
			return nil, r.raiseAccessExpiry(ctx, tx, row.GrantID, accessExpires)
		}
	}
	_, err = r.end(ctx, tx, "refresh_reused", row.GrantID)
	return ErrRefreshReused, err
}

func (r *Registry) insertRefresh(ctx context.Context, tx bun.Tx, t RefreshToken, grantID string) error {
	if t.GrantID != "" && t.GrantID != grantID {
		return ErrInvalid
	}
	t.GrantID, t.UsedAt, t.SuccessorHash = grantID, time.Time{}, ""
	if t.CreatedAt.IsZero() {
		t.CreatedAt = r.clock()
	}
	result, err := tx.NewInsert().Model(&refreshRow{RefreshToken: t}).
		On("CONFLICT (hash) DO NOTHING").Returning("NULL").Exec(ctx)
	return orElse(ErrExists, result, err)
}

func (t *RefreshToken) check() error {
	if t == nil {
		return nil
	}
	return errors.Join(checkIDs(t.Hash), checkText(t.GrantID), checkTimes(t.ExpiresAt))
}
