package registry

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// What becomes of a spend. It is held before its request is sent, and from Held or Unknown becomes Posted, Voided or Unknown.
// Held and Unknown count against the budget as Posted does.
const (
	Held    = "held"
	Posted  = "posted"  // the upstream has executed it
	Voided  = "voided"  // it is certain that the upstream has not, and will not
	Unknown = "unknown" // it may have
)

// Spend is one payment of a client out of a user's budget.
type Spend struct {
	ID       string `bun:"id,pk"`
	Subject  string `bun:"subject"`
	ClientID string `bun:"client_id"`
	Unit     string `bun:"unit"`
	// Once names what may be paid once, such as a payment hash. Empty: that is not known.
	Once  string `bun:"once"`
	Route string `bun:"route"`
	// Lookup is how the upstream is asked what became of it; its form is the caller's. Empty: it cannot be asked.
	Lookup string `bun:"lookup"`

	State  string `bun:"state"`
	Amount int64  `bun:"held"`   // that was reserved
	Cost   int64  `bun:"posted"` // as the upstream executed it; 0 unless Posted

	ReservedAt time.Time `bun:"reserved_at"`
	SettledAt  time.Time `bun:"settled_at,nullzero"`
	// InquireAt is when somebody has to find out what became of it. Zero: it is settled.
	InquireAt time.Time `bun:"inquire_at,nullzero"`
	Inquiries int       `bun:"inquiries"` // that were begun
}

// Key is that of the budget.
func (s Spend) Key() BudgetKey { return BudgetKey{s.Subject, s.ClientID, s.Unit} }

// IsSettled reports whether the state is final.
func (s Spend) IsSettled() bool { return s.State == Posted || s.State == Voided }

type spendRow struct {
	bun.BaseModel `bun:"table:spends,alias:sp"`
	Spend
}

func (row *spendRow) spend() Spend {
	s := row.Spend
	s.ReservedAt, s.SettledAt, s.InquireAt = s.ReservedAt.UTC(), s.SettledAt.UTC(), s.InquireAt.UTC()
	return s
}

func spendsOf(rows []spendRow) []Spend {
	spends := make([]Spend, len(rows))
	for i := range rows {
		spends[i] = rows[i].spend()
	}
	return spends
}

// Spend returns one. ErrNotFound.
func (r *Registry) Spend(ctx context.Context, id string) (Spend, error) {
	if err := checkIDs(id); err != nil {
		return Spend{}, err
	}
	var row spendRow
	err := r.run(ctx, "read spend", func(ctx context.Context) error {
		return r.db.NewSelect().Model(&row).Where("id = ?", id).Scan(ctx)
	})
	return row.spend(), err
}

// Spends returns a page of at most limit spends of a client for a user, newest first, that follow the given one: pass the zero
// Spend first, then the last of each page, until a page is empty.
func (r *Registry) Spends(ctx context.Context, subject, clientID string, after Spend, limit int) ([]Spend, error) {
	if err := checkIDs(subject, clientID); err != nil {
		return nil, err
	}
	if limit <= 0 {
		return nil, fmt.Errorf("%w: limit must be positive", ErrInvalid)
	}
	var rows []spendRow
	err := r.run(ctx, "read spends", func(ctx context.Context) error {
		q := r.db.NewSelect().Model(&rows).Where("subject = ?", subject).Where("client_id = ?", clientID)
		if after.ID != "" {
			q.Where("(reserved_at, id) < (?, ?)", storable(after.ReservedAt), after.ID)
		}
		return q.Order("reserved_at DESC", "id DESC").Limit(int64(limit)).Scan(ctx)
	})
	return spendsOf(rows), err
}

// UnknownSpends returns a page of at most limit spends of which nobody knows what became, oldest first, that follow the given one:
// pass the zero Spend first, then the last of each page, until a page is empty.
func (r *Registry) UnknownSpends(ctx context.Context, after Spend, limit int) ([]Spend, error) {
	if limit <= 0 {
		return nil, fmt.Errorf("%w: limit must be positive", ErrInvalid)
	}
	var rows []spendRow
	err := r.run(ctx, "read unknown spends", func(ctx context.Context) error {
		q := r.db.NewSelect().Model(&rows).Where("state = ?", Unknown)
		if after.ID != "" {
			q.Where("(reserved_at, id) > (?, ?)", storable(after.ReservedAt), after.ID)
		}
		return q.Order("reserved_at", "id").Limit(int64(limit)).Scan(ctx)
	})
	return spendsOf(rows), err
}

// Unsettled is how many spends are held and unknown.
type Unsettled struct {
	Held, Unknown int64
	OldestUnknown time.Time // when it was reserved; zero when there is none
}

