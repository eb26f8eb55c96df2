package page

import (
	"slices"
	"strconv"
	"strings"
)

// Number is an amount as the reader's language writes it.
func Number(n int64) Message { return Say("number", "n", n) }

// Thousands is what the language writes between groups of three digits.
func (l *Language) Thousands() string { return l.Text(Say("number.thousands")) }

func (l *Language) number(n int64) string {
	digits := strconv.FormatInt(n, 10)
	var groups []string
	for ; len(digits) > 3; digits = digits[:len(digits)-3] {
		groups = append(groups, digits[len(digits)-3:])
	}
	groups = append(groups, digits)
	slices.Reverse(groups)
	return strings.Join(groups, l.Thousands())
}
