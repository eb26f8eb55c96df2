package registry

import (
	"context"
	"slices"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
)

// PendingRevocations returns up to limit live revocations that were not delivered
// to the denylist. Users take turns: the first one of each comes before the second
// of any, and among those of one turn the first to expire.
func (r *Registry) PendingRevocations(ctx context.Context, limit int) ([]Revocation, error) {
	return r.revocations(ctx, r.db, limit, inTurn)
}

func inTurn(q *bun.SelectQuery) *bun.SelectQuery {
	return q.Where("NOT delivered").Where("turn >= 0").Order("turn", "expires_at") // as the index says
}

// PendingRevocation returns the revocation of a thing if it lives and was not
// delivered: a slice of one, or an empty one.
func (r *Registry) PendingRevocation(ctx context.Context, kind, id string) ([]Revocation, error) {
	if err := checkText(kind, id); err != nil {
		return nil, err
	}
	found, err := r.revocations(ctx, r.db, 1, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("kind = ?", kind).Where("id = ?", id)
	})
	// Not in the query: Postgres would look for the key among all that is undelivered.
	return slices.DeleteFunc(found, func(one Revocation) bool { return one.Delivered }), err
}

// PendingRevocationsOf returns up to limit live revocations of the subject that
// were not delivered, in no order: to sort all that wait would make each step of a
// user who has very many dear for others.
func (r *Registry) PendingRevocationsOf(ctx context.Context, subject string, limit int) ([]Revocation, error) {
	if err := checkText(subject); err != nil {
		return nil, err
	}
	return r.revocations(ctx, r.db, limit, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("subject = ?", subject).Where("NOT delivered").Where("subject >= ''")
	})
}

// DeliverNext gives the next pending revocations, up to limit, to deliver, and notes
// them as delivered when it returns nil; its error is returned. deliver must not use
// this Registry, whose connection it keeps.
//
// On Postgres one process at a time delivers. To another DeliverNext says at once
// that there was nothing to deliver, so that no two do the same work.
func (r *Registry) DeliverNext(
	ctx context.Context, limit int, deliver func(context.Context, []Revocation) error,
) (delivered int, err error) {
	step := func(ctx context.Context, db bun.IDB) error {
		next, err := r.revocations(ctx, db, limit, inTurn)
		if err != nil || len(next) == 0 {
			return err
		}
		if err := deliver(ctx, next); err != nil {
			return err
		}
		delivered = len(next)
		return r.markDelivered(ctx, db, next)
	}
	if !r.onPostgres() { // where a transaction would keep everybody from writing meanwhile
		err = r.run(ctx, "deliver revocations", func(ctx context.Context) error { return step(ctx, r.db) })
		return delivered, err
	}
	err = r.inTx(ctx, "deliver revocations", func(ctx context.Context, tx bun.Tx) error {
		var mine bool
		err := tx.NewRaw("SELECT pg_try_advisory_xact_lock(?, hashtext(current_schema()))", deliveryLock).Scan(ctx, &mine)
		if err != nil || !mine {
			return err
		}
		return step(ctx, tx)
	})
	return delivered, err
}

// deliveryLock is the Postgres advisory lock of the process that delivers.
const deliveryLock = 0x6f757462 // "outb"

// MarkDelivered notes, in one statement, that the denylist has these revocations.
// One that was extended since it was read stays pending. It waits for no lock: one
// that another process is about to change stays pending too, and is delivered again.
func (r *Registry) MarkDelivered(ctx context.Context, delivered []Revocation) error {
	return r.run(ctx, "mark revocations", func(ctx context.Context) error { return r.markDelivered(ctx, r.db, delivered) })
}

func (r *Registry) markDelivered(ctx context.Context, db bun.IDB, delivered []Revocation) error {
	if len(delivered) == 0 {
		return nil
	}
	kinds, ids, until := make([]string, len(delivered)), make([]string, len(delivered)), make([]time.Time, len(delivered))
	for i, revocation := range delivered {
		if err := checkText(revocation.Kind, revocation.ID); err != nil {
			return err
		}
		kinds[i], ids[i], until[i] = revocation.Kind, revocation.ID, revocation.ExpiresAt
	}
	if r.onPostgres() {
		// The commit is not waited for: what is lost with the server is delivered again. Each row is looked up by its key: Postgres
		// would prefer a join, or an index of what is undelivered, where it knows nothing of many that have just been written.
		_, err := db.NewRaw(`WITH hurry AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', TRUE))
			UPDATE revocations SET delivered = TRUE FROM hurry WHERE ctid = ANY (ARRAY(
				SELECT free.ctid FROM unnest(?::text[], ?::text[], ?::timestamptz[]) AS told (kind, id, expires_at)
				CROSS JOIN LATERAL (
					SELECT rev.ctid FROM revocations AS rev
					WHERE rev.kind = told.kind AND rev.id = told.id AND rev.expires_at = told.expires_at AND rev.delivered::int = 0
					FOR UPDATE SKIP LOCKED
				) AS free))`, pgdialect.Array(kinds), pgdialect.Array(ids), pgdialect.Array(until)).Exec(ctx)
		return err
	}
	type told struct {
		Kind      string       `bun:"kind"`
		ID        string       `bun:"id"`
		ExpiresAt bun.NullTime `bun:"expires_at"`
	}
	rows := make([]told, len(delivered))
	for i := range delivered {
		rows[i] = told{kinds[i], ids[i], bun.NullTime{Time: until[i]}}
	}
	_, err := db.NewUpdate().With("told", db.NewValues(&rows)).Model((*revocationRow)(nil)).Set("delivered = TRUE").
		Where("(kind, id, expires_at) IN (SELECT kind, id, expires_at FROM told)").Where("NOT delivered").Exec(ctx)
	return err
}
