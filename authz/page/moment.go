package page

import (
	"fmt"
	"time"
)

var units = []struct {
	length time.Duration
	key    string
}{
	{24 * time.Hour, "duration.days"}, {time.Hour, "duration.hours"}, {time.Minute, "duration.minutes"}, {time.Second, "duration.seconds"},
}

// Duration is d in words, in the two largest units that it has: 30 days, 1 hour 30 minutes.
func (l *Language) Duration(d time.Duration) string {
	var words []string
	for _, unit := range units {
		n := int(d / unit.length)
		d -= time.Duration(n) * unit.length
		if n > 0 {
			words = append(words, l.Text(Say(unit.key, "count", n)))
		}
		if len(words) == 2 || n == 0 && len(words) > 0 {
			break
		}
	}
	switch len(words) {
	case 0:
		return l.Text(Say("duration.seconds", "count", 0))
	case 1:
		return words[0]
	}
	return l.Text(Say("duration.two", "larger", words[0], "smaller", words[1]))
}

// day is the date of t, in words.
func (l *Language) day(t time.Time) string {
	year, month, day := t.UTC().Date()
	return l.Text(Say("date", "day", day, "month", l.Text(Say(fmt.Sprintf("month.%d", month))), "year", year))
}
