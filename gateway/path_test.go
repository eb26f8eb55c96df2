package gateway_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"gatehouse/gateway"
)

func TestAmbiguousTargetsNeverReachAnUpstream(t *testing.T) {
	upstream := newUpstream(t, answerAll)
	s := newSystem(t, []gateway.Route{
		balance(upstream.URL(), public),
		balance(upstream.URL(), public, path("/")),
		balance(upstream.URL(), public, path("/{a}")),
		balance(upstream.URL(), public, path("/{a}/{b}")),
		balance(upstream.URL(), public, path("/{a}/{b}/{c}")),
	}, options{})
	for _, target := range []string{
		"/a%2fb", "/a%2Fb", "/balance%2f", "/%2f",
		"/./balance", "/../balance", "/a/../balance", "/a/..", "/.", "/..", "/a/./b",
		"/%2e/balance", "/%2e%2e/balance", "/.%2e/balance", "/%2E./balance", "/a/%2e%2e", "/a/%2e",
		`/a\b`, `\balance`, `/\balance`, "/a%5cb", "/a%5Cb", "/..%5cbalance",
		"/a%00", "/%00", "/balance%00.txt",
		"/a%0d%0ab", "/a%0ab", "/a%09b", "/a%1fb", "/a%7fb", "/a%c2%85b",
		"/a;b", "/balance;x=1", "/..;/balance", "/a%3bb", "/a%3Bb",
		"//balance", "//", "/a//b", "/balance//", "//gateway.example/balance",
		"/a%", "/a%2", "/a%zz", "/a%2x", "/%", "/a%%32f",
		"/caf\xc3\xa9", "/a\xff", "/a%ff", "/a%c0%af", "/a%c0%ae%c0%ae",
		"/balance#x", "/balance?a#b", "#", "/#",
		"balance", "?", "*", "http://gateway.example/balance", "HTTP://gateway.example/balance",
		"http://other.example/balance", "http://user@gateway.example/balance", "gateway.example:80", "@/balance",
		"/balance\x01", "/balance\x7f", "/balance?a\x01b", "/balance?\x7f",
	} {
		for _, method := range []string{"GET", "POST", "OPTIONS", "CONNECT"} {
			t.Run(method+" "+target, func(t *testing.T) {
				c := s.dial()
				c.Send(raw(method + " " + target))
				requireRefused(t, c.Receive(method), 400, "invalid_request")
				require.True(t, c.IsClosed(), "what follows a request that was not understood is not read")
			})
		}
	}
	require.Empty(t, upstream.Requests())
	require.Zero(t, upstream.Connections())
}

func TestOneCanonicalPathIsForwarded(t *testing.T) {
	canonical := map[string]string{
		"/x/a":                     "/x/a",
		"/x/%61":                   "/x/a",
		"/%78/a":                   "/x/a",
		"/x/%41%7e":                "/x/A~",
		"/x/a%20b":                 "/x/a%20b",
		"/x/caf%c3%a9":             "/x/caf%C3%A9",
		"/x/%252e%252e":            "/x/%252e%252e",
		"/x/a%3fb%23c":             "/x/a%3Fb%23c",
		"/x/a:b@c+d,e=f&g$h!i'(j)": "/x/a:b@c+d,e=f&g$h!i'(j)",
		"/x/{a}|<b>":               "/x/%7Ba%7D%7C%3Cb%3E",
		"/x/...":                   "/x/...",
		"/x/a?":                    "/x/a?",
		"/x/a?b=%2f..//;\\c&%zz?d": "/x/a?b=%2f..//;\\c&%zz?d",
		"/x/a?caf\xc3\xa9":         "/x/a?caf\xc3\xa9",
		"/x/a?b=http://c/d":        "/x/a?b=http://c/d",
	}
	for base, prefix := range map[string]string{"": "", "/": "", "/v2": "/v2", "/v2/": "/v2", "/a%7eb/%c3%a9": "/a~b/%C3%A9"} {
		upstream := newUpstream(t, answerAll)
		s := newSystem(t, []gateway.Route{balance(upstream.URL()+base, public, path("/x/{a}"))}, options{})
		for target, want := range canonical {
			t.Run(base+" "+target, func(t *testing.T) {
				require.Equal(t, 200, s.do(raw("GET "+target)).StatusCode)
				seen := upstream.Requests()
				require.Equal(t, prefix+want, seen[len(seen)-1].Target)
			})
		}
		require.Len(t, upstream.Requests(), len(canonical))
	}
}

