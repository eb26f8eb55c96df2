package registry

import (
	"context"
	"time"

	"github.com/uptrace/bun"
)

// TakenClientIDs returns those of the IDs that a client has or had: deleted says that
// it was deleted.
func (r *Registry) TakenClientIDs(ctx context.Context, ids ...string) (deleted map[string]bool, err error) {
	if err := checkText(ids...); err != nil || len(ids) == 0 {
		return nil, err
	}
	var rows []clientRow
	err = r.run(ctx, "look for clients", func(ctx context.Context) error {
		return r.db.NewSelect().Model(&rows).Column("id", "deleted_at").Where("id IN (?)", bun.List(ids)).Scan(ctx)
	})
	deleted = make(map[string]bool, len(rows))
	for i := range rows {
		deleted[rows[i].ID] = !rows[i].DeletedAt.IsZero()
	}
	return deleted, err
}

// CreateClients stores new clients in one transaction, as CreateClient does each, and
// says which: one whose ID is taken, also by a deleted client, is left as it is.
func (r *Registry) CreateClients(ctx context.Context, clients []Client) (created map[string]bool, err error) {
	if len(clients) == 0 {
		return nil, nil
	}
	rows, now := make([]clientRow, len(clients)), r.clock()
	for i, c := range clients {
		c.UpdatedAt, c.DisabledAt = now, time.Time{}
		if c.CreatedAt.IsZero() {
			c.CreatedAt = now
		}
		if err := c.check(); err != nil {
			return nil, err
		}
		rows[i] = clientRow{Client: c}
	}
	var ids []string
	err = r.inTx(ctx, "create clients", func(ctx context.Context, tx bun.Tx) error {
		err := tx.NewInsert().Model(&rows).On("CONFLICT (id) DO NOTHING").Returning("id").Scan(ctx, &ids)
		if err != nil {
			return err
		}
		created = setOf(ids)
		var records []AuditRecord
		for i := range rows {
			if created[rows[i].ID] {
				records = append(records, AuditRecord{Action: "client.create", Target: rows[i].ID, Detail: rows[i].Name})
			}
		}
		return r.recordEach(ctx, tx, records...)
	})
	return created, err
}
