package routing

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

// walletTree are the routes of a wallet, with a pattern in the place of the parameter or without.
func walletTree(tb testing.TB, parameter string) *Tree[string] {
	tb.Helper()
	tree := &Tree[string]{}
	for _, path := range []string{
		"/balance", "/invoices", "/invoices/incoming", "/invoices/outgoing", "/invoices/" + parameter, "/payments/bolt11",
		"/payments/keysend", "/user/value4value", "/user/summary", "/{service}/status",
	} {
		template, err := ParseTemplate(path)
		require.NoError(tb, err)
		require.Empty(tb, tree.Add(template, []Method{Get}, path, false))
	}
	wrongMethod := errors.New("wrong method")
	tree.Finish(func(string) error { return wrongMethod })
	return tree
}

const benchmarkHash = "/invoices/00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff"

var matched = []struct{ name, parameter, path string }{
	{"literal", "{hash}", "/invoices/incoming"},
	{"parameter", "{hash}", benchmarkHash},
	{"beside a pattern", "{hash:[0-9a-f]{64}}", "/invoices/incoming"},
	{"pattern", "{hash:[0-9a-f]{64}}", benchmarkHash},
	{"part", "x-{hash}.json", "/invoices/x-abc.json"},
	{"rest", "{rest:.*}", "/invoices/a/b/c"},
	{"pattern for the rest", "{rest:.*}/meta", "/invoices/a/b/meta"},
	{"nothing, open root", "{hash}", "/a-first-segment-that-is-longer-than-32-bytes/x"},
}

// BenchmarkMatch measures taking a target apart and finding its route.
func BenchmarkMatch(b *testing.B) {
	for _, test := range matched {
		b.Run(test.name, func(b *testing.B) {
			tree := walletTree(b, test.parameter)
			var target Target
			method, path := []byte("GET"), []byte(test.path)
			b.ReportAllocs()
			for b.Loop() {
				_ = target.Parse(path)
				_, _ = tree.Match(method, &target)
			}
		})
	}
}
