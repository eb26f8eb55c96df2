package registry

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// DeleteClient removes the client for good, ends each of its grants (reason
// "client_deleted") and revokes the client until denyUntil, or until the last
// access token of its grants has expired if that is later; all in one
// transaction. One revocation covers all its grants. denyUntil must cover the
// tokens that have no grant (client_credentials). ErrNotFound.
func (r *Registry) DeleteClient(ctx context.Context, id string, denyUntil time.Time) error {
	return r.denyClient(ctx, "client.delete", "deleted_at = ?", "client_deleted", id, denyUntil)
}

// DisableClient is DeleteClient (reason "client_disabled") for a client that is
// still to be seen. It stays disabled: what it held was denied without exception,
// and cannot be told from what it would be given later. Disabling it again denies
// it longer, if denyUntil is later, and is no error. ErrNotFound.
func (r *Registry) DisableClient(ctx context.Context, id string, denyUntil time.Time) error {
	return r.denyClient(ctx, "client.disable", "disabled_at = COALESCE(disabled_at, ?)", "client_disabled", id, denyUntil)
}

// denyClient marks the client, so that no grant is added, ends the grants it has
// and revokes it.
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