func TestMalformedRequestsAreRefused(t *testing.T) {
	upstream := newUpstream(t, answerAll)
	s := newSystem(t, []gateway.Route{balance(upstream.URL(), public, methods("GET", "POST"))}, options{})
	token := s.token(nil)
	for name, request := range map[string]string{
		"two Authorization":             raw("GET /balance", bearer(token), bearer(token)),
		"two Authorization, other case": raw("GET /balance", bearer(token), "aUTHORIZATION: Bearer x"),
		"two Hosts":                     raw("GET /balance", "Host: other.example"),
		"no Host":                       "GET /balance HTTP/1.1\r\n\r\n",
		"folded header":                 raw("GET /balance", "X-A: b", " c"),
		"folded Connection":             raw("GET /balance", "Connection: x", "\tauthorization"),
		"space in a name":               raw("GET /balance", "X A: b"),
		"space before the colon":        raw("GET /balance", "X-A : b"),
		"no name":                       raw("GET /balance", ": b"),
		"no colon":                      raw("GET /balance", "X-A"),
		"bare LF":                       "GET /balance HTTP/1.1\r\nHost: a\nX-A: b\r\n\r\n",
		"bare CR":                       raw("GET /balance", "X-A: b\rX-B: c"),
		"control character":             raw("GET /balance", "X-A: b\x01"),
		"DEL":                           raw("GET /balance", "X-A: b\x7f"),
		"NUL":                           raw("GET /balance", "X-A: b\x00"),
		"two lengths":                   raw("POST /balance", "Content-Length: 0", "Content-Length: 0"),
		"signed length":                 raw("POST /balance", "Content-Length: +0"),
		"negative length":               raw("POST /balance", "Content-Length: -1"),
		"listed length":                 raw("POST /balance", "Content-Length: 0, 0"),
		"length and encoding":           raw("POST /balance", "Content-Length: 5", "Transfer-Encoding: chunked") + "0\r\n\r\n",
		"encoding and length":           raw("POST /balance", "Transfer-Encoding: chunked", "Content-Length: 5") + "0\r\n\r\n",
		"two encodings":                 raw("POST /balance", "Transfer-Encoding: chunked", "Transfer-Encoding: chunked") + "0\r\n\r\n",
		"identity":                      raw("POST /balance", "Transfer-Encoding: identity") + "GET /balance HTTP/1.1\r\nHost: a\r\n\r\n",
		"unknown encoding":              raw("POST /balance", "Transfer-Encoding: xchunked") + "0\r\n\r\n",
		"HTTP/2 in the first line":      "GET /balance HTTP/2.0\r\nHost: a\r\n\r\n",
		"no version":                    "GET /balance\r\nHost: a\r\n\r\n",
		"space in the target":           raw("GET /balance x"),
		"bad chunk size":                raw("POST /balance", "Transfer-Encoding: chunked") + "zz\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			c := s.dial()
			c.Send(request)
			requireRefused(t, c.Receive("GET"), 400, "invalid_request")
			require.True(t, c.IsClosed())
		})
	}
	require.Empty(t, upstream.Requests())
}

func TestOtherHandlersSeeOnlyRequestsWithOneMeaning(t *testing.T) {
	s := newSystem(t, nil, reserved("oauth", func(ctx *fasthttp.RequestCtx) { ctx.SetBodyString("reached") }))
	require.Equal(t, "reached", s.do(raw("POST /oauth/token?code=a")).Body)
	for _, request := range []string{
		raw("POST /oauth/token", "Authorization: Basic YQ==", "Authorization: Basic YQ=="),
		raw("POST /oauth/x/../token"), raw("POST /oauth//token"), raw("POST http://gateway.example/oauth/token"),
	} {
		requireRefused(t, s.do(request), 400, "invalid_request")
	}
	for _, target := range []string{"/%6Fauth/token", "/OAuth/token", "/oauth2/token", "/x/oauth"} {
		requireRefused(t, s.do(raw("POST "+target)), 404, "not_found")
	}
}

