package gateway_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/gateway"
)

func TestOnlyConfiguredRoutesPass(t *testing.T) {
	upstream := newUpstream(t, answerAll)
	at := func(base, template string, m ...string) gateway.Route {
		return balance(upstream.URL()+base, public, path(template), methods(m...))
	}
	s := newSystem(t, []gateway.Route{
		at("/balance", "/balance", "GET"),
		at("/create", "/invoices", "POST"),
		at("/list", "/invoices", "GET"),
		at("/incoming", "/invoices/incoming", "GET"),
		at("/one", "/invoices/{hash}", "GET", "DELETE"),
		at("/slash", "/slash/", "PUT", "HEAD", "GET"),
		at("/first", "/a/{x}/c", "GET"),
		at("/second", "/a/b/d", "GET"),
		at("/any", "/{x}", "PATCH"),
		at("/decoded", "/caf%C3%A9", "OPTIONS"),
	}, options{})

	for request, base := range map[string]string{
		"GET /balance":             "/balance",
		"HEAD /balance":            "/balance",
		"GET /%62alance":           "/balance",
		"POST /invoices":           "/create",
		"GET /invoices":            "/list",
		"GET /invoices/incoming":   "/incoming",
		"GET /invoices/%69ncoming": "/incoming",
		"GET /invoices/Incoming":   "/one",
		"GET /invoices/abc":        "/one",
		"DELETE /invoices/abc":     "/one",
		"HEAD /invoices/abc":       "/one",
		"PUT /slash/":              "/slash",
		"GET /a/b/c":               "/first",
		"GET /a/b/d":               "/second",
		"PATCH /anything":          "/any",
		"PATCH /slash":             "/any",
		"OPTIONS /caf%c3%a9":       "/decoded",
	} {
		t.Run(request, func(t *testing.T) {
			before := len(upstream.Requests())
			require.Equal(t, 200, s.do(raw(request)).StatusCode)
			seen := upstream.Requests()[before:]
			require.Len(t, seen, 1)
			require.Regexp(t, "^"+base+"/", seen[0].Target)
		})
	}

	before := len(upstream.Requests())
	for _, request := range []string{
		"GET /balance/", "GET /balance/x", "GET /invoices/", "GET /invoices/abc/", "GET /invoices/abc/def",
		"GET /", "GET /a/b", "GET /a/b/", "GET /a/b/e", "PUT /slash/x",
		"PATCH /oauth", "PATCH /OAuth", "PATCH /clients", "PATCH /admin", "PATCH /.well-known", "PATCH /healthz",
		"PATCH /metrics", "FETCH /a/b/e",
	} {
		t.Run(request, func(t *testing.T) {
			requireRefused(t, s.do(raw(request)), 404, "not_found")
		})
	}
	for request, allowed := range map[string]string{
		"POST /balance":             "GET, HEAD",
		"OPTIONS /balance":          "GET, HEAD",
		"TRACE /balance":            "GET, HEAD",
		"get /balance":              "GET, HEAD",
		"FETCH /balance":            "GET, HEAD",
		"PUT /invoices":             "GET, HEAD, POST",
		"DELETE /invoices":          "GET, HEAD, POST",
		"DELETE /invoices/incoming": "GET, HEAD",
		"POST /invoices/abc":        "GET, HEAD, DELETE",
		"POST /slash/":              "GET, HEAD, PUT",
		"GET /Balance":              "PATCH",
		"GET /caf%C3%A9":            "OPTIONS",
		"GET /a":                    "PATCH",
	} {
		t.Run(request, func(t *testing.T) {
			a := s.do(raw(request))
			requireRefused(t, a, 405, "method_not_allowed")
			require.Equal(t, allowed, a.Header.Get("Allow"))
		})
	}
	require.Len(t, upstream.Requests(), before)
}
