package budget

import (
	"slices"
	"time"

	"gatehouse/registry"
)

// Period is how long a window of a budget is.
type Period string

// The periods. None has one window that never ends.
const (
	Day   Period = "day"
	Week  Period = "week"
	Month Period = "month"
	Year  Period = "year"
	None  Period = "none"
)

// Periods are all of them, the shortest first.
func Periods() []Period { return []Period{Day, Week, Month, Year, None} }

// IsKnown reports whether there is such a period.
func (p Period) IsKnown() bool { return slices.Contains(Periods(), p) }

// WindowsIn returns the windows of budgets: those of the calendar in a zone, weeks beginning on Monday, or counted from
// Budget.AnchoredAt where a budget has that. A period that is not known has the one window of None.
func WindowsIn(zone *time.Location) registry.Windows {
	return func(b registry.Budget, at time.Time) (start, end time.Time) {
		period := Period(b.Period)
		if period == None || !period.IsKnown() {
			return time.Unix(0, 0), time.Time{}
		}
		at = at.In(zone)
		if b.AnchoredAt.IsZero() {
			start = calendarStart(period, at)
			return start, nth(period, start, 1)
		}
		return anchored(period, b.AnchoredAt.In(zone), at)
	}
}

// calendarStart is when the day, week, month or year of a time began.
func calendarStart(p Period, at time.Time) time.Time {
	year, month, day := at.Date()
	switch p {
	case Week:
		day -= (int(at.Weekday()) + 6) % 7
	case Month:
		day = 1
	case Year:
		month, day = time.January, 1
	}
	return time.Date(year, month, day, 0, 0, 0, 0, at.Location())
}

// anchored is the window of a time among those that follow each other from an anchor, and go before it.
func anchored(p Period, anchor, at time.Time) (start, end time.Time) {
	n := int(at.Sub(anchor).Hours() / 24 / longest[p]) // never too late, but for what comes before the anchor
	for at.Before(nth(p, anchor, n)) {
		n--
	}
	for !at.Before(nth(p, anchor, n+1)) {
		n++
	}
	return nth(p, anchor, n), nth(p, anchor, n+1)
}

// longest is how many days a window can have.
var longest = map[Period]float64{Day: 1, Week: 7, Month: 31, Year: 366}

// nth is n windows after a time, at the same time of day. A month that is too short has its last day instead.
func nth(p Period, from time.Time, n int) time.Time {
	months := 0
	switch p {
	case Day:
		return from.AddDate(0, 0, n)
	case Week:
		return from.AddDate(0, 0, 7*n)
	case Month:
		months = n
	case Year:
		months = 12 * n
	}
	year, month, day := from.Date()
	last := time.Date(year, month+time.Month(months)+1, 0, 0, 0, 0, 0, from.Location()).Day()
	hour, minute, second := from.Clock()
	return time.Date(year, month+time.Month(months), min(day, last), hour, minute, second, from.Nanosecond(), from.Location())
}
