package registry

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"
)

// What a Revocation is about; the denylist's kinds have the same names.
const (
	KindToken  = "token"
	KindGrant  = "grant"
	KindClient = "client"
)

// Revocation says that a token (by jti), or every access token of a grant or of
// a client, is refused. At ExpiresAt all of them have expired, and it ends.
type Revocation struct {
	Kind      string    `bun:"kind,pk"`
	ID        string    `bun:"id,pk"`
	Subject   string    `bun:"subject"`  // the user whose access it takes back; empty: an operator's, or of a whole client
	GrantID   string    `bun:"grant_id"` // of a token whose own client revoked it
	ExpiresAt time.Time `bun:"expires_at"`
	CreatedAt time.Time `bun:"created_at"`
	Delivered bool      `bun:"delivered"` // the denylist has it, up to ExpiresAt
}

type revocationRow struct {
	bun.BaseModel `bun:"table:revocations,alias:rev"`
	Revocation
	// Turn is how many of the subject's revocations were waiting when this one came. Those with the smallest are
	// delivered first: everybody's first one before anybody's second.
	Turn int `bun:"turn"`
}

// lastTurn is where those stand who have more waiting than anybody should: it bounds what counting them costs.
const lastTurn = 1000

// RevokeToken revokes one access token until expires, the last moment at which a
// verifier may accept it, leeway included. Of a token that has expired nothing is
// stored. Revoking a token again is no error; the later of the expiries counts.
func (r *Registry) RevokeToken(ctx context.Context, jti string, expires time.Time) error {
	if err := checkIDs(jti); err != nil {
		return err
	}
	if err := checkTimes(expires); err != nil {
		return err
	}
	if !storable(expires).After(r.clock()) {
		return nil
	}
	return r.inTx(ctx, "revoke token", func(ctx context.Context, tx bun.Tx) error {
		return r.revokeToken(ctx, tx, Revocation{Kind: KindToken, ID: jti, ExpiresAt: expires})
	})
}

func (r *Registry) revokeToken(ctx context.Context, tx bun.Tx, token Revocation) error {
	written, err := r.revoke(ctx, tx, token)
	if err != nil || written == 0 {
		return err
	}
	return r.record(ctx, tx, "token.revoke", token.ID, "until "+token.ExpiresAt.UTC().Format(time.RFC3339))
}

// revoke writes revocations of one subject. It extends an existing one and marks it
// undelivered; a longer one is left alone. written counts those that were new or
// extended.
func (r *Registry) revoke(ctx context.Context, tx bun.Tx, revocations ...Revocation) (written int, err error) {
	if len(revocations) == 0 {
		return 0, nil
	}
	waiting, err := tx.NewSelect().TableExpr("(?) AS waiting", tx.NewSelect().Model((*revocationRow)(nil)).
		ColumnExpr("1").Where("subject = ?", revocations[0].Subject).Where("NOT delivered").Where("subject >= ''").Limit(lastTurn)).Count(ctx)
	if err != nil {
		return 0, err
	}
	now := r.clock()
	rows := make([]revocationRow, len(revocations))
	for i, revocation := range inOrder(revocations) {
		revocation.CreatedAt, revocation.Delivered = now, false
		rows[i] = revocationRow{Revocation: revocation, Turn: min(int(waiting)+i, lastTurn)}
	}
	return affected(tx.NewInsert().Model(&rows).
		On("CONFLICT (kind, id) DO UPDATE").
		Set("expires_at = EXCLUDED.expires_at").Set("delivered = FALSE").Set("turn = EXCLUDED.turn").
		Where("rev.expires_at < EXCLUDED.expires_at").
		Returning("NULL").Exec(ctx))
}

// Revoked reports from the durable record whether an access token was revoked:
// itself, by the end of its grant, or with its client, deleted or disabled. An
// empty argument is not looked at (a client_credentials token has no grant).
// Whether the token has expired is another question.
func (r *Registry) Revoked(ctx context.Context, tokenID, grantID, clientID string) (bool, error) {
	if err := checkText(tokenID, grantID, clientID); err != nil {
		return false, err
	}
	var revoked bool
	err := r.run(ctx, "look for revocations", func(ctx context.Context) error {
		return r.db.NewRaw(`SELECT EXISTS (SELECT 1 FROM revocations WHERE kind = 'token' AND id = ?)
			OR EXISTS (SELECT 1 FROM revocations WHERE kind = 'grant' AND id = ?)
			OR EXISTS (SELECT 1 FROM revocations WHERE kind = 'client' AND id = ?)
			OR EXISTS (SELECT 1 FROM grants WHERE id = ? AND ended_at IS NOT NULL)
			OR EXISTS (SELECT 1 FROM clients WHERE id = ? AND (deleted_at IS NOT NULL OR disabled_at IS NOT NULL))`,
			tokenID, grantID, clientID, grantID, clientID).Scan(ctx, &revoked)
	})
	return revoked, err
}

// LiveRevocations returns up to limit revocations that have not expired,
// delivered or not, in the order of kind and ID, after the given one: pass the
// zero Revocation first, then the last of each page, until a page is empty.
func (r *Registry) LiveRevocations(ctx context.Context, after Revocation, limit int) ([]Revocation, error) {
	if err := checkText(after.Kind, after.ID); err != nil {
		return nil, err
	}
	return r.revocations(ctx, r.db, limit, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("(kind, id) > (?, ?)", after.Kind, after.ID).Order("kind", "id")
	})
}

func (r *Registry) revocations(
	ctx context.Context, db bun.IDB, limit int, which func(*bun.SelectQuery) *bun.SelectQuery,
) ([]Revocation, error) {
	if limit <= 0 {
		return nil, fmt.Errorf("%w: limit must be positive", ErrInvalid)
	}
	var rows []revocationRow
	err := r.run(ctx, "read revocations", func(ctx context.Context) error {
		return which(db.NewSelect().Model(&rows)).Where("expires_at > ?", r.clock()).Limit(int64(limit)).Scan(ctx)
	})
	revocations := make([]Revocation, len(rows))
	for i, row := range rows {
		revocations[i] = row.Revocation
		revocations[i].ExpiresAt, revocations[i].CreatedAt = row.ExpiresAt.UTC(), row.CreatedAt.UTC()
	}
	return revocations, err
}

// inOrder sorts by key: whoever writes several rows takes their locks in this
// order, so that no two wait for each other.
func inOrder(revocations []Revocation) []Revocation {
	return slices.SortedFunc(slices.Values(revocations), func(a, b Revocation) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.ID, b.ID))
	})
}
