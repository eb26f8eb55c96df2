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
//
// Windows follow each other without a gap, whatever the clocks of the zone do: each begins with the first moment at which they
// show the time of its beginning, or a later one.
func WindowsIn(zone *time.Location) registry.Windows {
	return func(b registry.Budget, at time.Time) (start, end time.Time) {
		period := Period(b.Period)
		if period == None || !period.IsKnown() {
			return time.Unix(0, 0), time.Time{}
		}
		if b.AnchoredAt.IsZero() {
			return window(period, calendarStart(period, shown(at, zone)), zone, at)
		}
		return window(period, shown(b.AnchoredAt, zone), zone, at)
	}
}

// shown is the time that the clocks of a zone show, as if they were UTC's: one that knows no summer time, with which days can be
// counted.
func shown(at time.Time, zone *time.Location) time.Time {
	_, offset := at.In(zone).Zone()
	return at.UTC().Add(time.Duration(offset) * time.Second)
}

// calendarStart is when the day, week, month or year of a shown time began.
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
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
}

// window is the one of a time among those that follow each other from a shown time on, and go before it.
func window(p Period, from time.Time, zone *time.Location, at time.Time) (start, end time.Time) {
	n := int(at.Sub(from).Hours() / 24 / longest[p]) // hardly too late
	start = moment(nth(p, from, n), zone)
	for at.Before(start) {
		n--
		start = moment(nth(p, from, n), zone)
	}
	for end = moment(nth(p, from, n+1), zone); !at.Before(end); end = moment(nth(p, from, n+1), zone) {
		start = end
		n++
	}
	return start, end
}

// longest is how many days a window can have.
var longest = map[Period]float64{Day: 1, Week: 7, Month: 31, Year: 366}

// nth is n windows after a shown time, at the same time of day. A month that is too short has its last day instead.
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
	last := time.Date(year, month+time.Month(months)+1, 0, 0, 0, 0, 0, time.UTC).Day()
	hour, minute, second := from.Clock()
	return time.Date(year, month+time.Month(months), min(day, last), hour, minute, second, from.Nanosecond(), time.UTC)
}

// moment is the first at which the clocks of a zone show a time or a later one. They may skip it, and the whole day: Samoa had no
// 30 December 2011. They may show it twice, and the day before in between: Newfoundland's went back at one minute past midnight.
func moment(show time.Time, zone *time.Location) time.Time {
	const farthest = 48 * time.Hour // from UTC
	for at := show.Add(-farthest).In(zone); ; {
		begin, end := at.ZoneBounds()
		_, offset := at.Zone()
		first := show.Add(-time.Duration(offset) * time.Second)
		if first.Before(begin) {
			first = begin
		}
		if end.IsZero() || first.Before(end) {
			return first.In(zone)
		}
		at = end
	}
}
