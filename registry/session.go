package registry

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// Session is a browser in which a user is signed in, known by the hash of what that browser holds.
type Session struct {
	Hash    string `bun:"hash,pk"`
	Subject string `bun:"subject"`
	// Name is what the user is shown as, to the user alone; it may be empty.
	Name string `bun:"name"`
	// Method is how the user signed in.
	Method     string    `bun:"method"`
	SignedInAt time.Time `bun:"signed_in_at"`
	// IdleUntil is when the session ends unless it is used before; EndsAt when it ends in any case. IdleUntil is never later.
	IdleUntil time.Time `bun:"idle_until"`
	EndsAt    time.Time `bun:"ends_at"`
}

type sessionRow struct {
	bun.BaseModel `bun:"table:sessions,alias:s"`
	Session
}

// BeginSession stores a new session, and ends the one that the same browser had before (its hash; empty: none) in the same
// transaction. requestID, when not empty, is the authorization request for which the user signed in, which takes the session's
// hash; one that is used or gone stays as it is.
//
// The subject then has at most most sessions: those that would end first by being idle are ended. ErrExists when the hash is
// taken.
func (r *Registry) BeginSession(ctx context.Context, s Session, before, requestID string, most int) error {
	if s.IdleUntil.After(s.EndsAt) {
		s.IdleUntil = s.EndsAt
	}
	err := errors.Join(checkIDs(s.Hash, s.Subject, s.Method), checkText(s.Name, before, requestID),
		checkTimes(s.SignedInAt, s.IdleUntil, s.EndsAt))
	if err == nil && most < 1 {
		err = fmt.Errorf("%w: a user may have at least one session", ErrInvalid)
	}
	if err != nil {
		return err
	}
	s.SignedInAt, s.IdleUntil, s.EndsAt = storable(s.SignedInAt), storable(s.IdleUntil), storable(s.EndsAt)
	return r.inTx(ctx, "begin session", func(ctx context.Context, tx bun.Tx) error {
		// Whoever waits for a row here holds no other: a request's row first, then the sessions.
		if requestID != "" {
			if _, err := tx.NewUpdate().Model((*authorizationRequestRow)(nil)).Set("session_hash = ?", s.Hash).
				Where("id = ?", requestID).Where("used_at IS NULL").Exec(ctx); err != nil {
				return err
			}
		}
		if before != "" {
			if _, err := tx.NewDelete().Model((*sessionRow)(nil)).Where("hash = ?", before).Exec(ctx); err != nil {
				return err
			}
		}
		if err := r.endSessionsBeyond(ctx, tx, s.Subject, most-1); err != nil {
			return err
		}
		result, err := tx.NewInsert().Model(&sessionRow{Session: s}).
			On("CONFLICT (hash) DO NOTHING").Returning("NULL").Exec(ctx)
		return orElse(ErrExists, result, err)
	})
}

// endSessionsBeyond leaves the subject the most sessions that can be idle the longest. What another transaction ends at the
// same time is left to it.
func (r *Registry) endSessionsBeyond(ctx context.Context, tx bun.Tx, subject string, most int) error {
	_, err := r.remove(ctx, tx, (*sessionRow)(nil), "hash", endBatch, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("subject = ?", subject).Order("idle_until DESC").Offset(int64(most))
	})
	return err
}

// Session looks up a session that has not ended. ErrNotFound.
func (r *Registry) Session(ctx context.Context, hash string) (Session, error) {
	if err := checkText(hash); err != nil {
		return Session{}, err
	}
	var row sessionRow
	err := r.run(ctx, "read session", func(ctx context.Context) error {
		return r.db.NewSelect().Model(&row).Where("hash = ?", hash).Where("idle_until > ?", r.clock()).Scan(ctx)
	})
	if err != nil {
		return Session{}, err
	}
	s := row.Session
	s.SignedInAt, s.IdleUntil, s.EndsAt = s.SignedInAt.UTC(), s.IdleUntil.UTC(), s.EndsAt.UTC()
	return s, nil
}

// TouchSession lets a session be idle until then, but not beyond its end, and never for a shorter time than it may already. A
// session that has ended stays so, which is no error.
func (r *Registry) TouchSession(ctx context.Context, hash string, idleUntil time.Time) error {
	if err := errors.Join(checkIDs(hash), checkTimes(idleUntil)); err != nil {
		return err
	}
	until := storable(idleUntil)
	return r.run(ctx, "touch session", func(ctx context.Context) error {
		_, err := r.db.NewUpdate().Model((*sessionRow)(nil)).
			Set("idle_until = CASE WHEN ends_at < ? THEN ends_at ELSE ? END", until, until).
			Where("hash = ?", hash).Where("idle_until > ?", r.clock()).Where("idle_until < ?", until).Exec(ctx)
		return err
	})
}

// EndSession ends a session. Nobody can use it after that. Ending one that does not exist is no error.
func (r *Registry) EndSession(ctx context.Context, hash string) error {
	if err := checkText(hash); err != nil {
		return err
	}
	return r.run(ctx, "end session", func(ctx context.Context) error {
		_, err := r.db.NewDelete().Model((*sessionRow)(nil)).Where("hash = ?", hash).Exec(ctx)
		return err
	})
}

// EndSessionsOf ends every session of the subject, and says how many there were that had not ended by themselves. A user who
// signs in at the same moment may have a session afterwards.
func (r *Registry) EndSessionsOf(ctx context.Context, subject string) (ended int, err error) {
	if err := checkIDs(subject); err != nil {
		return 0, err
	}
	err = r.inTx(ctx, "end sessions", func(ctx context.Context, tx bun.Tx) error {
		now := r.clock()
		var rows []sessionRow
		err := r.locking(tx.NewSelect().Model(&rows), "UPDATE").Column("hash", "idle_until").
			Where("subject = ?", subject).Order("hash").Scan(ctx)
		if err != nil {
			return err
		}
		ended = 0
		hashes := make([]string, len(rows))
		for i, row := range rows {
			hashes[i] = row.Hash
			if row.IdleUntil.After(now) {
				ended++
			}
		}
		if ended == 0 { // the rest is purged
			return nil
		}
		_, err = tx.NewDelete().Model((*sessionRow)(nil)).Where("hash IN (?)", bun.List(hashes)).Exec(ctx)
		if err != nil {
			return err
		}
		return r.record(ctx, tx, "sessions.end", subject, fmt.Sprintf("sessions ended: %d", ended))
	})
	if err != nil {
		return 0, err
	}
	return ended, nil
}

func (r *Registry) purgeSessions(
	ctx context.Context, tx bun.Tx, before time.Time, limit int,
) (removed int, more bool, err error) {
	removed, err = r.remove(ctx, tx, (*sessionRow)(nil), "hash", limit, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("idle_until < ?", before).Order("idle_until")
	})
	return removed, removed == limit, err
}
