package registry

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/schema"
)

// The reasons for which a bound ends a grant.
const (
	endedReplaced    = "replaced"          // the user gave the client too many others since
	endedLeftOut     = "left_out"          // the user has unticked one of its scopes since
	endedRevocations = "revoked_too_often" // too many of its access tokens were revoked one by one
)

// room is what there has to be for one more grant of a subject to a client.
type room struct {
	most      int      // live grants, with the new one
	onlySpent bool     // none ends for it that is good for anything
	without   []string // scopes that no other live grant keeps
}

// freed are the IDs of the grants that ended for a new one, by the reason.
type freed struct{ replaced, leftOut []string }

// makeRoom ends the grants of the subject to the client that have a scope which none is
// to keep, and of the others those beyond the newest most-1, so that one more can be
// made. Those that are good for nothing any more go first; with onlySpent no others go,
// and ErrNoRoom says that one would have to. Of very many, from before there was a
// bound, it ends endBatch.
//
// Until the transaction ends, no other makes room for the same two.
func (r *Registry) makeRoom(ctx context.Context, tx bun.Tx, subject, clientID string, room room) (freed freed, err error) {
	if r.onPostgres() {
		_, err := tx.NewRaw("SELECT pg_advisory_xact_lock(hashtextextended(? || current_schema(), ?))",
			fmt.Sprintf("%q %q ", subject, clientID), grantLock).Exec(ctx)
		if err != nil {
			return freed, err
		}
	}
	if len(room.without) > 0 {
		if freed.leftOut, err = r.endWith(ctx, tx, subject, clientID, room.without); err != nil {
			return freed, err
		}
	}
	var excess []struct {
		ID    string `bun:"id"`
		Spent bool   `bun:"spent"`
	}
	err = tx.NewSelect().Model((*grantRow)(nil)).Column("id").ColumnExpr("(?) AS spent", isSpent(tx, r.clock())).
		Where("g.subject = ?", subject).Where("g.client_id = ?", clientID).Where("g.ended_at IS NULL").
		Order("spent", "g.created_at DESC", "g.id DESC").Offset(int64(room.most-1)).Limit(endBatch).Scan(ctx, &excess)
	if err != nil || len(excess) == 0 {
		return freed, err
	}
	ids := make([]string, len(excess))
	for i, g := range excess {
		if room.onlySpent && !g.Spent {
			return freed, ErrNoRoom
		}
		ids[i] = g.ID
	}
	rows, err := r.endSome(ctx, tx, endedReplaced, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("id IN (?)", bun.List(ids))
	})
	freed.replaced = idsOf(rows)
	return freed, err
}

// endWith ends the live grants of the two that have one of the scopes. It locks all of
// the two's, in the order of their IDs: others may end after these.
func (r *Registry) endWith(ctx context.Context, tx bun.Tx, subject, clientID string, scopes []string) ([]string, error) {
	var live []grantRow
	err := r.locking(tx.NewSelect().Model(&live), "NO KEY UPDATE").Column("id", "scopes").
		Where("subject = ?", subject).Where("client_id = ?", clientID).Where("ended_at IS NULL").Order("id").Scan(ctx)
	var ids []string
	for i := range live {
		if slices.ContainsFunc(live[i].Scopes, func(scope string) bool { return slices.Contains(scopes, scope) }) {
			ids = append(ids, live[i].ID)
		}
	}
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	ended, err := r.end(ctx, tx, endedLeftOut, ids...)
	return idsOf(ended), err
}

func idsOf(grants []grantRow) []string {
	ids := make([]string, len(grants))
	for i := range grants {
		ids[i] = grants[i].ID
	}
	return ids
}

// isSpent is the condition that a grant has no code, access token or refresh token that is good for anything.
func isSpent(tx bun.Tx, now time.Time) schema.QueryWithArgs {
	code := tx.NewSelect().Model((*codeRow)(nil)).ColumnExpr("1").
		Where("co.grant_id = g.id").Where("co.used_at IS NULL").Where("co.expires_at > ?", now)
	refresh := tx.NewSelect().Model((*refreshRow)(nil)).ColumnExpr("1").
		Where("rt.grant_id = g.id").Where("rt.used_at IS NULL").Where("rt.expires_at > ?", now)
	return bun.SafeQuery("COALESCE(g.access_expires_at <= ?, TRUE) AND NOT EXISTS (?) AND NOT EXISTS (?)", now, code, refresh)
}

const grantLock = 0x6772616e // "gran"

// RevokeTokenOf revokes an access token of a grant, as RevokeToken does. At most most
// tokens of a grant that have not expired are revoked one by one: the next one ends
// the grant (reason "revoked_too_often") and thereby revokes all of its tokens, so
// that what one client makes the denylist remember is bounded. isEnded reports that
// this call ended it. When the end of the grant has revoked the token already,
// nothing is written.
func (r *Registry) RevokeTokenOf(
	ctx context.Context, grantID, jti string, expires time.Time, most int,
) (isEnded bool, err error) {
	if err := errors.Join(checkIDs(grantID, jti), checkTimes(expires)); err != nil {
		return false, err
	}
	if most < 0 {
		return false, fmt.Errorf("%w: a bound must not be negative", ErrInvalid)
	}
	if !storable(expires).After(r.clock()) {
		return false, nil
	}
	err = r.inTx(ctx, "revoke token", func(ctx context.Context, tx bun.Tx) error {
		// Locked, so that of several at once each counts the ones before it.
		var live []grantRow
		err := r.locking(tx.NewSelect().Model(&live), "NO KEY UPDATE").Where("id = ?", grantID).Where("ended_at IS NULL").Scan(ctx)
		if err != nil {
			return err
		}
		token := Revocation{Kind: KindToken, ID: jti, GrantID: grantID, ExpiresAt: expires}
		if len(live) == 0 {
			covered, err := tx.NewSelect().Model((*revocationRow)(nil)).
				Where("kind = ?", KindGrant).Where("id = ?", grantID).Where("expires_at >= ?", expires).Exists(ctx)
			if err != nil || covered {
				return err
			}
			return r.revokeToken(ctx, tx, token)
		}
		var revoked []string
		err = tx.NewSelect().Model((*revocationRow)(nil)).Column("id").
			Where("grant_id = ?", grantID).Where("grant_id <> ''").Where("expires_at > ?", r.clock()).
			Limit(int64(most)+1).Scan(ctx, &revoked)
		if err != nil {
			return err
		}
		if len(revoked) < most || slices.Contains(revoked, jti) {
			token.Subject = live[0].Subject
			return r.revokeToken(ctx, tx, token)
		}
		ended, err := r.end(ctx, tx, endedRevocations, grantID)
		isEnded = len(ended) == 1
		return err
	})
	return isEnded && err == nil, err
}
