package registry

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// checkText refuses what no text column can hold.
func checkText(texts ...string) error {
	for _, text := range texts {
		if strings.IndexByte(text, 0) >= 0 || !utf8.ValidString(text) {
			return fmt.Errorf("%w: a string contains NUL or is not UTF-8", ErrInvalid)
		}
	}
	return nil
}

// checkIDs refuses what cannot identify anything.
func checkIDs(ids ...string) error {
	for _, id := range ids {
		if id == "" {
			return fmt.Errorf("%w: an identifier is empty", ErrInvalid)
		}
	}
	return checkText(ids...)
}

// checkTimes refuses missing times and those that do not sort as text.
func checkTimes(times ...time.Time) error {
	for _, t := range times {
		if year := t.UTC().Year(); t.IsZero() || year < 1 || year > 9999 {
			return fmt.Errorf("%w: a time is missing or out of range", ErrInvalid)
		}
	}
	return nil
}
