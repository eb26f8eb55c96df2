package registry

import (
	"context"
	"time"

	"github.com/uptrace/bun"
)

// grantPurge is a grant as purging sees it.
type grantPurge struct {
	bun.BaseModel   `bun:"table:grants,alias:g"`
	ID              string    `bun:"id,pk"`
	PurgeAfter      time.Time `bun:"needed_until"` // as of the last look; NULL: nobody looked
	AccessExpiresAt time.Time `bun:"access_expires_at,scanonly"`
	EndedAt         time.Time `bun:"ended_at,scanonly"`
	RefreshUntil    time.Time `bun:"refresh_until,scanonly"`
	CodeUntil       time.Time `bun:"code_until,scanonly"`
}

// endsAt is when the grant was ended, or will have come to its end if nothing
// happens: its access tokens and refresh tokens have expired, and no code of it is
// kept any longer. Only a redemption or a rotation could put that off, and they
// need a code or refresh token that lives. An ended grant is not needed to refuse
// its tokens: its revocation, or that of its client, does.
func (n *grantPurge) endsAt() time.Time {
	if !n.EndedAt.IsZero() {
		return n.EndedAt
	}
	until := n.AccessExpiresAt
	if n.RefreshUntil.After(until) {
		until = n.RefreshUntil
	}
	if !n.CodeUntil.IsZero() && n.CodeUntil.Add(codeWatch).After(until) {
		until = n.CodeUntil.Add(codeWatch)
	}
	return until
}

// purgeGrants looks at the grants whose PurgeAfter has passed. It removes those that
// have come to their end. The others lose the refresh tokens that have expired and
// get a new PurgeAfter, before which nobody looks at them again: a grant costs one
// look in the life of a refresh token, however often Purge runs.
func (r *Registry) purgeGrants(
	ctx context.Context, tx bun.Tx, before time.Time, limit int,
) (removed int, more bool, err error) {
	var looked []grantPurge
	err = r.locking(tx.NewSelect().Model(&looked), "UPDATE OF g SKIP LOCKED").
		Column("id", "access_expires_at", "ended_at").
		ColumnExpr("(?) AS refresh_until", tx.NewSelect().Model((*refreshRow)(nil)).
			ColumnExpr("max(rt.expires_at)").Where("rt.grant_id = g.id").Where("rt.used_at IS NULL")).
		ColumnExpr("(?) AS code_until", tx.NewSelect().Model((*codeRow)(nil)).
			ColumnExpr("max(co.expires_at)").Where("co.grant_id = g.id")).
		Where("COALESCE(g.needed_until, g.created_at) < ?", before).
		OrderExpr("COALESCE(g.needed_until, g.created_at)").Limit(int64(limit)).Scan(ctx)
	if err != nil {
		return 0, false, err
	}
	var needed []grantPurge
	var over, alive []string
	for _, grant := range looked {
		if grant.PurgeAfter = grant.endsAt(); grant.PurgeAfter.Before(before) {
			over = append(over, grant.ID)
		} else {
			needed, alive = append(needed, grant), append(alive, grant.ID)
		}
	}
	if len(needed) > 0 {
		removed, err = r.remove(ctx, tx, (*refreshRow)(nil), "hash", limit, func(q *bun.SelectQuery) *bun.SelectQuery {
			return q.Where("grant_id IN (?)", bun.List(alive)).Where("expires_at < ?", before)
		})
		if err != nil || removed == limit { // they are looked at again
			return removed, err == nil, err
		}
		if _, err := tx.NewUpdate().Model(&needed).Bulk().Exec(ctx); err != nil {
			return 0, false, err
		}
	}
	if len(over) > 0 {
		n, err := r.removeGrants(ctx, tx, over, limit-removed)
		if err != nil {
			return 0, false, err
		}
		removed += n
	}
	full := len(looked) == limit || removed >= limit
	return removed, full && removed+len(needed) > 0, nil
}

// removeGrants removes grants, which the caller has locked, with their codes and
// refresh tokens. Of a long chain it removes a part; the next batch goes on.
func (r *Registry) removeGrants(ctx context.Context, tx bun.Tx, ids []string, limit int) (removed int, err error) {
	theirs := func(q *bun.SelectQuery) *bun.SelectQuery { return q.Where("grant_id IN (?)", bun.List(ids)) }
	tokens, err := r.remove(ctx, tx, (*refreshRow)(nil), "hash", limit, theirs)
	if err != nil {
		return 0, err
	}
	codes, err := r.remove(ctx, tx, (*codeRow)(nil), "hash", limit, theirs)
	if err != nil {
		return 0, err
	}
	grants, err := affected(tx.NewDelete().Model((*grantRow)(nil)).Where("id IN (?)", bun.List(ids)).
		Where("NOT EXISTS (SELECT 1 FROM refresh_tokens WHERE grant_id = g.id)").
		Where("NOT EXISTS (SELECT 1 FROM codes WHERE grant_id = g.id)").Exec(ctx))
	return tokens + codes + grants, err
}
