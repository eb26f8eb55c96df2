package authz

import (
	"strconv"
	"strings"
	"time"
)

// inWords is d for people, in the two largest units that it has: 30 days, 1 hour 30 minutes.
func inWords(d time.Duration) string {
	var words []string
	for _, unit := range []struct {
		length time.Duration
		name   string
	}{{24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}, {time.Second, "second"}} {
		n := int64(d / unit.length)
		d -= time.Duration(n) * unit.length
		if n == 0 {
			if len(words) > 0 {
				break
			}
			continue
		}
		name := unit.name
		if n > 1 {
			name += "s"
		}
		if words = append(words, strconv.FormatInt(n, 10)+" "+name); len(words) == 2 {
			break
		}
	}
	return strings.Join(words, " ")
}
