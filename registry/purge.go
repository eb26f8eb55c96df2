package registry

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// codeWatch is how long a code is kept after its expiry, so that its reuse is
// noticed.
const codeWatch = 24 * time.Hour

// Purge removes what nobody has needed for at least margin:
//
//   - revocations that have expired, of keys too;
//   - authorization requests and sign-ins that have expired, and sessions that have ended;
//   - codes that expired more than a day before;
//   - grants that have ended, or whose access tokens, refresh tokens and codes have
//     all expired, with their codes and refresh tokens;
//   - clients of metadata documents without a grant, unless they were disabled or deleted;
//   - clients that have registered themselves without a grant, after KeptUntil;
//   - notes of imported grants that would have expired where they come from;
//   - expired refresh tokens of a grant that lives on. Until they expire they stay,
//     used or not, so that a second use is noticed. They go at the latest about one
//     more life of a refresh token after that.
//
// It also ends the grants that a client had when it was deleted or disabled and that
// were too many to end with it. Other clients, keys, audit records and notes of what was taken
// back stay. margin must be more than the clocks of all
// processes differ by, and more than a request may take.
//
// Purge works in batches until nothing is left or ctx ends, and after each batch
// rests as long as that took. A batch is one transaction, bounded by the timeout,
// that removes at most limit rows of a table. It locks no table, waits for no row,
// and may run in every process at once. removed counts the rows, also beside an
// error.
func (r *Registry) Purge(ctx context.Context, margin time.Duration, limit int) (removed int, err error) {
	if margin < 0 || limit <= 0 {
		return 0, fmt.Errorf("%w: margin must not be negative, limit must be positive", ErrInvalid)
	}
	for _, batch := range []func(context.Context, bun.Tx, time.Time, int) (int, bool, error){
		r.purgeDenied, r.purgeRevocations, r.purgeKeyRevocations, r.purgeAnswers, r.purgeCodes, r.purgeGrants, r.purgeImported,
		r.purgeDocumentClients, r.purgeRegistered, r.purgeRequests, r.purgeSessions, r.purgeSignIns,
	} {
		for more := true; more; {
			began := r.now()
			var n int
			err := r.inTx(ctx, "purge", func(ctx context.Context, tx bun.Tx) (err error) {
				n, more, err = batch(ctx, tx, r.clock().Add(-margin), limit)
				return err
			})
			if err != nil {
				return removed, err
			}
			removed += n
			if more && !rest(ctx, r.now().Sub(began)) {
				return removed, ctx.Err()
			}
		}
	}
	return removed, nil
}

func rest(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

func (r *Registry) purgeRevocations(
	ctx context.Context, tx bun.Tx, before time.Time, limit int,
) (removed int, more bool, err error) {
	removed, err = r.remove(ctx, tx, (*revocationRow)(nil), "kind, id", limit, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("expires_at < ?", before).Order("expires_at")
	})
	return removed, removed == limit, err
}

func (r *Registry) purgeCodes(
	ctx context.Context, tx bun.Tx, before time.Time, limit int,
) (removed int, more bool, err error) {
	removed, err = r.remove(ctx, tx, (*codeRow)(nil), "hash", limit, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("expires_at < ?", before.Add(-codeWatch)).Order("expires_at")
	})
	return removed, removed == limit, err
}

// remove deletes up to limit rows, known by their key. A row that another
// transaction has locked is left for the next time: it may be needed, or is about
// to be removed there.
func (r *Registry) remove(
	ctx context.Context, tx bun.Tx, model any, key string, limit int,
	which func(*bun.SelectQuery) *bun.SelectQuery,
) (int, error) {
	doomed := r.locking(tx.NewSelect().Model(model), "UPDATE SKIP LOCKED").ColumnExpr(key).Limit(int64(limit))
	return affected(tx.NewDelete().With("doomed", which(doomed)).Model(model).
		Where("(" + key + ") IN (SELECT " + key + " FROM doomed)").Exec(ctx))
}
