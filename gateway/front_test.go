package gateway_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"gatehouse/gateway"
)

// reserved mounts a handler beside the gateway.
func reserved(first string, handler fasthttp.RequestHandler) options {
	return options{config: func(c *gateway.Config) { c.Reserved = map[string]fasthttp.RequestHandler{first: handler} }}
}

// tokenEndpoint says by itself which method it has.
func tokenEndpoint(ctx *fasthttp.RequestCtx) {
	switch {
	case string(ctx.Path()) != "/oauth/token":
		ctx.SetStatusCode(404)
	case string(ctx.Method()) == "POST":
		ctx.SetStatusCode(204)
	default:
		ctx.Response.Header.Set("Allow", "POST")
		ctx.SetStatusCode(405)
	}
}

func TestMethodsThatNobodyKnows(t *testing.T) {
	two := []string{"Authorization: Bearer a", "Authorization: Bearer b"}
	codes := map[int]string{400: "invalid_request", 404: "not_found", 405: "method_not_allowed"}
	for name, test := range map[string]struct {
		request string
		with    int // the status where there are routes
		without int
		allow   string // beside a 405
		byOther bool   // it answers in its own form
	}{
		"a route":                   {raw("FOO /balance"), 405, 404, "GET, HEAD", false},
		"no route":                  {raw("FOO /nowhere"), 404, 404, "", false},
		"an endpoint of others":     {raw("FOO /oauth/token"), 405, 405, "POST", true},
		"lower case":                {raw("foo /oauth/token"), 405, 405, "POST", true},
		"a method that Fiber has":   {raw("TRACE /oauth/token"), 405, 405, "POST", true},
		"a body":                    {withBody("a=b", "FOO /oauth/token"), 405, 405, "POST", true},
		"capitals":                  {raw("FOO /OAuth/token"), 404, 404, "", false},
		"nothing of others":         {raw("FOO /.well-known/nothing"), 404, 404, "", false},
		"an ambiguous path":         {raw("FOO /a//b"), 400, 400, "", false},
		"two Authorization headers": {raw("FOO /oauth/token", two...), 400, 400, "", false},
		"no path":                   {raw("FOO *"), 400, 400, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			answers := func(routes []gateway.Route, status int) {
				a := newSystem(t, routes, reserved("oauth", tokenEndpoint)).do(test.request)
				require.Equal(t, status, a.StatusCode)
				if !test.byOther {
					requireRefused(t, a, status, codes[status])
				}
				if status == 405 {
					require.Equal(t, test.allow, a.Header.Get("Allow"))
				}
			}
			answers([]gateway.Route{balance("http://127.0.0.1:1")}, test.with)
			answers(nil, test.without)
		})
	}
	t.Run("the others pass", func(t *testing.T) {
		require.Equal(t, 204, newSystem(t, nil, reserved("oauth", tokenEndpoint)).do(raw("POST /oauth/token")).StatusCode)
	})
}

// A browser that comes by the server's name alone gets the start page, unless a route is there.
func TestTheStartPageIsForBrowsersWhereNoRouteIs(t *testing.T) {
	upstream := newUpstream(t, func(l *link) {
		for l.ReadRequest() {
			l.Say(okAnswer)
		}
	})
	start := options{config: func(c *gateway.Config) { c.Start = func(ctx *fasthttp.RequestCtx) { ctx.SetBodyString("start") } }}
	const visit = "Accept: text/html,application/xhtml+xml"
	without := newSystem(t, []gateway.Route{balance(upstream.URL())}, start)
	require.Equal(t, "start", without.do(raw("GET /", visit)).Body)
	for _, request := range []string{raw("GET /"), raw("GET /", "Accept: application/json"), raw("GET /nothing", visit), raw("POST /", visit), raw("GET /?x", visit)} {
		requireRefused(t, without.do(request), 404, "not_found")
	}
	with := newSystem(t, []gateway.Route{balance(upstream.URL(), path("/"), public)}, start)
	require.Equal(t, "ok", with.do(raw("GET /", visit)).Body)
}
