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
	BoundTo       string    `bun:"bound_to,nullzero"` // the thumbprint of a key; empty: to none
}

// Used reports whether the refresh token was rotated.
func (t RefreshToken) Used() bool { return !t.UsedAt.IsZero() }

type refreshRow struct {
	bun.BaseModel `bun:"table:refresh_tokens,alias:rt"`
	RefreshToken
	Predecessor  string    `bun:"predecessor_hash"`
	Replays      int       `bun:"replays"`
	ReplayedLate bool      `bun:"replayed_late"`
	Answer       string    `bun:"answer,nullzero"` // Answer.Sealed
	AnswerFor    string    `bun:"answer_for"`
	AnswerUntil  time.Time `bun:"answer_until,nullzero"`
	Grant        *grantRow `bun:"rel:belongs-to,join:grant_id=id"`
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

// Rotation replaces a refresh token by the next.
type Rotation struct {
	// Next is the successor. Its GrantID and CreatedAt may be empty; UsedAt and SuccessorHash are ignored.
	Next RefreshToken
	// Answer is what the client is told beside Next.
	Answer Answer
	// Grace is how long after its first use the token may be used again, as long as nobody has used Next.
	Grace Grace
}

// RotateRefresh replaces the refresh token, in one transaction: it marks the token
// used, notes Next as its successor, inserts Next, keeps the Answer and raises the
// grant's AccessExpiresAt to the Answer's AcceptedUntil (see RedeemCode).
//
// A client whose answer got lost may present the token again, with the same
// successor: that is a Replay, which Grace allows or not. Any other second use, also
// of a token that has expired since, is ErrRefreshReused: the grant has been ended
// (reason "refresh_reused") and its revocation committed; the caller has to deliver
// it. ErrNotFound, ErrExpired and ErrGrantEnded change nothing.
func (r *Registry) RotateRefresh(ctx context.Context, hash string, rotation Rotation) (replay Replay, err error) {
	next := rotation.Next
	if err := errors.Join(checkText(hash), next.check(), rotation.Answer.check()); err != nil {
		return Replay{}, err
	}
	if next.Hash == hash {
		return Replay{}, ErrInvalid
	}
	if r.onPostgres() {
		if rotated, err := r.rotatePlanned(ctx, hash, rotation); err != nil || rotated {
			return Replay{}, err
		}
	}
	var outcome error
	err = r.inTx(ctx, "rotate refresh token", func(ctx context.Context, tx bun.Tx) error {
		now := r.clock()
		var used refreshRow
		err := tx.NewUpdate().Model(&used).
			Set("used_at = ?", now).Set("successor_hash = ?", next.Hash).
			Where("hash = ?", hash).Where("used_at IS NULL").Where("expires_at > ?", now).
			Returning("hash, grant_id, predecessor_hash").Scan(ctx)
		if errors.Is(err, sql.ErrNoRows) {
			replay, outcome, err = r.replay(ctx, tx, hash, rotation)
			return err
		}
		if err != nil {
			return err
		}
		used.UsedAt = now
		if err := r.keepAnswer(ctx, tx, used, rotation); err != nil {
			return err
		}
		if err := r.forgetAnswer(ctx, tx, used.Predecessor); err != nil {
			return err
		}
		if err := r.raiseAccessExpiry(ctx, tx, used.GrantID, rotation.Answer.AcceptedUntil); err != nil {
			return err
		}
		return r.insertRefresh(ctx, tx, next, used.GrantID, hash)
	})
	if err != nil {
		return Replay{}, err
	}
	return replay, outcome
}

func (r *Registry) insertRefresh(ctx context.Context, tx bun.Tx, t RefreshToken, grantID, predecessor string) error {
	if t.GrantID != "" && t.GrantID != grantID {
		return ErrInvalid
	}
	t = r.created(t)
	t.GrantID = grantID
	result, err := tx.NewInsert().Model(&refreshRow{RefreshToken: t, Predecessor: predecessor}).
		On("CONFLICT (hash) DO NOTHING").Returning("NULL").Exec(ctx)
	return orElse(ErrExists, result, err)
}

// created is the token as it is stored at first.
func (r *Registry) created(t RefreshToken) RefreshToken {
	t.UsedAt, t.SuccessorHash = time.Time{}, ""
	if t.CreatedAt.IsZero() {
		t.CreatedAt = r.clock()
	}
	return t
}

func (t *RefreshToken) check() error {
	if t == nil {
		return nil
	}
	return errors.Join(checkIDs(t.Hash), checkText(t.GrantID, t.BoundTo), checkTimes(t.ExpiresAt))
}
