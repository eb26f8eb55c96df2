package registry

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// DeleteClient removes the client for good, ends each of its grants (reason
// "client_deleted") and writes one revocation of the client, which covers all of
// them; all in one transaction. The revocation lasts until denyUntil, or until the
// last access token of the grants has expired if that is later. denyUntil must
// cover the tokens that have no grant (client_credentials). ErrNotFound.
func (r *Registry) DeleteClient(ctx context.Context, id string, denyUntil time.Time) error {
	return r.denyClient(ctx, "client.delete", "deleted_at = ?", "client_deleted", id, denyUntil)
}

// DisableClient does the same (reason "client_disabled") and leaves the client to
// be seen. There is no way back: the revocation is of every token of the client,
// and would refuse those that it got later, too. Disabling it again is no error,
// and extends the revocation if denyUntil is later. ErrNotFound.
func (r *Registry) DisableClient(ctx context.Context, id string, denyUntil time.Time) error {
	return r.denyClient(ctx, "client.disable", "disabled_at = COALESCE(disabled_at, ?)", "client_disabled", id, denyUntil)
}

// denyClient marks the client, so that it gets no more grants, ends those that it
// has, and revokes it.
func (r *Registry) denyClient(ctx context.Context, action, mark, reason, id string, denyUntil time.Time) error {
	if err := errors.Join(checkText(id), checkTimes(denyUntil)); err != nil {
		return err
	}
	return r.inTx(ctx, action, func(ctx context.Context, tx bun.Tx) error {
		now := r.clock()
		result, err := tx.NewUpdate().Model((*clientRow)(nil)).Set(mark, now).
			Where("id = ?", id).Where("deleted_at IS NULL").Exec(ctx)
		if err := orElse(ErrNotFound, result, err); err != nil {
			return err
		}
		live := r.locking(tx.NewSelect().Model((*grantRow)(nil)), "NO KEY UPDATE").
			Column("access_expires_at").Where("client_id = ?", id).Where("ended_at IS NULL").Order("id")
		var last bun.NullTime
		if err := tx.NewSelect().TableExpr("(?) AS live", live).
			ColumnExpr("max(live.access_expires_at)").Scan(ctx, &last); err != nil {
			return err
		}
		ended, err := affected(tx.NewUpdate().Model((*grantRow)(nil)).
			Set("ended_at = ?", now).Set("end_reason = ?", reason).Set("needed_until = NULL").
			Where("client_id = ?", id).Where("ended_at IS NULL").Exec(ctx))
		if err != nil {
			return err
		}
		if last.After(denyUntil) {
			denyUntil = last.Time
		}
		if _, err := r.revoke(ctx, tx, Revocation{Kind: KindClient, ID: id, ExpiresAt: denyUntil}); err != nil {
			return err
		}
		return r.record(ctx, tx, action, id,
			fmt.Sprintf("grants ended: %d, denied until %s", ended, denyUntil.UTC().Format(time.RFC3339)))
	})
}
