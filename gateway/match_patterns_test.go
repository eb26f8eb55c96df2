package gateway_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/gateway"
)

const (
	hash  = "00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff"
	hash0 = "%30%30" + "ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff"
)

func TestPatternsSelectRoutes(t *testing.T) {
	upstream := newUpstream(t, answerAll)
	at := func(base, template string, m ...string) gateway.Route {
		return balance(upstream.URL()+base, public, path(template), methods(m...))
	}
	s := newSystem(t, []gateway.Route{
		at("/any", "/invoices/{id}", "GET", "PUT"),
		at("/hash", "/invoices/{payment_hash:[0-9a-f]{64}}", "GET"),
		at("/incoming", "/invoices/incoming", "GET"),
		at("/number", "/invoices/{number:[0-9]+}", "GET"),
		at("/hex", "/invoices/{hex:[0-9a-f]+}", "GET", "POST"),
		at("/hash-part", "/invoices/{hash:[0-9a-f]{64}}/{part}", "GET"),
		at("/mixed", "/x-{y}.{z:json|xml}", "GET"),
		at("/empty", "/empty/{digits:[0-9]*}", "GET"),
		at("/caf", "/caf%C3%A9-{x:\u00e9+}", "GET"),
		at("/meta", "/files/{path:.+}/meta", "GET"),
		at("/file", "/files/{path:.+}", "GET"),
		at("/one-file", "/files/{name}", "GET"),
		at("/image", "/images/{path:.*\\.png}", "GET"),
		at("/rest", "/{rest:.*}", "PATCH"),
	}, options{})

	for request, want := range map[string]string{
		"GET /invoices/" + hash:                  "/hash/invoices/" + hash,
		"HEAD /invoices/" + hash:                 "/hash/invoices/" + hash,
		"GET /invoices/" + hash0:                 "/hash/invoices/" + hash, // what matched is what is sent
		"GET /invoices/" + strings.ToUpper(hash): "/any/invoices/" + strings.ToUpper(hash),
		"GET /invoices/" + hash + "0":            "/hex/invoices/" + hash + "0",
		"GET /invoices/" + hash[1:]:              "/hex/invoices/" + hash[1:],
		"GET /invoices/%3123":                    "/number/invoices/123", // by the order of the configuration
		"GET /invoices/12a":                      "/hex/invoices/12a",
		"GET /invoices/incoming":                 "/incoming/invoices/incoming",
		"GET /invoices/incoming2":                "/any/invoices/incoming2",
		"GET /invoices/1%0ax":                    "400",
		"GET /invoices/" + hash + "/part":        "/hash-part/invoices/" + hash + "/part",
		"GET /invoices/" + hash + "%2fpart":      "400",
		"GET /invoices/abc/part":                 "405", // the rest has it
		"GET /x-a.json":                          "/mixed/x-a.json",
		"GET /%78%2Da%2Ejson":                    "/mixed/x-a.json",
		"GET /x-a%20b.c.xml":                     "/mixed/x-a%20b.c.xml",
		"GET /x-.json":                           "405",
		"GET /x-a.jsonx":                         "405",
		"GET /empty/":                            "/empty/empty/",
		"GET /empty/12":                          "/empty/empty/12",
		"GET /empty":                             "405",
		"GET /caf%c3%a9-%c3%a9%C3%A9":            "/caf/caf%C3%A9-%C3%A9%C3%A9",
		"GET /caf%c3%a9-e":                       "405",
		"GET /files/a":                           "/one-file/files/a",
		"GET /files/a/b":                         "/file/files/a/b",
		"GET /files/a/b/":                        "/file/files/a/b/",
		"GET /files/a%20b/c%3fd":                 "/file/files/a%20b/c%3Fd",
		"GET /files/a/b/meta":                    "/meta/files/a/b/meta",
		"GET /files/a/b/%6deta":                  "/meta/files/a/b/meta",
		"GET /files/meta":                        "/one-file/files/meta",
		"GET /files/":                            "405",
		"GET /files/a/../b":                      "400",
		"GET /files/%2e%2e/b":                    "400",
		"GET /files/..%2fb":                      "400",
		"GET /files/a//b":                        "400",
		"GET /images/a/b.png":                    "/image/images/a/b.png",
		"GET /images/a/b%2Epng":                  "/image/images/a/b.png",
		"GET /images/a/b.png/c":                  "405",
		"PATCH /":                                "/rest/",
		"PATCH /a/b/":                            "/rest/a/b/",
		"PATCH /images/a":                        "/rest/images/a",
		"PATCH /invoices/" + hash:                "405", // the path selects, and only then the method counts
		"PATCH /oauth/token":                     "404",
		"PATCH /OAuth":                           "404",
		"PATCH /%6fauth":                         "404",
		"PATCH /.well-known/x":                   "404",
		"GET /a/b":                               "405",
	} {
		t.Run(request, func(t *testing.T) {
			before := len(upstream.Requests())
			a := s.do(raw(request))
			seen := upstream.Requests()[before:]
			if !strings.HasPrefix(want, "/") {
				require.Empty(t, seen)
				require.Equal(t, map[string]int{"400": 400, "404": 404, "405": 405}[want], a.StatusCode)
				return
			}
			require.Equal(t, 200, a.StatusCode, a.Body)
			require.Len(t, seen, 1)
			require.Equal(t, want, seen[0].Target)
		})
	}
}

// A pattern is given whatever strangers send, so it must take no more time for what almost matches.
func TestAPatternMatchesInLinearTime(t *testing.T) {
	upstream := newUpstream(t, answerAll)
	s := newSystem(t, []gateway.Route{balance(upstream.URL(), public, path("/{a:(?:a*)*b}"))}, options{})
	requireRefused(t, s.do(raw("GET /"+strings.Repeat("a", 2000))), 404, "not_found")
	require.Equal(t, 200, s.do(raw("GET /"+strings.Repeat("a", 1999)+"b")).StatusCode)
	requireRefused(t, s.do(raw("GET /"+strings.Repeat("a", 2000)+"b")), 404, "not_found")
}

func TestARunMatchesAnyLength(t *testing.T) {
	upstream := newUpstream(t, answerAll)
	s := newSystem(t, []gateway.Route{balance(upstream.URL(), public, path("/files/{a:.*}"))}, options{})
	require.Equal(t, 200, s.do(raw("GET /files/"+strings.Repeat("a/b", 4000))).StatusCode)
}
