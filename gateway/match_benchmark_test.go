package gateway

import (
	"testing"
)

// walletPaths are the routes of a wallet, with a pattern in the place of the parameter or without.
func walletPaths(parameter string) []Route {
	var routes []Route
	for _, path := range []string{
		"/balance", "/invoices", "/invoices/incoming", "/invoices/outgoing", "/invoices/" + parameter, "/payments/bolt11",
		"/payments/keysend", "/user/value4value", "/user/summary", "/{service}/status",
	} {
		routes = append(routes, Route{Path: path, Methods: []string{"GET"}, Origin: "http://upstream.example", Public: true,
			Credential: credentialNone})
	}
	return routes
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
			g := fuzzedGateway(b, walletPaths(test.parameter))
			var t target
			method, path := []byte("GET"), []byte(test.path)
			b.ReportAllocs()
			for b.Loop() {
				_ = t.parse(path)
				_, _ = g.root.match(method, &t)
			}
		})
	}
}