func TestNoHandlerIsMountedWhereRoutesMayBe(t *testing.T) {
	_, err := gateway.New(gateway.Config{Reserved: map[string]fasthttp.RequestHandler{"balance": func(*fasthttp.RequestCtx) {}}})
	require.ErrorContains(t, err, `"balance"`)
}

func TestErrorsOfTheListenerHaveTheSameForm(t *testing.T) {
	upstream := newUpstream(t, answerAll)
	s := newSystem(t, []gateway.Route{balance(upstream.URL(), public, methods("POST"))}, options{
		config: func(c *gateway.Config) {
			c.MaxBody = 1000
			c.Reserved = map[string]fasthttp.RequestHandler{"oauth": func(*fasthttp.RequestCtx) { panic("a secret") }}
		},
	})
	requireRefused(t, s.do(withBody(strings.Repeat("x", 1001), "POST /balance")), 413, "invalid_request")
	requireRefused(t, s.do(raw("POST /balance", "X-Long: "+strings.Repeat("x", 17<<10))), 431, "invalid_request")
	a := s.do(raw("GET /oauth/token"))
	requireRefused(t, a, 500, "server_error")
	require.NotContains(t, a.Body, "secret")
	a = s.do("a secret\r\n\r\n")
	requireRefused(t, a, 400, "invalid_request")
	require.NotContains(t, a.Body, "secret")
	require.Empty(t, upstream.Requests())
}

func TestBodyOverTheGatewaysLimitIsRefused(t *testing.T) {
	upstream := newUpstream(t, answerAll)
	s := newSystem(t, []gateway.Route{balance(upstream.URL(), public, methods("POST"))}, options{
		config: func(c *gateway.Config) { c.MaxBody = 10 },
	})
	requireRefused(t, s.do(withBody("12345678901", "POST /balance")), 413, "invalid_request")
	requireRefused(t, s.do(withBody(strings.Repeat("a", 1<<20), "POST /balance")), 413, "invalid_request")
	requireRefused(t, s.do(raw("POST /balance", "Transfer-Encoding: chunked")+"b\r\n12345678901\r\n0\r\n\r\n"), 413, "invalid_request")
	require.Zero(t, upstream.Connections())
	require.Equal(t, 200, s.do(withBody("1234567890", "POST /balance")).StatusCode)
	require.Equal(t, 200, s.do(raw("POST /balance", "Transfer-Encoding: chunked")+"3\r\nabc\r\n0\r\n\r\n").StatusCode)
	seen := upstream.Requests()
	require.Equal(t, "1234567890", seen[0].Body)
	require.Equal(t, "abc", seen[1].Body)
}

// A request may be answered before its body was read. What is left must not be parsed as the next
// request.
func TestBodyOfARefusedRequestIsNotTheNextRequest(t *testing.T) {
	upstream := newUpstream(t, answerAll)
	s := newSystem(t, []gateway.Route{balance(upstream.URL(), methods("GET", "POST"))}, options{})
	smuggled := strings.Repeat(raw("GET /balance", bearer(s.token(nil))), 100)
	for name, request := range map[string]string{
		"no token":       withBody(smuggled, "POST /balance"),
		"no route":       withBody(smuggled, "POST /nowhere"),
		"no method":      withBody(smuggled, "PUT /balance"),
		"unknown method": withBody(smuggled, "FETCH /balance"),
		"ambiguous path": withBody(smuggled, "POST /../balance"),
		"chunked":        raw("POST /balance", "Transfer-Encoding: chunked") + "ffff\r\n" + smuggled,
	} {
		t.Run(name, func(t *testing.T) {
			c := s.dial()
			c.Send(request)
			require.GreaterOrEqual(t, c.Receive("POST").StatusCode, 400)
			_, err := c.Reader.ReadByte()
			require.Error(t, err, "one request, one answer")
		})
	}
	require.Empty(t, upstream.Requests())
}
