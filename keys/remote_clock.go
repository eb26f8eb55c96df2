package keys

import (
	"log/slog"
	"net/http"
	"strconv"
	"time"
)

// clockPrecision is what two clocks that agree may seem to differ by: a Date has whole seconds, and servers make one for
// many answers.
const clockPrecision = 2 * time.Second

// clockComparison tells the operator that the clock here and that of the authorization server differ by more than they
// may. A clock here that is behind refuses new tokens, one that is ahead refuses tokens before their time.
type clockComparison struct {
	warned bool
}

// compare looks at the Date of an answer that was asked for at began and came at ended. One from a cache is as old as its
// Age (RFC 9111 section 5.1).
func (c *clockComparison) compare(header http.Header, began, ended time.Time, leeway time.Duration, log *slog.Logger) {
	there, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		return
	}
	age, _ := strconv.Atoi(header.Get("Age"))
	there = there.Add(time.Duration(age) * time.Second)
	ahead, behind := began.Sub(there), there.Sub(ended)
	differ := max(ahead, behind) > leeway+clockPrecision
	if differ && !c.warned {
		log.Warn("the clock here and that of the authorization server differ too much: one of them is wrong, and good tokens are refused",
			"here", ended.UTC(), "there", there.UTC())
	}
	c.warned = differ
}
