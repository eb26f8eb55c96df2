package registry

import (
	"context"
	"errors"
	"time"

	"github.com/uptrace/bun"
)

// Answer is what a client was told when it used a refresh token, beside the
// successor. It is kept for those who did not hear it.
type Answer struct {
	Sealed string // the access token, in a form that only the refresh token opens; empty: nothing is kept
	For    string // what the client asked for: another question has another answer
	// FreshUntil is how long the answer may be given again.
	FreshUntil time.Time
	// AcceptedUntil is the last moment at which a verifier may accept the access token.
	AcceptedUntil time.Time
}

func (a *Answer) check() error {
	if a.Sealed != "" {
		return errors.Join(checkText(a.Sealed, a.For), checkTimes(a.FreshUntil, a.AcceptedUntil))
	}
	return checkTimes(a.AcceptedUntil)
}

// Grace is which replays of a refresh token are allowed: those of a client whose
// answer got lost. It ends when anyone uses the successor.
type Grace struct {
	Lasts   time.Duration // from the first use
	Replays int           // how many
	// Late is from when on a replay is late. Requests that raced come sooner; after
	// that, either the client lost the answer, or somebody else uses its tokens in turn
	// with it. The first does not happen to two refresh tokens on end.
	Late time.Duration
}

// Replay is a use of a refresh token that was used before, within its grace.
type Replay struct {
	Count int // of the token, this one included; 0: it was the first use
	Late  bool
	// Sealed is the answer that was given before; empty when the caller's own is the one that counts.
	Sealed string
}

// replay decides about a token that cannot be rotated: it has expired, or was used
// before. A client whose answer got lost comes with the same successor, which nobody
// has used. Anyone else is a thief, or comes after one.
func (r *Registry) replay(
	ctx context.Context, tx bun.Tx, hash string, rotation Rotation,
) (replay Replay, outcome, err error) {
	var row refreshRow
	if err := r.locking(tx.NewSelect().Model(&row), "NO KEY UPDATE").Where("rt.hash = ?", hash).Scan(ctx); err != nil {
		return replay, nil, err
	}
	if !row.Used() {
		return replay, ErrExpired, nil
	}
	replay = Replay{Count: row.Replays + 1, Late: !row.UsedAt.After(r.clock().Add(-rotation.Grace.Late))}
	allowed, err := r.isAllowed(ctx, tx, &row, replay, rotation)
	if err != nil {
		return Replay{}, nil, err
	}
	if !allowed {
		_, err := r.end(ctx, tx, "refresh_reused", row.GrantID)
		return Replay{}, ErrRefreshReused, err
	}
	_, err = tx.NewUpdate().Model((*refreshRow)(nil)).
		Set("replays = ?", replay.Count).Set("replayed_late = ?", row.ReplayedLate || replay.Late).
		Where("hash = ?", hash).Exec(ctx)
	if err != nil {
		return Replay{}, nil, err
	}
	if row.Answer != "" && row.AnswerFor == rotation.Answer.For && row.AnswerUntil.After(r.clock()) {
		replay.Sealed = row.Answer
		return replay, nil, r.raiseAccessExpiry(ctx, tx, row.GrantID, r.clock()) // it was, but the grant may have ended
	}
	if err := r.keepAnswer(ctx, tx, row, rotation); err != nil {
		return Replay{}, nil, err
	}
	return replay, nil, r.raiseAccessExpiry(ctx, tx, row.GrantID, rotation.Answer.AcceptedUntil)
}

func (r *Registry) isAllowed(ctx context.Context, tx bun.Tx, row *refreshRow, replay Replay, rotation Rotation) (bool, error) {
	grace := rotation.Grace
	if row.SuccessorHash != rotation.Next.Hash || !row.UsedAt.After(r.clock().Add(-grace.Lasts)) || replay.Count > grace.Replays {
		return false, nil
	}
	var successor refreshRow
	if err := tx.NewSelect().Model(&successor).Where("rt.hash = ?", row.SuccessorHash).Scan(ctx); err != nil {
		return false, err
	}
	if successor.Used() {
		return false, nil
	}
	if !replay.Late || row.Predecessor == "" {
		return true, nil
	}
	twice, err := tx.NewSelect().Model((*refreshRow)(nil)).Where("hash = ?", row.Predecessor).Where("replayed_late").Exists(ctx)
	return !twice, err
}

// keepAnswer stores the answer beside a token that was used, until it is not fresh
// any more or the grace has ended.
func (r *Registry) keepAnswer(ctx context.Context, tx bun.Tx, used refreshRow, rotation Rotation) error {
	if rotation.Answer.Sealed == "" {
		return nil
	}
	_, err := tx.NewUpdate().Model((*refreshRow)(nil)).
		Set("answer = ?", rotation.Answer.Sealed).Set("answer_for = ?", rotation.Answer.For).
		Set("answer_until = ?", rotation.answerUntil(used.UsedAt)).
		Where("hash = ?", used.Hash).Exec(ctx)
	return err
}

// answerUntil is how long the answer is kept beside a token that was used at that time.
func (rotation *Rotation) answerUntil(used time.Time) time.Time {
	until := used.Add(rotation.Grace.Lasts)
	if rotation.Answer.FreshUntil.Before(until) {
		until = rotation.Answer.FreshUntil
	}
	return storable(until)
}

// forgetAnswer removes the answer of a token whose successor was used.
func (r *Registry) forgetAnswer(ctx context.Context, tx bun.Tx, hash string) error {
	if hash == "" {
		return nil
	}
	_, err := tx.NewUpdate().Model((*refreshRow)(nil)).Set("answer = NULL").Set("answer_until = NULL").
		Where("hash = ?", hash).Where("answer_until IS NOT NULL").Exec(ctx)
	return err
}

// purgeAnswers forgets answers that nobody gets any more.
func (r *Registry) purgeAnswers(
	ctx context.Context, tx bun.Tx, before time.Time, limit int,
) (removed int, more bool, err error) {
	over := r.locking(tx.NewSelect().Model((*refreshRow)(nil)), "NO KEY UPDATE SKIP LOCKED").Column("hash").
		Where("answer_until < ?", before).Order("answer_until").Limit(int64(limit))
	forgotten, err := affected(tx.NewUpdate().With("over", over).Model((*refreshRow)(nil)).
		Set("answer = NULL").Set("answer_until = NULL").
		Where("hash IN (SELECT hash FROM over)").Exec(ctx))
	return 0, forgotten == limit, err
}
