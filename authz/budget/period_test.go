package budget_test

import (
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/stretchr/testify/require"

	"gatehouse/authz/budget"
	"gatehouse/registry"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	require.NoError(t, err)
	return z
}

func at(t testing.TB, text string) time.Time {
	t.Helper()
	parsed, err := time.Parse(time.RFC3339, text)
	require.NoError(t, err, text)
	return parsed
}

func TestWindows(t *testing.T) {
	for name, test := range map[string]struct {
		zone, period, anchor, at, start, end string
	}{
		"a day":                       {"UTC", "day", "", "2031-05-05T23:59:59Z", "2031-05-05T00:00:00Z", "2031-05-06T00:00:00Z"},
		"a week begins on Monday":     {"UTC", "week", "", "2031-05-11T23:59:59Z", "2031-05-05T00:00:00Z", "2031-05-12T00:00:00Z"},
		"a month":                     {"UTC", "month", "", "2031-12-31T23:59:59Z", "2031-12-01T00:00:00Z", "2032-01-01T00:00:00Z"},
		"a leap year":                 {"UTC", "year", "", "2032-02-29T12:00:00Z", "2032-01-01T00:00:00Z", "2033-01-01T00:00:00Z"},
		"of another zone":             {"Asia/Tokyo", "month", "", "2031-04-30T15:00:00Z", "2031-04-30T15:00:00Z", "2031-05-31T15:00:00Z"},
		"23 hours":                    {"Europe/Berlin", "day", "", "2031-03-30T12:00:00Z", "2031-03-29T23:00:00Z", "2031-03-30T22:00:00Z"},
		"25 hours":                    {"Europe/Berlin", "day", "", "2031-10-26T12:00:00Z", "2031-10-25T22:00:00Z", "2031-10-26T23:00:00Z"},
		"a midnight that is skipped":  {"America/Sao_Paulo", "day", "", "2018-11-04T02:59:59Z", "2018-11-03T03:00:00Z", "2018-11-04T03:00:00Z"},
		"after that midnight":         {"America/Sao_Paulo", "day", "", "2018-11-04T03:00:00Z", "2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z"},
		"a midnight that is twice":    {"America/Havana", "day", "", "2031-11-02T04:30:00Z", "2031-11-02T04:00:00Z", "2031-11-03T05:00:00Z"},
		"the second of it":            {"America/Havana", "day", "", "2031-11-02T05:30:00Z", "2031-11-02T04:00:00Z", "2031-11-03T05:00:00Z"},
		"the day before comes back":   {"America/St_Johns", "day", "", "2010-11-07T02:45:00Z", "2010-11-07T02:30:00Z", "2010-11-08T03:30:00Z"},
		"a day that is skipped":       {"Pacific/Apia", "day", "", "2011-12-30T10:00:00Z", "2011-12-30T10:00:00Z", "2011-12-31T10:00:00Z"},
		"before the day skipped":      {"Pacific/Apia", "day", "", "2011-12-30T09:59:59Z", "2011-12-29T10:00:00Z", "2011-12-30T10:00:00Z"},
		"anchored":                    {"UTC", "month", "2031-01-15T10:00:00Z", "2031-02-15T09:59:59Z", "2031-01-15T10:00:00Z", "2031-02-15T10:00:00Z"},
		"anchored before":             {"UTC", "week", "2031-01-15T10:00:00Z", "2031-01-15T09:59:59Z", "2031-01-08T10:00:00Z", "2031-01-15T10:00:00Z"},
		"the 31st in February":        {"UTC", "month", "2031-01-31T10:00:00Z", "2031-03-01T00:00:00Z", "2031-02-28T10:00:00Z", "2031-03-31T10:00:00Z"},
		"the 31st in a leap year":     {"UTC", "month", "2031-01-31T10:00:00Z", "2032-02-29T10:00:00Z", "2032-02-29T10:00:00Z", "2032-03-31T10:00:00Z"},
		"a leap day":                  {"UTC", "year", "2032-02-29T10:00:00Z", "2033-02-28T10:00:00Z", "2033-02-28T10:00:00Z", "2034-02-28T10:00:00Z"},
		"a leap day once more":        {"UTC", "year", "2032-02-29T10:00:00Z", "2036-02-29T10:00:00Z", "2036-02-29T10:00:00Z", "2037-02-28T10:00:00Z"},
		"at an hour that is skipped":  {"Europe/Berlin", "day", "2031-03-29T01:30:00Z", "2031-03-30T01:00:00Z", "2031-03-30T01:00:00Z", "2031-03-31T00:30:00Z"},
		"the same hour in the summer": {"Europe/Berlin", "month", "2031-01-15T09:00:00Z", "2031-07-15T08:00:00Z", "2031-07-15T08:00:00Z", "2031-08-15T08:00:00Z"},
		"a century later":             {"UTC", "day", "2031-01-15T10:00:00Z", "2131-01-15T10:00:00Z", "2131-01-15T10:00:00Z", "2131-01-16T10:00:00Z"},
	} {
		t.Run(name, func(t *testing.T) {
			b := registry.Budget{Period: test.period}
			if test.anchor != "" {
				b.AnchoredAt = at(t, test.anchor)
			}
			start, end := budget.WindowsIn(zone(t, test.zone))(b, at(t, test.at))
			require.Equal(t, test.start, start.UTC().Format(time.RFC3339))
			require.Equal(t, test.end, end.UTC().Format(time.RFC3339))
		})
	}
	start, end := budget.WindowsIn(time.UTC)(registry.Budget{Period: "none"}, noon)
	require.True(t, start.Before(noon))
	require.True(t, end.IsZero(), "it never ends")
}

