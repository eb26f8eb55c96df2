package registry

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/uptrace/bun"
)

// AuthorizationRequest is what a client asks of a user, from the moment it was checked until the user has decided. It belongs
// to the browser in which it began.
type AuthorizationRequest struct {
	ID string `bun:"id,pk"` // in the address of its page; it proves nothing
	// BrowserHash is the hash of what only the browser knows; empty: the client has sent the request ahead, and it has not begun.
	BrowserHash string `bun:"browser_hash"`
	ClientID    string `bun:"client_id"`
	// Parameters are those of the request, each once, without what proves who the user is.
	Parameters map[string]string `bun:"parameters"`
	CreatedAt  time.Time         `bun:"created_at"`
	ExpiresAt  time.Time         `bun:"expires_at"`

	// SessionHash is the session that was begun for this request, and in the end the one that decided; empty: neither.
	SessionHash string `bun:"session_hash"`
	// UsedAt is when the user decided; zero: not yet. GrantID is the grant that came of it; empty: none did.
	UsedAt  time.Time `bun:"used_at,nullzero"`
	GrantID string    `bun:"grant_id"`
}

// Used reports whether the user has decided.
func (a AuthorizationRequest) Used() bool { return !a.UsedAt.IsZero() }

type authorizationRequestRow struct {
	bun.BaseModel `bun:"table:authorization_requests,alias:ar"`
	AuthorizationRequest
}

// CreateAuthorizationRequest stores a new request. SessionHash, UsedAt and GrantID are ignored, because only later events set
// them. ErrExists when the ID is taken.
func (r *Registry) CreateAuthorizationRequest(ctx context.Context, a AuthorizationRequest) error {
	row, err := newRequestRow(a)
	if err := errors.Join(err, checkIDs(a.BrowserHash)); err != nil {
		return err
	}
	return r.run(ctx, "create authorization request", func(ctx context.Context) error { return insertRequest(ctx, r.db, row) })
}

func newRequestRow(a AuthorizationRequest) (*authorizationRequestRow, error) {
	a.SessionHash, a.UsedAt, a.GrantID = "", time.Time{}, ""
	problems := []error{checkIDs(a.ID, a.ClientID), checkTimes(a.CreatedAt, a.ExpiresAt)}
	for name, value := range a.Parameters {
		problems = append(problems, checkText(name, value))
	}
	a.CreatedAt, a.ExpiresAt = storable(a.CreatedAt), storable(a.ExpiresAt)
	return &authorizationRequestRow{AuthorizationRequest: a}, errors.Join(problems...)
}

func insertRequest(ctx context.Context, db bun.IDB, row *authorizationRequestRow) error {
	result, err := db.NewInsert().Model(row).On("CONFLICT (id) DO NOTHING").Returning("NULL").Exec(ctx)
	return orElse(ErrExists, result, err)
}

// AuthorizationRequest looks a request up, used and expired ones included. ErrNotFound.
func (r *Registry) AuthorizationRequest(ctx context.Context, id string) (AuthorizationRequest, error) {
	if err := checkText(id); err != nil {
		return AuthorizationRequest{}, err
	}
	var row authorizationRequestRow
	err := r.run(ctx, "read authorization request", func(ctx context.Context) error {
		return r.db.NewSelect().Model(&row).Where("id = ?", id).Scan(ctx)
	})
	if err != nil {
		return AuthorizationRequest{}, err
	}
	a := row.AuthorizationRequest
	a.CreatedAt, a.ExpiresAt, a.UsedAt = a.CreatedAt.UTC(), a.ExpiresAt.UTC(), a.UsedAt.UTC()
	return a, nil
}

// RefuseRequest notes that the session's user said no. ErrRequestUsed when the request was decided before, ErrExpired,
// ErrNotFound.
func (r *Registry) RefuseRequest(ctx context.Context, id, sessionHash string) error {
	if err := checkText(id, sessionHash); err != nil {
		return err
	}
	return r.inTx(ctx, "refuse authorization request", func(ctx context.Context, tx bun.Tx) error {
		return r.useRequest(ctx, tx, id, sessionHash, "")
	})
}