// Unsettled counts what is not settled. It reads that, and nothing of what is.
func (r *Registry) Unsettled(ctx context.Context) (Unsettled, error) {
	var u Unsettled
	var oldest bun.NullTime
	err := r.run(ctx, "count unsettled spends", func(ctx context.Context) error {
		spends := func() *bun.SelectQuery { return r.db.NewSelect().Model((*spendRow)(nil)) }
		var all int64
		err := r.db.NewSelect().
			ColumnExpr("(?)", spends().ColumnExpr("count(*)").Where("inquire_at IS NOT NULL")).
			ColumnExpr("(?)", spends().ColumnExpr("count(*)").Where("state = ?", Unknown)).
			ColumnExpr("(?)", spends().Column("reserved_at").Where("state = ?", Unknown).Order("reserved_at").Limit(1)).
			Scan(ctx, &all, &u.Unknown, &oldest)
		u.Held = all - u.Unknown
		return err
	})
	u.OldestUnknown = oldest.UTC()
	return u, err
}

// IsSpentAgain reports whether the subject has another spend of the same thing, of whichever client and state. Of a spend whose
// Once is not known it is false.
func (r *Registry) IsSpentAgain(ctx context.Context, s Spend) (again bool, err error) {
	err = r.run(ctx, "read spends of the same", func(ctx context.Context) error {
		same := func() *bun.SelectQuery {
			return r.db.NewSelect().Model((*spendRow)(nil)).ColumnExpr("1").Where("sp.subject = ?", s.Subject).
				Where("sp.once = ?", s.Once).Where("sp.once <> ''").Where("sp.id <> ?", s.ID).Limit(1)
		}
		// Each client of the subject has a budget: the index of what is spent once begins with subject and client.
		clients := r.db.NewSelect().Model((*budgetRow)(nil)).ColumnExpr("1").Where("b.subject = ?", s.Subject).
			Where("EXISTS (?)", same().Where("sp.client_id = b.client_id").Where("sp.state <> ?", Voided)).Limit(1)
		return r.db.NewSelect().ColumnExpr("EXISTS (?) OR EXISTS (?)", same().Where("sp.state = ?", Voided), clients).Scan(ctx, &again)
	})
	return again, err
}

// ClaimInquiries returns up to limit spends for which it is time to find out what became of them, the oldest first, and none of
// the routes that are left out. Nobody else is given them until lease has passed; each counts as one inquiry more.
func (r *Registry) ClaimInquiries(ctx context.Context, lease time.Duration, limit int, without []string) ([]Spend, error) {
	if lease <= 0 || limit <= 0 {
		return nil, fmt.Errorf("%w: lease and limit must be positive", ErrInvalid)
	}
	var rows []spendRow
	err := r.run(ctx, "claim inquiries", func(ctx context.Context) error {
		now := r.clock()
		due := r.locking(r.db.NewSelect().Model((*spendRow)(nil)), "UPDATE SKIP LOCKED").Column("id").
			Where("inquire_at <= ?", now).Order("inquire_at").Limit(int64(limit))
		if len(without) > 0 {
			due.Where("route NOT IN (?)", bun.List(without))
		}
		return r.db.NewUpdate().With("due", due).Model(&rows).
			Set("inquire_at = ?", storable(now.Add(lease))).Set("inquiries = inquiries + 1").
			Where("id IN (SELECT id FROM due)").Returning("*").Scan(ctx)
	})
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	return spendsOf(rows), err
}

// PurgeSpends removes up to limit spends that are settled and were reserved before a time, and says how many they were.
func (r *Registry) PurgeSpends(ctx context.Context, before time.Time, limit int) (removed int, err error) {
	if limit <= 0 {
		return 0, fmt.Errorf("%w: limit must be positive", ErrInvalid)
	}
	err = r.inTx(ctx, "purge spends", func(ctx context.Context, tx bun.Tx) (err error) {
		removed, err = r.remove(ctx, tx, (*spendRow)(nil), "id", limit, func(q *bun.SelectQuery) *bun.SelectQuery {
			return q.Where("reserved_at < ?", storable(before)).Where("inquire_at IS NULL").Order("reserved_at")
		})
		return err
	})
	return removed, err
}

func (s Spend) check() error {
	err := errors.Join(checkIDs(s.ID), s.Key().check(), checkText(s.Once, s.Route, s.Lookup), checkTimes(s.InquireAt))
	if err == nil && (s.Amount < 0 || s.Amount > MaxAmount) {
		err = fmt.Errorf("%w: an amount is out of range", ErrInvalid)
	}
	return err
}
