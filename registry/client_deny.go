package registry

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/uptrace/bun"
)

// The reasons for which grants end with their client.
const (
	clientDeleted  = "client_deleted"
	clientDisabled = "client_disabled"
)

// DeleteClient removes the client for good, writes one revocation of it, which covers
// all of its tokens, and ends its grants (reason "client_deleted"); in one transaction,
// however many grants there are: the first endBatch end in it, and Purge ends the
// rest. Nothing more is granted to the client in any case.
//
// The revocation lasts until denyUntil, or until the last access token of the grants
// has expired if that is later. denyUntil must cover the tokens that have no grant
// (client_credentials), and should cover all that the client may have got. ErrNotFound.
func (r *Registry) DeleteClient(ctx context.Context, id string, denyUntil time.Time) error {
	return r.denyClient(ctx, "client.delete", "deleted_at = ?", clientDeleted, id, denyUntil)
}

// DisableClient does the same (reason "client_disabled") and leaves the client to
// be seen. There is no way back: the revocation is of every token of the client,
// and would refuse those that it got later, too. Disabling it again is no error,
// and extends the revocation if denyUntil is later. ErrNotFound.
func (r *Registry) DisableClient(ctx context.Context, id string, denyUntil time.Time) error {
	return r.denyClient(ctx, "client.disable", "disabled_at = COALESCE(disabled_at, ?)", clientDisabled, id, denyUntil)
}

// denyClient marks the client, so that it gets no more grants, ends those that it
// has, and revokes it.
func (r *Registry) denyClient(ctx context.Context, action, mark, reason, id string, denyUntil time.Time) error {
	if err := errors.Join(checkText(id), checkTimes(denyUntil)); err != nil {
		return err
	}
	defer r.clientChanged(id)
	return r.inTx(ctx, action, func(ctx context.Context, tx bun.Tx) error {
		now := r.clock()
		result, err := tx.NewUpdate().Model((*clientRow)(nil)).Set(mark, now).
			Where("id = ?", id).Where("deleted_at IS NULL").Exec(ctx)
		if err := orElse(ErrNotFound, result, err); err != nil {
			return err
		}
		ended, last, err := r.endOfClient(ctx, tx, id, reason)
		if err != nil {
			return err
		}
		if last.After(denyUntil) {
			denyUntil = last
		}
		if _, err := r.revoke(ctx, tx, Revocation{Kind: KindClient, ID: id, ExpiresAt: denyUntil}); err != nil {
			return err
		}
		return r.record(ctx, tx, action, id,
			fmt.Sprintf("grants ended: %s, denied until %s", count(ended, endBatch), denyUntil.UTC().Format(time.RFC3339)))
	})
}

func count(n, most int) string {
	if n == most {
		return fmt.Sprintf("%d or more", n)
	}
	return strconv.Itoa(n)
}

// endOfClient ends up to endBatch of the client's grants without revocations of their
// own, because that of the client covers them. It returns how many there were, and
// when the last of their access tokens expires.
func (r *Registry) endOfClient(ctx context.Context, tx bun.Tx, id, reason string) (ended int, last time.Time, err error) {
	var ids []string
	err = r.locking(tx.NewSelect().Model((*grantRow)(nil)), "NO KEY UPDATE").Column("id").
		Where("client_id = ?", id).Where("ended_at IS NULL").Order("id").Limit(endBatch).Scan(ctx, &ids)
	if err != nil || len(ids) == 0 {
		return 0, last, err
	}
	rows, err := r.markEnded(ctx, tx, reason, ids...)
	for i := range rows {
		if expires := rows[i].AccessExpiresAt; expires.After(last) {
			last = expires
		}
	}
	return len(rows), last, err
}

// purgeDenied ends grants of one client that was deleted or disabled with more of them
// than end at once. The revocation of the client is extended where a token lives longer.
func (r *Registry) purgeDenied(
	ctx context.Context, tx bun.Tx, _ time.Time, _ int,
) (ended int, more bool, err error) {
	var row clientRow
	one := tx.NewSelect().Model((*grantRow)(nil)).Column("g.id").Where("g.client_id = c.id").Where("g.ended_at IS NULL").Limit(1)
	err = tx.NewSelect().Model(&row).Column("id", "deleted_at", "disabled_at").
		Where("c.deleted_at IS NOT NULL OR c.disabled_at IS NOT NULL").Where("(?) IS NOT NULL", one).Limit(1).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, err
	}
	reason := clientDeleted
	if row.DeletedAt.IsZero() {
		reason = clientDisabled
	}
	_, last, err := r.endOfClient(ctx, tx, row.ID, reason)
	if err == nil && last.After(r.clock()) {
		_, err = r.revoke(ctx, tx, Revocation{Kind: KindClient, ID: row.ID, ExpiresAt: last})
	}
	return 0, err == nil, err
}
