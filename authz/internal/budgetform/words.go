package budgetform

import (
	"gatehouse/authz/budget"
	"gatehouse/authz/page"
)

// The words for limits. Each language has its own order of them.
var (
	periodNames = map[budget.Period]string{
		budget.Day: "budget.every_day", budget.Week: "budget.every_week", budget.Month: "budget.every_month",
		budget.Year: "budget.every_year", budget.None: "budget.once",
	}
	limitNames = map[budget.Period]string{
		budget.Day: "budget.a_day", budget.Week: "budget.a_week", budget.Month: "budget.a_month",
		budget.Year: "budget.a_year", budget.None: "budget.in_all",
	}
)

// SayAmount is an amount in words.
func SayAmount(amount int64, unit string) page.Message {
	return page.Say("budget.amount", "amount", amount, "unit", unit)
}

// SayLimit is a limit in words.
func SayLimit(limit budget.Limit, unit string) page.Message {
	said := page.Say("budget.without_limit")
	if !limit.IsUnlimited() {
		said = page.Say(limitNames[limit.Period], "amount", SayAmount(limit.Most, unit))
	}
	if limit.MostAtOnce != budget.NoLimit {
		said = page.Say("budget.and_each", "limit", said, "payment", SayAmount(limit.MostAtOnce, unit))
	}
	return said
}
