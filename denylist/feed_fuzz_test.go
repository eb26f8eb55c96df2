package denylist

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// FuzzFeedLine reads lines that anyone with access to Redis could have written. A line that is taken for an entry denies
// what it names until it says, and a position in the feed is sent back to Redis as it came.
func FuzzFeedLine(f *testing.F) {
	f.Add("1700000000000-0", "token", "jti", "1900000000000")
	f.Add("0-0", "grant", "", "0")
	f.Add("1-2-3", "client", "a:b", "-1")
	f.Add("18446744073709551615-18446744073709551615", "", "x", "9223372036854775807")
	f.Add("-", "token", "x", "1e3")
	f.Add("01-0", "TOKEN", "x", " 1")
	f.Add("+1-0", "epoch", "x", "+1")
	f.Fuzz(func(t *testing.T, id, kind, name, exp string) {
		if line, err := parseLineID(id); err == nil {
			again, err := parseLineID(line.String())
			require.NoError(t, err)
			require.Equal(t, line, again)
		}
		entry, err := parseLine(map[string]any{"kind": kind, "id": name, "exp": exp})
		if err != nil {
			return
		}
		ms, err := strconv.ParseInt(exp, 10, 64)
		require.NoError(t, err)
		require.Equal(t, Entry{Kind: Kind(kind), ID: name, ExpiresAt: time.UnixMilli(ms)}, entry)

		known := newTable()
		known.add(entry)
		require.False(t, known.denies(Query{TokenID: "t", ClientID: "c"}) && name == "", "an entry without a name denies nothing")
		for kind, query := range map[Kind]Query{
			Token: {TokenID: name, ClientID: "-"}, Grant: {TokenID: "-", GrantID: name, ClientID: "-"}, Client: {TokenID: "-", ClientID: name},
		} {
			if name != "" && name != "-" {
				require.Equal(t, entry.Kind == kind, known.denies(query), "%s %q", kind, name)
			}
		}
		require.False(t, known.denies(Query{TokenID: name + "x", GrantID: name + "x", ClientID: name + "x"}))
	})
}
