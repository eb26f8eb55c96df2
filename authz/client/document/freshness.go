package document

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// For how long a document is believed: as its headers say, within bounds. A document that asks not to be kept is kept for the
// least time all the same, so that one authorization, which needs it several times, is one fetch.
const (
	leastFresh = time.Minute
	usualFresh = 5 * time.Minute // where the headers say nothing
	mostFresh  = 24 * time.Hour
	// failurePause is how long a URL that could not be read is left alone. It is no more than a pause: what went wrong is not kept
	// for as long as an answer would be.
	failurePause = 10 * time.Second
	// lookAgain lies between two looks at what is still believed, for a key that it lacks.
	lookAgain = time.Minute
)

// freshness reads what RFC 9111 sections 4.2.1 and 5.2.2 say of an answer that came now.
func freshness(header http.Header, now time.Time) time.Duration {
	fresh := usualFresh
	control := parseControl(header.Values("Cache-Control"))
	if lifetime, said := control.lifetime(); said {
		fresh = lifetime - seconds(header.Get("Age"))
	} else if text := header.Get("Expires"); text != "" {
		expires, err := http.ParseTime(text)
		if err != nil { // such as 0, which means the past
			return leastFresh
		}
		made, err := http.ParseTime(header.Get("Date"))
		if err != nil {
			made = now
		}
		fresh = expires.Sub(made) - seconds(header.Get("Age"))
	}
	if control.forbids() {
		fresh = 0
	}
	return min(max(fresh, leastFresh), mostFresh)
}

// control are the directives of Cache-Control, each with its value.
type control map[string]string

func parseControl(lines []string) control {
	found := control{}
	for directive := range strings.SplitSeq(strings.Join(lines, ","), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
		name = strings.ToLower(name)
		if _, again := found[name]; !again {
			found[name] = strings.Trim(value, `"`)
		}
	}
	return found
}

func (c control) forbids() bool {
	for _, name := range []string{"no-store", "no-cache", "private"} {
		if _, ok := c[name]; ok {
			return true
		}
	}
	return false
}

// lifetime prefers what is meant for a cache that serves many.
func (c control) lifetime() (time.Duration, bool) {
	for _, name := range []string{"s-maxage", "max-age"} {
		if value, ok := c[name]; ok {
			return seconds(value), true
		}
	}
	return 0, false
}

// seconds is 0 for what is no number, and no more than a year.
func seconds(text string) time.Duration {
	n, err := strconv.ParseUint(strings.TrimSpace(text), 10, 31)
	if err != nil {
		return 0
	}
	return min(time.Duration(n)*time.Second, 365*24*time.Hour)
}
