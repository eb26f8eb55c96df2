package registry

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// AuditRecord says who changed what, and when.
type AuditRecord struct {
	ID     int64     `bun:"id,pk,autoincrement"`
	At     time.Time `bun:"at"`
	Actor  string    `bun:"actor"`  // as By was told
	Action string    `bun:"action"` // see By
	Target string    `bun:"target"` // ID of the client, grant or key; jti of the token
	Detail string    `bun:"detail"` // for people; never a secret
}

type auditRow struct {
	bun.BaseModel `bun:"table:audit,alias:a"`
	AuditRecord
}

// By returns a view of the same Registry whose changes leave audit records in the
// transaction that makes them: no change is made without its record. With an actor
// that is empty, or has characters that are not printed (a line break could fake a
// record), the view refuses changes with ErrInvalid.
//
// The actions are client.create, client.update, client.secret, client.delete,
// client.disable, grant.end, grant.import, token.revoke, sessions.end, budget.set
// (whose target is the subject), spend.settle, key.add, key.revoke and key.delete.
// There is one record for each thing that did change, but one for all sessions of a
// user, and one for a batch of imported grants, whose target is the source; none for
// grants that end with their client, nor for what clients do themselves (authorize,
// redeem, rotate, spend).
//
// The view shares everything with r, Close included.
func (r *Registry) By(actor string) *Registry {
	view := *r
	view.audited, view.actor = true, actor
	return &view
}

// record notes a change of the target, if this is a view that records.
func (r *Registry) record(ctx context.Context, tx bun.Tx, action, target, detail string) error {
	return r.recordEach(ctx, tx, AuditRecord{Action: action, Target: target, Detail: detail})
}

func (r *Registry) recordEach(ctx context.Context, tx bun.Tx, records ...AuditRecord) error {
	if !r.audited || len(records) == 0 {
		return nil
	}
	if err := errors.Join(checkIDs(r.actor), checkPrintable(r.actor)); err != nil {
		return err
	}
	now := r.clock()
	rows := make([]auditRow, len(records))
	for i, record := range records {
		record.At, record.Actor = now, r.actor
		rows[i].AuditRecord = record
	}
	_, err := tx.NewInsert().Model(&rows).Returning("NULL").Exec(ctx)
	return err
}

// Audit returns a page of at most limit records, newest first, that follow the
// given one: pass the zero AuditRecord first, then the last of each page, until a
// page is empty.
func (r *Registry) Audit(ctx context.Context, after AuditRecord, limit int) ([]AuditRecord, error) {
	if limit <= 0 {
		return nil, fmt.Errorf("%w: limit must be positive", ErrInvalid)
	}
	var rows []auditRow
	err := r.run(ctx, "read audit", func(ctx context.Context) error {
		q := r.db.NewSelect().Model(&rows).Order("id DESC").Limit(int64(limit))
		if after.ID != 0 {
			q.Where("id < ?", after.ID)
		}
		return q.Scan(ctx)
	})
	records := make([]AuditRecord, len(rows))
	for i, row := range rows {
		records[i] = row.AuditRecord
		records[i].At = row.At.UTC()
	}
	return records, err
}
