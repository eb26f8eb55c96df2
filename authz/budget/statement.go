package budget

import (
	"time"

	"gatehouse/registry"
)

// Statement is a budget as its user is told about it. Amounts are null where there is no limit.
type Statement struct {
	Unit       string     `json:"unit"`
	Limit      *int64     `json:"limit"`
	Period     Period     `json:"period"`
	MaxPayment *int64     `json:"max_payment"`
	Spent      int64      `json:"spent"`
	Held       int64      `json:"held"`
	Remaining  *int64     `json:"remaining"`
	RenewsAt   *time.Time `json:"renews_at"` // null: never
}

// StatementOf is the statement of a budget as it stands.
func StatementOf(b registry.Budget) Statement {
	statement := Statement{
		Unit: b.Unit, Limit: OrNull(b.Most), Period: Period(b.Period), MaxPayment: OrNull(b.MostAtOnce),
		Spent: b.Spent, Held: b.Held, Remaining: OrNull(b.Left()),
	}
	if renews := RenewsAt(b).UTC(); !renews.IsZero() {
		statement.RenewsAt = &renews
	}
	return statement
}
