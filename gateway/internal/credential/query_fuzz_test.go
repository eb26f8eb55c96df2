package credential

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/gateway/internal/routing"
)

// FuzzCredentialInQuery holds the query that an upstream gets to what programs read in it: the gateway's credential and no other
// under its name, and of the rest what the caller sent, in its order.
func FuzzCredentialInQuery(f *testing.F) {
	for _, query := range []string{
		"", "?", "?a=1&token=evil&b", "?%74oken=evil", "?TOKEN=evil", "?token[]=evil", "?+token=evil", "?a;token=evil", "?a=b;c&&=&",
		"?token%00=evil", "?tokens=1&toke=2&x[token]=3", "?a=%&b=%zz", "?t%6Fken&t%256Fken",
	} {
		f.Add(query)
	}
	in := Place{parameter: "token", before: "token="}
	f.Fuzz(func(t *testing.T, query string) {
		var target routing.Target
		if query != "" && query[0] != '?' || target.Parse([]byte("/"+query)) != nil {
			return
		}
		got, err := in.appendQuery(nil, []byte(query), []byte("token=credential"))
		if err != nil {
			require.ErrorIs(t, err, ErrAmbiguousQuery)
			require.Contains(t, query, ";")
			return
		}
		rest, ok := strings.CutSuffix(string(got), "token=credential")
		require.True(t, ok, "%q", got)
		for _, separators := range []string{"&", "&;"} {
			for _, pair := range strings.FieldsFunc(strings.TrimPrefix(rest, "?"), func(r rune) bool { return strings.ContainsRune(separators, r) }) {
				key, _, _ := strings.Cut(pair, "=")
				if decoded, err := url.QueryUnescape(key); err == nil {
					name, _, _ := strings.Cut(strings.TrimLeft(decoded, " "), "[")
					require.False(t, strings.EqualFold(name, "token") && !strings.Contains(name, "\u212a"), "%q", got)
				}
			}
		}
		values, _ := url.ParseQuery(strings.TrimPrefix(string(got), "?")) // which reads what it can
		require.Equal(t, []string{"credential"}, values["token"], "%q", got)
		sent := strings.Split(strings.TrimPrefix(query, "?"), "&")
		for _, kept := range strings.Split(strings.TrimSuffix(strings.TrimPrefix(rest, "?"), "&"), "&") {
			for len(sent) > 0 && sent[0] != kept {
				sent = sent[1:]
			}
			require.True(t, len(sent) > 0 || kept == "", "%q is not what was sent in %q", kept, query)
			sent = sent[min(1, len(sent)):]
		}
	})
}
