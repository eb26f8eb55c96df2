package budget

import (
	"strconv"
	"strings"

	"gatehouse/authz/internal/text"
	"gatehouse/registry"
)

// ParseAmount reads a whole number as a person writes it who reads a language with that separator of thousands: 5000, 5,000, 5 000.
// What others would write for another number is ErrBadLimit: a point among them is never taken for a thousand, nor a comma for a
// fraction.
func ParseAmount(written, separator string) (int64, error) {
	digits := strings.Join(strings.FieldsFunc(written, isSpace), " ")
	for _, between := range []string{" ", separator} {
		if groups := strings.Split(digits, between); between != "" && len(groups) > 1 {
			if !areThousands(groups) {
				return 0, ErrBadLimit
			}
			digits = strings.Join(groups, "")
			break
		}
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || !text.IsDigits(digits) || n > registry.MaxAmount {
		return 0, ErrBadLimit
	}
	return n, nil
}

// isSpace holds for what separates thousands in any language.
func isSpace(r rune) bool { return strings.ContainsRune(" \u00a0\u2009\u202f'’", r) }

func areThousands(groups []string) bool {
	for i, group := range groups {
		if !text.IsDigits(group) || len(group) > 3 || i > 0 && len(group) < 3 || i == 0 && group[0] == '0' {
			return false
		}
	}
	return true
}
