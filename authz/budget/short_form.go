package budget

import (
	"strconv"

	"gatehouse/authz/internal/text"
	"gatehouse/registry"
)

// renewals are NIP-47's words for periods.
var renewals = map[Period]string{Day: "daily", Week: "weekly", Month: "monthly", Year: "yearly", None: "never"}

// Renewal is what NIP-47 calls the period.
func (p Period) Renewal() string { return renewals[p] }

// ParseShortForm reads the max_amount and budget_renewal of a request, as wallet applications know them of Nostr Wallet Connect. A
// renewal that is empty is never. ErrBadDetails, also for an amount of 0, which means "no limit" to some and "nothing" to others.
func ParseShortForm(maxAmount, renewal string) (Limit, error) {
	limit := Limit{Period: None, MostAtOnce: NoLimit}
	var err error
	if limit.Most, err = strconv.ParseInt(maxAmount, 10, 64); err != nil || !text.IsDigits(maxAmount) || limit.Most == 0 || limit.Most > registry.MaxAmount {
		return limit, bad("the max_amount has to be a whole number above 0, at most %d", registry.MaxAmount)
	}
	if renewal == "" {
		return limit, nil
	}
	for period, name := range renewals {
		if name == renewal {
			limit.Period = period
			return limit, nil
		}
	}
	return limit, bad("the budget_renewal has to be daily, weekly, monthly, yearly or never")
}
