package registry

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// takeImport stores what judgeImport found to be taken, and notes of what is known
// already that the source has it still.
func (r *Registry) takeImport(
	ctx context.Context, tx bun.Tx, run *Import, batch []ImportedGrant, outcomes []ImportOutcome,
) error {
	var marks []importedRow
	var known []string
	for i := range batch {
		switch outcomes[i] {
		case ImportTaken:
			marks = append(marks, batch[i].mark(run))
		case ImportKnown:
			known = append(known, batch[i].ID)
		}
	}
	if len(known) > 0 {
		_, err := tx.NewUpdate().Model((*importedRow)(nil)).Set("seen_at = ?", storable(run.Run)).
			Where("grant_id IN (?)", bun.List(known)).Where("seen_at < ?", storable(run.Run)).Exec(ctx)
		if err != nil {
			return err
		}
	}
	if len(marks) == 0 {
		return nil
	}
	// Of two runs at the same time one gets each grant, whatever both have decided.
	var mine []string
	err := tx.NewInsert().Model(&marks).On("CONFLICT DO NOTHING").Returning("grant_id").Scan(ctx, &mine)
	if err != nil {
		return err
	}
	isMine := setOf(mine)
	var grants []grantRow
	var tokens []refreshRow
	clients := map[string]bool{}
	for i := range batch {
		switch {
		case outcomes[i] != ImportTaken:
		case !isMine[batch[i].ID]:
			outcomes[i] = ImportKnown
		default:
			grants = append(grants, grantRow{Grant: batch[i].live()})
			clients[batch[i].ClientID] = true
			if token := batch[i].Refresh; token != nil {
				tokens = append(tokens, refreshRow{RefreshToken: RefreshToken{
					Hash: token.Hash, GrantID: batch[i].ID, CreatedAt: token.CreatedAt, ExpiresAt: token.ExpiresAt,
				}})
			}
		}
	}
	if len(grants) == 0 {
		return nil
	}
	if _, err := tx.NewInsert().Model(&grants).Returning("NULL").Exec(ctx); err != nil {
		return err
	}
	if len(tokens) > 0 {
		if _, err := tx.NewInsert().Model(&tokens).Returning("NULL").Exec(ctx); err != nil {
			return err
		}
	}
	return r.record(ctx, tx, "grant.import", run.Source, fmt.Sprintf("grants taken over: %d, of clients: %d", len(grants), len(clients)))
}

// mark is the row that outlives the grant.
func (g *ImportedGrant) mark(run *Import) importedRow {
	row := importedRow{GrantID: g.ID, Source: run.Source, SeenAt: storable(run.Run), Delivered: g.Access == nil}
	if g.Refresh != nil {
		row.RefreshHash, row.ExpiresAt = g.Refresh.Hash, g.Refresh.ExpiresAt
	}
	if g.Access != nil {
		row.AccessHash, row.AccessIssuedAt, row.AccessExpiresAt = g.Access.Hash, g.Access.IssuedAt, g.Access.ExpiresAt
		if g.Access.ExpiresAt.After(row.ExpiresAt) {
			row.ExpiresAt = g.Access.ExpiresAt
		}
	}
	return row
}

// live is the grant as it begins here. It counts as one whose code was redeemed: the
// user sees it, and bounds end it in its turn. What revokes it lasts as long as its
// access token, whether or not that is good for anything here.
func (g *ImportedGrant) live() Grant {
	grant := g.Grant
	grant.AccessExpiresAt, grant.EndedAt, grant.EndReason = g.CreatedAt, time.Time{}, ""
	if g.Access != nil {
		grant.AccessExpiresAt = g.Access.ExpiresAt
	}
	return grant
}

// endedGone is the reason for which a grant ends whose token the source has no longer.
const endedGone = "gone_at_source"

// FinishImport ends, after everything that lives at the source was given to
// ImportGrants, those imported grants that were not among it: they were refreshed or
// taken back there after an earlier run. It leaves alone what was used here since. A
// rehearsal counts them.
func (r *Registry) FinishImport(ctx context.Context, run *Import, seen func(grantID string) bool) (gone int, err error) {
	if err := errors.Join(checkIDs(run.Source), checkTimes(run.Run)); err != nil {
		return 0, err
	}
	after := ""
	for more := true; more; {
		var ended int
		err := r.inTx(ctx, "end what is gone at the source", func(ctx context.Context, tx bun.Tx) error {
			var rows []grantRow
			if rows, err = r.unseen(ctx, tx, run, after); err != nil {
				return err
			}
			if more = len(rows) == endBatch; more {
				after = rows[len(rows)-1].ID
			}
			ended, err = r.endGone(ctx, tx, run, rows, seen)
			return err
		})
		if err != nil {
			return gone, err
		}
		gone += ended
	}
	return gone, nil
}

// unseen are up to endBatch live grants of the source, in the order of their IDs, that
// this run has not noted and nobody has used here.
func (r *Registry) unseen(ctx context.Context, tx bun.Tx, run *Import, after string) (rows []grantRow, err error) {
	err = r.locking(tx.NewSelect().Model(&rows), "NO KEY UPDATE OF g").Column("g.id", "g.subject").
		Join("JOIN imported_grants AS ig ON ig.grant_id = g.id").
		Where("ig.source = ?", run.Source).Where("ig.seen_at < ?", storable(run.Run)).Where("g.id > ?", after).
		Where("ig.expires_at > ?", r.clock()).Where("g.ended_at IS NULL").
		Where("NOT EXISTS (SELECT 1 FROM refresh_tokens AS rt WHERE rt.grant_id = g.id AND rt.used_at IS NOT NULL)").
		Order("g.id").Limit(endBatch).Scan(ctx)
	return rows, err
}

func (r *Registry) endGone(
	ctx context.Context, tx bun.Tx, run *Import, rows []grantRow, seen func(grantID string) bool,
) (gone int, err error) {
	of := map[string][]string{}
	for i := range rows {
		if !run.Rehearse || !seen(rows[i].ID) {
			of[rows[i].Subject] = append(of[rows[i].Subject], rows[i].ID)
			gone++
		}
	}
	if run.Rehearse {
		return gone, nil
	}
	for _, ids := range of {
		ended, err := r.end(ctx, tx, endedGone, ids...)
		if err != nil {
			return 0, err
		}
		if err := r.recordEnded(ctx, tx, ended); err != nil {
			return 0, err
		}
	}
	return gone, nil
}

// purgeImported removes the notes of what would have expired at its source.
func (r *Registry) purgeImported(
	ctx context.Context, tx bun.Tx, before time.Time, limit int,
) (removed int, more bool, err error) {
	removed, err = r.remove(ctx, tx, (*importedRow)(nil), "grant_id", limit, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("expires_at < ?", before).Order("expires_at")
	})
	return removed, removed == limit, err
}