// AuthorizeRequest is Authorize for a stored request, which is used in the same transaction: under any interleaving a request
// leads to at most one grant. Every live grant of the two ends, and is among leftOut, that has one of the scopes in without, which
// the subject does not want the client to have (reason "left_out"). In addition to the errors of Authorize, ErrRequestUsed when it
// was decided before, ErrExpired, and ErrNotFound when there is none.
func (r *Registry) AuthorizeRequest(
	ctx context.Context, id, sessionHash string, g Grant, c Code, most int, without []string, decided ...Decision,
) (replaced, leftOut []string, err error) {
	if err := errors.Join(checkIDs(id, sessionHash), checkDecisions(decided, g)); err != nil {
		return nil, nil, err
	}
	freed, err := r.authorize(ctx, g, c, room{most: most, without: without}, func(ctx context.Context, tx bun.Tx) error {
		if err := r.useRequest(ctx, tx, id, sessionHash, g.ID); err != nil {
			return err
		}
		return r.setDecided(ctx, tx, decided)
	})
	return freed.replaced, freed.leftOut, err
}

// RenewCode gives the grant of a used request another code, which takes the place of its first, if the same session decided and
// the first was not redeemed. So a browser that sends the decision twice gets a code that is good, and its user one grant.
// ErrNotFound when one of these does not hold, or the grant has ended.
func (r *Registry) RenewCode(ctx context.Context, id, sessionHash, codeHash string, expires time.Time) error {
	if err := errors.Join(checkIDs(id, sessionHash, codeHash), checkTimes(expires)); err != nil {
		return err
	}
	return r.inTx(ctx, "renew code", func(ctx context.Context, tx bun.Tx) error {
		var grantID string
		err := tx.NewSelect().Model((*authorizationRequestRow)(nil)).Column("grant_id").
			Where("id = ?", id).Where("session_hash = ?", sessionHash).Where("grant_id <> ''").Scan(ctx, &grantID)
		if err != nil {
			return err
		}
		result, err := tx.NewUpdate().Model((*codeRow)(nil)).
			Set("hash = ?", codeHash).Set("expires_at = ?", storable(expires)).
			Where("grant_id = ?", grantID).Where("used_at IS NULL").
			Where("EXISTS (SELECT 1 FROM grants WHERE id = ? AND ended_at IS NULL)", grantID).Exec(ctx)
		return orElse(ErrNotFound, result, err)
	})
}

// useRequest is the one step in which a request is used.
func (r *Registry) useRequest(ctx context.Context, tx bun.Tx, id, sessionHash, grantID string) error {
	now := r.clock()
	result, err := tx.NewUpdate().Model((*authorizationRequestRow)(nil)).
		Set("used_at = ?", now).Set("session_hash = ?", sessionHash).Set("grant_id = ?", grantID).
		Where("id = ?", id).Where("used_at IS NULL").Where("expires_at > ?", now).Exec(ctx)
	if n, err := affected(result, err); err != nil || n == 1 {
		return err
	}
	var usedAt sql.NullTime
	err = tx.NewSelect().Model((*authorizationRequestRow)(nil)).Column("used_at").Where("id = ?", id).Scan(ctx, &usedAt)
	switch {
	case err != nil:
		return err
	case usedAt.Valid:
		return ErrRequestUsed
	}
	return ErrExpired
}

func (r *Registry) purgeRequests(
	ctx context.Context, tx bun.Tx, before time.Time, limit int,
) (removed int, more bool, err error) {
	removed, err = r.remove(ctx, tx, (*authorizationRequestRow)(nil), "id", limit, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("expires_at < ?", before).Order("expires_at")
	})
	return removed, removed == limit, err
}
