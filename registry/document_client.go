package registry

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// Clients that nobody has registered are stored when a user allows them something, and removed by Purge when they have no grant
// any more. One that was disabled or deleted stays for good, so that it does not come back.

// documentFresh is how long the row of such a client is good without being touched: less than what Purge leaves alone.
const documentFresh = 10 * time.Minute

// KeepDocumentClient stores a client that comes by its metadata document (Fingerprint), as it was shown to the subject, who allows
// it something now; Authorize makes the grant afterwards. Its times are ignored.
//
// ErrNotFound when the client was disabled or deleted, or an operator has registered one with this ID. ErrNoRoom when the subject
// has live grants to most other such clients.
func (r *Registry) KeepDocumentClient(ctx context.Context, c Client, subject string, most int) error {
	c.CreatedAt = r.clock()
	c.UpdatedAt, c.DisabledAt, c.KeptUntil = c.CreatedAt, time.Time{}, time.Time{}
	if err := errors.Join(c.check(), checkIDs(c.Fingerprint, subject)); err != nil {
		return err
	}
	return r.inTx(ctx, "keep client of a document", func(ctx context.Context, tx bun.Tx) (err error) {
		if err := roomForStranger(ctx, tx, subject, c.ID, most); err != nil {
			return err
		}
		for range 3 { // it may be purged in between
			result, insertErr := tx.NewInsert().Model(&clientRow{Client: c}).On("CONFLICT (id) DO NOTHING").Returning("NULL").Exec(ctx)
			if n, err := affected(result, insertErr); err != nil || n == 1 {
				return err
			}
			if err = r.renewDocumentClient(ctx, tx, c); !errors.Is(err, sql.ErrNoRows) && !errors.Is(err, ErrNotFound) {
				return err
			}
		}
		return err
	})
}

// roomForStranger returns ErrNoRoom when the subject has live grants to most clients that nobody has registered, besides this one.
func roomForStranger(ctx context.Context, tx bun.Tx, subject, clientID string, most int) error {
	if most < 1 {
		return fmt.Errorf("%w: a user may allow at least one client", ErrInvalid)
	}
	var others []string
	err := tx.NewSelect().Model((*grantRow)(nil)).Distinct().Column("client_id").
		Where("subject = ?", subject).Where("ended_at IS NULL").Where("fingerprint <> ''").Where("client_id <> ?", clientID).
		Limit(int64(most)).Scan(ctx, &others)
	if err == nil && len(others) >= most {
		err = ErrNoRoom
	}
	return err
}

// renewDocumentClient writes only what has changed: those who allow the client at the same time wait for a row that is written.
func (r *Registry) renewDocumentClient(ctx context.Context, tx bun.Tx, c Client) error {
	theirs := func(q bun.QueryBuilder) bun.QueryBuilder {
		return q.Where("id = ?", c.ID).Where("fingerprint <> ''").Where("kept_until IS NULL").Where("deleted_at IS NULL").Where("disabled_at IS NULL")
	}
	var row clientRow
	if err := tx.NewSelect().Model(&row).ApplyQueryBuilder(theirs).Scan(ctx); err != nil {
		return err
	}
	if row.Fingerprint == c.Fingerprint && c.UpdatedAt.Sub(row.UpdatedAt) < documentFresh {
		return nil
	}
	c.CreatedAt = row.CreatedAt
	result, err := tx.NewUpdate().Model(&clientRow{Client: c}).ApplyQueryBuilder(theirs).Exec(ctx)
	return orElse(ErrNotFound, result, err)
}

// IsBarred reports whether a client with this ID was disabled or deleted: it never comes back.
func (r *Registry) IsBarred(ctx context.Context, id string) (barred bool, err error) {
	if err := checkText(id); err != nil {
		return false, err
	}
	err = r.run(ctx, "look for a barred client", func(ctx context.Context) (err error) {
		barred, err = r.db.NewSelect().Model((*clientRow)(nil)).Where("id = ?", id).
			Where("deleted_at IS NOT NULL OR disabled_at IS NOT NULL").Exists(ctx)
		return err
	})
	return barred, err
}

// purgeDocumentClients removes those that have no grant. One that is being allowed something was touched lately.
func (r *Registry) purgeDocumentClients(
	ctx context.Context, tx bun.Tx, before time.Time, limit int,
) (removed int, more bool, err error) {
	if latest := r.clock().Add(-2 * documentFresh); latest.Before(before) {
		before = latest
	}
	removed, err = r.remove(ctx, tx, (*clientRow)(nil), "id", limit, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("fingerprint <> ''").Where("kept_until IS NULL").Where("deleted_at IS NULL").Where("disabled_at IS NULL").Where("updated_at < ?", before).
			Where("NOT EXISTS (SELECT 1 FROM grants WHERE client_id = c.id)").Order("updated_at")
	})
	return removed, removed == limit, err
}