// FuzzWindows: windows follow each other without a gap, and of two times the later one has the same, or a later one.
func FuzzWindows(f *testing.F) {
	zones := []string{
		"UTC", "Europe/Berlin", "America/Sao_Paulo", "America/Havana", "America/St_Johns", "Pacific/Apia", "Asia/Beirut", "Africa/Cairo",
		"Australia/Lord_Howe", "Antarctica/Troll", "Pacific/Kwajalein", "Asia/Kathmandu",
	}
	for i := range uint8(len(zones)) {
		for p := range uint8(len(budget.Periods())) {
			f.Add(i, p, int64(0), int64(1_200_000_000), int64(86_400_000))
			f.Add(i, p, int64(951_825_600+int64(i)*3600), int64(1_330_000_000)+int64(p)*1e7, int64(1_800_000))
		}
	}
	f.Fuzz(func(t *testing.T, zoneIndex, period uint8, anchor, seconds, milliseconds int64) {
		const years = 200 * 366 * 86400
		b := registry.Budget{Period: string(budget.Periods()[int(period)%len(budget.Periods())])}
		if anchor %= years; anchor != 0 {
			b.AnchoredAt = time.Unix(anchor, 0)
		}
		windows := budget.WindowsIn(zone(t, zones[int(zoneIndex)%len(zones)]))
		first := time.Unix(seconds%years, 0)
		later := first.Add(time.Duration(milliseconds&(1<<40-1)) * time.Millisecond)
		start, end := windows(b, first)
		requireContains := func(when time.Time) {
			t.Helper()
			s, e := windows(b, when)
			require.True(t, s.Equal(start) && e.Equal(end), "%s: %s %s, not %s %s", when, s, e, start, end)
		}
		require.False(t, first.Before(start), "%s begins after %s", start, first)
		requireContains(start)
		if b.Period == string(budget.None) {
			requireContains(later)
			return
		}
		require.True(t, first.Before(end), "%s ends before %s", end, first)
		requireContains(end.Add(-time.Microsecond))
		next, _ := windows(b, end)
		require.True(t, next.Equal(end), "after %s follows %s", end, next)
		switch laterStart, _ := windows(b, later); {
		case later.Before(end):
			requireContains(later)
		default:
			require.False(t, laterStart.Before(end), "the later of two times has the earlier window")
		}
	})
}
