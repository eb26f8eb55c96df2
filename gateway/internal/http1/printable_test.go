package http1

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A control character is found wherever it stands, and whatever stands beside it.
func TestPrintableLines(t *testing.T) {
	for _, around := range []string{"a", " ", "\t", "~", "\x80", "\xff", "!"} {
		for before := range 18 {
			for after := range 10 {
				for b := range 256 {
					line := strings.Repeat(around, before) + string([]byte{byte(b)}) + strings.Repeat(around, after)
					want := b >= ' ' && b != 0x7f || b == '\t'
					require.Equal(t, want, IsPrintable([]byte(line)), "%q", line)
				}
			}
		}
	}
}
