package registry

import (
	"fmt"
	"strings"
	"time"
	"unicode"
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

// checkPrintable refuses what a reader would not see, or would see as something else:
// control characters, line breaks, marks that turn the direction of writing.
func checkPrintable(text string) error {
	if strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return fmt.Errorf("%w: %q has characters that are not printed", ErrInvalid, text)
	}
	return nil
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
