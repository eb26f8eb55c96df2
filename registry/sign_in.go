package registry

import (
	"context"
	"errors"
	"time"

	"github.com/uptrace/bun"
)

// SignIn is a user's way to the host application and back. The one who comes back is signed in only in the browser that began
// it, and only if that is the browser that brought the answer: somebody else's browser could have been sent to bring it.
type SignIn struct {
	StateHash   string    `bun:"state_hash,pk"` // of what the host application is given to bring back
	BrowserHash string    `bun:"browser_hash"`  // of what only the browser knows that began
	RequestID   string    `bun:"request_id"`    // of the authorization request to go back to; empty: none
	ExpiresAt   time.Time `bun:"expires_at"`

	// AnswerHash is the hash of what only the browser knows that brought the answer, and Subject whom the answer names; empty
	// until there is one.
	AnswerHash string `bun:"answer_hash"`
	Subject    string `bun:"subject"`
}

type signInRow struct {
	bun.BaseModel `bun:"table:sign_ins,alias:si"`
	SignIn
}

// BeginSignIn stores the way there. AnswerHash and Subject are ignored. ErrExists when the state is taken.
func (r *Registry) BeginSignIn(ctx context.Context, s SignIn) error {
	s.AnswerHash, s.Subject = "", ""
	err := errors.Join(checkIDs(s.StateHash, s.BrowserHash), checkText(s.RequestID), checkTimes(s.ExpiresAt))
	if err != nil {
		return err
	}
	s.ExpiresAt = storable(s.ExpiresAt)
	return r.run(ctx, "begin sign-in", func(ctx context.Context) error {
		result, err := r.db.NewInsert().Model(&signInRow{SignIn: s}).
			On("CONFLICT (state_hash) DO NOTHING").Returning("NULL").Exec(ctx)
		return orElse(ErrExists, result, err)
	})
}

// SignIn returns the way there that was begun with the state. ErrNotFound for a state that has expired, that was answered or that
// never was.
func (r *Registry) SignIn(ctx context.Context, stateHash string) (SignIn, error) {
	if err := checkIDs(stateHash); err != nil {
		return SignIn{}, err
	}
	var row signInRow
	err := r.run(ctx, "read sign-in", func(ctx context.Context) error {
		return r.db.NewSelect().Model(&row).
			Where("state_hash = ?", stateHash).Where("answer_hash = ''").Where("expires_at > ?", r.clock()).Scan(ctx)
	})
	if err != nil {
		return SignIn{}, err
	}
	row.ExpiresAt = row.ExpiresAt.UTC()
	return row.SignIn, nil
}

// AnswerSignIn notes the answer of the host application. Of any number of answers to one state the first is taken, and each other
// one is ErrNotFound, as for a state that has expired or never was.
func (r *Registry) AnswerSignIn(ctx context.Context, stateHash, answerHash, subject string) error {
	if err := checkIDs(stateHash, answerHash, subject); err != nil {
		return err
	}
	return r.run(ctx, "answer sign-in", func(ctx context.Context) error {
		result, err := r.db.NewUpdate().Model((*signInRow)(nil)).
			Set("answer_hash = ?", answerHash).Set("subject = ?", subject).
			Where("state_hash = ?", stateHash).Where("answer_hash = ''").Where("expires_at > ?", r.clock()).Exec(ctx)
		return orElse(ErrNotFound, result, err)
	})
}

// FinishSignIn returns the sign-in that was answered, and removes it, for the browser that both began it and brought the answer.
// Of any number of calls one succeeds; each other one is ErrNotFound and changes nothing.
func (r *Registry) FinishSignIn(ctx context.Context, stateHash, answerHash, browserHash string) (SignIn, error) {
	if err := checkIDs(stateHash, answerHash, browserHash); err != nil {
		return SignIn{}, err
	}
	var row signInRow
	err := r.run(ctx, "finish sign-in", func(ctx context.Context) error {
		return r.db.NewDelete().Model((*signInRow)(nil)).
			Where("state_hash = ?", stateHash).Where("answer_hash = ?", answerHash).
			Where("browser_hash = ?", browserHash).Where("expires_at > ?", r.clock()).
			Returning("*").Scan(ctx, &row)
	})
	if err != nil {
		return SignIn{}, err
	}
	row.ExpiresAt = row.ExpiresAt.UTC()
	return row.SignIn, nil
}

func (r *Registry) purgeSignIns(
	ctx context.Context, tx bun.Tx, before time.Time, limit int,
) (removed int, more bool, err error) {
	removed, err = r.remove(ctx, tx, (*signInRow)(nil), "state_hash", limit, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("expires_at < ?", before).Order("expires_at")
	})
	return removed, removed == limit, err
}
