package gateway_test

import (
	"net/netip"
	"sort"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/gateway"
)

// passing returns the header lines of a public request that reach the upstream, sorted, without the ones that the gateway
// adds to every request.
func passing(t *testing.T) func(lines ...string) []string {
	t.Helper()
	upstream := newUpstream(t, answerAll)
	s := newSystem(t, []gateway.Route{balance(upstream.URL(), public)}, options{})
	return func(lines ...string) []string {
		require.Equal(t, 200, s.do(raw("GET /balance", lines...)).StatusCode)
		seen := upstream.Requests()
		var passed []string
		for _, line := range seen[len(seen)-1].Lines {
			switch name, _, _ := strings.Cut(line, ": "); name {
			case "Host", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Real-Ip":
			default:
				passed = append(passed, line)
			}
		}
		sort.Strings(passed)
		return passed
	}
}

func TestHeadersPassAsTheyWereSent(t *testing.T) {
	lines := []string{
		"Accept: */*", "Accept: text/html", "Cookie: a=b", "Cookie: c=\"d\"; e", "If-None-Match: \"x\"", "User-Agent: test",
		"x-request-ID: 1", "x-snake_case: kept", "X-Empty: ", "Via: 1.1 before", "Content-Type: a/b",
	}
	want := append([]string(nil), lines...)
	sort.Strings(want)
	require.Equal(t, want, passing(t)(lines...))
}

// The cookies by which the authorization server knows its users are on the same origin as the routes.
func TestTheCookiesOfSignedInUsersReachNoUpstream(t *testing.T) {
	passed := passing(t)
	for sent, want := range map[string]string{
		"gatehouse=secret":        "",
		"__Host-gatehouse=secret": "",
		"__Host-gatehouse=secret; __Host-gatehouse-browser=secret": "",
		"a=b; __Host-gatehouse=secret; c=d":                        "a=b; c=d",
		"__Host-gatehouse=secret; a=b":                             "a=b",
		"a=b;gatehouse=secret;  gatehouse-answer=secret;c":         "a=b;c",
		"gatehouse = secret; a=\"gatehouse\"":                      `a="gatehouse"`,
		"gatehouse":                                                "", "gatehouse; a": "a",
		`a="x; gatehouse=secret; y"`:                `a="x; y"`,
		"gatehouses=1; my-gatehouse=2; Gatehouse=3": "gatehouses=1; my-gatehouse=2; Gatehouse=3",
	} {
		have := passed("Cookie: "+sent, "cookie: gatehouse=secret")
		if want == "" {
			require.Empty(t, have, sent)
		} else {
			require.Equal(t, []string{"Cookie: " + want}, have, sent)
		}
	}
	require.Equal(t, []string{"Cookie: "}, passed("Cookie: "))
}

// identityHeaders are what upstreams take for the word of the proxy in front of them.
var identityHeaders = []string{
	"Remote-User", "REMOTE_USER", "Remote-Groups", "Remote_Email", "X-Goog-IAP-JWT-Assertion", "X-WEBAUTH-USER", "X_Webauth_User",
	"X-Consumer-Username", "X-Consumer-Custom-Id", "X-Credential-Identifier", "X-Anonymous-Consumer", "X-Authentik-Username",
	"X-Pomerium-Jwt-Assertion", "X-Vouch-User", "X-Userinfo", "Tailscale-User-Login", "X-Remote-User", "X_Remote_User", "X-Remote-Group", "X-Authenticated-User",
	"X-Authenticated-Userid", "X-Forwarded-User", "X_Forwarded_User", "X-Forwarded-Email", "X-Forwarded-Groups",
	"X-Forwarded-Preferred-Username", "X-Forwarded-Access-Token", "X-Forwarded-Client-Cert", "X-Auth-Request-User",
	"X-Auth-Request-Email", "X-Goog-Authenticated-User-Email", "X-Amzn-Oidc-Data", "X-MS-Client-Principal",
	"X-MS-Client-Principal-Id", "Cf-Access-Jwt-Assertion", "Client-Cert", "Client-Cert-Chain", "X-Client-Cert",
	"X-Client-Certificate", "X-Client-Verify", "X-Client-DN", "Ssl-Client-Verify", "SSL_CLIENT_S_DN", "X-SSL-Client-Cert",
	"X-SSL-Client-S-DN", "X-SSL-Cert", "X-Amzn-Mtls-Clientcert", "X-ARR-ClientCert",
}

func TestHeadersThatNeverPass(t *testing.T) {
	passed := passing(t)
	for _, name := range append([]string{
		"X-Gatehouse-Subject", "x-gatehouse-subject", "X-GATEHOUSE-SUBJECT", "X_Gatehouse_Subject", "X_GATEHOUSE_SUBJECT",
		"X-Gatehouse_Subject", "X_Gatehouse-Subject", "X.Gatehouse.Subject", "X~Gatehouse~Subject", "X-Gatehouse-Anything",
		"X-Gatehouse", "X-Gatehouse-", "X_Gatehouse_" + strings.Repeat("a", 50),
		"Connection", "Keep-Alive", "TE", "Trailer", "Upgrade", "HTTP2-Settings", "Proxy-Connection", "Proxy-Authorization",
		"Proxy-Authenticate", "Proxy-Anything", "Proxy", "Proxy_Authorization", "Keep_Alive",
		"Transfer_Encoding", "Content_Length",
		"X-Forwarded-Fo", "X-Forwarded", "X_Forwarded_For", "X-Forwarded_Proto", "Forwarded", "X_Real_IP",
		"X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "X_HTTP_Method_Override",
		"X-Original-URL", "X-HTTP-Path-Override", "X-Rewrite-URL", "X_Rewrite_Url",
		"Client-IP", "True-Client-IP", "CF-Connecting-IP", "Fastly-Client-IP", "X-Client-IP", "X-Cluster-Client-IP",
		"X_Client_IP", "X-Original-Forwarded-For", "X-Original-Host", "X-Host", "X_Host",
	}, identityHeaders...) {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, []string{"X-Other: kept"}, passed(name+": value", "X-Other: kept"))
		})
	}
}

func TestHeadersListedInConnectionDoNotPass(t *testing.T) {
	require.Equal(t, []string{"X-C: 3"}, passing(t)(
		"Connection: close, x-a", "X-A: 1", "X-B: 2", "X-C: 3", "connection: X-B ,keep-alive"))
}

// A caller that lists a header in Connection asks for it to be removed. What the gateway itself says is not the caller's
// to remove.
func TestConnectionDoesNotRemoveWhatTheGatewaySays(t *testing.T) {
	upstream := newUpstream(t, answerAll)
	routes := []gateway.Route{
		balance(upstream.URL(), path("/headers"), credential("headers")),
		balance(upstream.URL(), path("/forward"), credential("forward")),
	}
	s := newSystem(t, routes, options{})
	trick := "Connection: authorization, x-gatehouse-subject, x-gatehouse-client, x-forwarded-for, x-forwarded-proto, " +
		"x-forwarded-host, x-real-ip, host, content-length"
	require.Equal(t, 200, s.do(raw("GET /headers", bearer(s.token(nil)), trick)).StatusCode)
	require.Equal(t, 200, s.do(raw("GET /forward", bearer(s.token(nil)), trick)).StatusCode)
	seen := upstream.Requests()
	require.Equal(t, []string{"7"}, seen[0].Values("X-Gatehouse-Subject"))
	require.Equal(t, []string{"app"}, seen[0].Values("X-Gatehouse-Client"))
	require.Len(t, seen[1].Values("Authorization"), 1)
	for _, r := range seen {
		require.Equal(t, []string{"127.0.0.1"}, r.Values("X-Forwarded-For"))
		require.Equal(t, []string{upstream.Addr()}, r.Values("Host"))
	}
}

func TestCallerCannotSpeakForTheGateway(t *testing.T) {
	upstream := newUpstream(t, answerAll)
	s := newSystem(t, []gateway.Route{balance(upstream.URL(), credential("headers"))}, options{})
	require.Equal(t, 200, s.do(raw("GET /balance", bearer(s.token(nil)),
		"X-Gatehouse-Subject: 8", "x_gatehouse_subject: 8", "X-Gatehouse-Scope: admin")).StatusCode)
	var said []string
	for _, line := range upstream.Only().Lines {
		if strings.Contains(strings.ToLower(line), "gatehouse") {
			said = append(said, line)
		}
	}
	require.Equal(t, []string{"X-Gatehouse-Subject: 7", "X-Gatehouse-Client: app",
		"X-Gatehouse-Scope: balance:read invoices:create", "X-Gatehouse-Token-Id: token-1", "X-Gatehouse-Grant: grant-1"}, said)
}

// A trailer is read after the header was judged. It must not become a header field.
func TestTrailersDoNotBecomeHeaders(t *testing.T) {
	upstream := newUpstream(t, answerAll)
	s := newSystem(t, []gateway.Route{balance(upstream.URL(), credential("headers"), methods("POST"))}, options{})
	require.Equal(t, 200, s.do(raw("POST /balance", bearer(s.token(nil)), "Transfer-Encoding: chunked", "Trailer: X-A")+
		"2\r\nhi\r\n0\r\nX-A: b\r\nX-Gatehouse-Subject: 8\r\n\r\n").StatusCode)
	r := upstream.Only()
	require.Equal(t, "hi", r.Body)
	require.Empty(t, r.Values("X-A"))
	require.Equal(t, []string{"7"}, r.Values("X-Gatehouse-Subject"))
	require.Equal(t, []string{"X-A: b"}, r.Trailers)
}

func TestForwardedHeaders(t *testing.T) {
	sent := []string{
		"X-Forwarded-For: 1.1.1.1", "X-Forwarded-For: 2.2.2.2, 3.3.3.3", "X-Forwarded-Proto: https",
		"X-Forwarded-Host: public.example", "X-Forwarded-Port: 443", "X-Real-IP: 1.1.1.1", "Forwarded: for=1.1.1.1",
		"X_Forwarded_For: 9.9.9.9",
	}
	for name, test := range map[string]struct {
		trusted string
		lines   []string
		want    map[string][]string
	}{
		"nobody is trusted": {"10.0.0.0/8", sent, map[string][]string{
			"X-Forwarded-For": {"127.0.0.1"}, "X-Forwarded-Proto": {"http"}, "X-Forwarded-Host": {"gateway.example"},
			"X-Real-Ip": {"127.0.0.1"}, "X-Forwarded-Port": nil, "Forwarded": nil, "X_Forwarded_For": nil,
		}},
		"the peer is trusted": {"127.0.0.0/8", sent, map[string][]string{
			"X-Forwarded-For": {"1.1.1.1, 2.2.2.2, 3.3.3.3, 127.0.0.1"}, "X-Forwarded-Proto": {"https"},
			"X-Forwarded-Host": {"public.example"}, "X-Real-Ip": {"1.1.1.1"}, "X-Forwarded-Port": nil,
			"Forwarded": nil, "X_Forwarded_For": nil,
		}},
		"a trusted peer that says nothing": {"127.0.0.0/8", nil, map[string][]string{
			"X-Forwarded-For": {"127.0.0.1"}, "X-Forwarded-Proto": {"http"}, "X-Forwarded-Host": {"gateway.example"},
			"X-Real-Ip": {"127.0.0.1"},
		}},
		"a caller behind a trusted peer lists them": {"127.0.0.0/8",
			append([]string{"Connection: x-forwarded-for, x-forwarded-proto, x-real-ip"}, sent...), map[string][]string{
				"X-Forwarded-For":   {"1.1.1.1, 2.2.2.2, 3.3.3.3, 127.0.0.1"},
				"X-Forwarded-Proto": {"https"}, "X-Real-Ip": {"1.1.1.1"},
			}},
	} {
		t.Run(name, func(t *testing.T) {
			upstream := newUpstream(t, answerAll)
			s := newSystem(t, []gateway.Route{balance(upstream.URL(), public)}, options{config: func(c *gateway.Config) {
				c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix(test.trusted)}
			}})
			require.Equal(t, 200, s.do(raw("GET /balance", test.lines...)).StatusCode)
			for name, values := range test.want {
				require.Equal(t, values, upstream.Only().Values(name), name)
			}
		})
	}
}

// A trusted proxy is believed where the caller comes from, in the four fields that proxies set or remove, and in those that
// the configuration names. Who the caller is says the token.
func TestTrustedProxyTellsAddressesAndNoIdentities(t *testing.T) {
	addresses := []string{"Client-IP", "True-Client-IP", "CF-Connecting-IP", "Fastly-Client-IP", "X-Client-IP",
		"X-Cluster-Client-IP", "X-Original-Forwarded-For", "X-Original-Host", "X-Host", "X-Forwarded-Port",
		"X-Forwarded-Prefix", "X-Forwarded-Server", "X-Forwarded-Scheme", "X-Forwarded-Ssl", "Forwarded"}
	var lines []string
	for _, name := range append(append([]string(nil), addresses...), identityHeaders...) {
		lines = append(lines, name+": value")
	}
	for name, test := range map[string]struct {
		trusted string
		named   []string
		told    []string
	}{
		"none named":           {"127.0.0.0/8", nil, nil},
		"some named":           {"127.0.0.0/8", []string{"CF-Connecting-IP", "forwarded"}, []string{"CF-Connecting-IP", "Forwarded"}},
		"all named":            {"127.0.0.0/8", addresses, addresses},
		"the peer is a caller": {"10.0.0.0/8", addresses, nil},
	} {
		t.Run(name, func(t *testing.T) {
			upstream := newUpstream(t, answerAll)
			s := newSystem(t, []gateway.Route{balance(upstream.URL(), public)}, options{config: func(c *gateway.Config) {
				c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix(test.trusted)}
				c.TrustedProxyHeaders = test.named
			}})
			require.Equal(t, 200, s.do(raw("GET /balance", append(lines, "CF_Connecting_IP: value")...)).StatusCode)
			var told []string
			for _, name := range append(append([]string{"CF_Connecting_IP"}, addresses...), identityHeaders...) {
				if len(upstream.Only().Values(name)) > 0 {
					told = append(told, name)
				}
			}
			require.Equal(t, test.told, told)
		})
	}
}

func TestBodiesAndMethodsAreForwarded(t *testing.T) {
	upstream := newUpstream(t, answerAll)
	s := newSystem(t, []gateway.Route{balance(upstream.URL(), public,
		methods("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))}, options{})
	multipart := "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--x--\r\nepilogue"
	for name, test := range map[string]struct {
		request, body string
		length        []string
	}{
		"GET":              {raw("GET /balance"), "", nil},
		"GET with a body":  {withBody("hi", "GET /balance"), "hi", []string{"2"}},
		"HEAD":             {raw("HEAD /balance"), "", nil},
		"POST":             {withBody("hi", "POST /balance"), "hi", []string{"2"}},
		"POST nothing":     {raw("POST /balance"), "", []string{"0"}},
		"PUT":              {withBody("hi", "PUT /balance"), "hi", []string{"2"}},
		"PATCH":            {withBody("hi", "PATCH /balance"), "hi", []string{"2"}},
		"DELETE":           {raw("DELETE /balance"), "", nil},
		"DELETE, length 0": {withBody("", "DELETE /balance"), "", []string{"0"}},
		"DELETE with body": {withBody("hi", "DELETE /balance"), "hi", []string{"2"}},
		"OPTIONS":          {raw("OPTIONS /balance"), "", nil},
		"chunked":          {raw("POST /balance", "Transfer-Encoding: chunked") + "1\r\na\r\n2;x=y\r\nbc\r\n0\r\n\r\n", "abc", nil},
		"GET, chunked":     {raw("GET /balance", "Transfer-Encoding: chunked") + "1\r\na\r\n0\r\n\r\n", "a", nil},
		"chunked, empty":   {raw("DELETE /balance", "Transfer-Encoding: Chunked") + "0\r\n\r\n", "", nil},
		"form":             {withBody("b=2&a=1&a=%20+", "POST /balance", "Content-Type: application/x-www-form-urlencoded"), "b=2&a=1&a=%20+", []string{"14"}},
		"multipart":        {withBody(multipart, "POST /balance", "Content-Type: multipart/form-data; boundary=x"), multipart, []string{strconv.Itoa(len(multipart))}},
		"NULs":             {withBody("\x00\r\n\r\n\xff", "POST /balance"), "\x00\r\n\r\n\xff", []string{"6"}},
	} {
		t.Run(name, func(t *testing.T) {
			before := len(upstream.Requests())
			require.Equal(t, 200, s.do(test.request).StatusCode)
			seen := upstream.Requests()[before:]
			require.Len(t, seen, 1)
			method, _, _ := strings.Cut(test.request, " ")
			require.Equal(t, method, seen[0].Method)
			require.Equal(t, test.body, seen[0].Body)
			require.Equal(t, test.length, seen[0].Values("Content-Length"))
			require.Equal(t, strings.Contains(name, "chunked"), len(seen[0].Values("Transfer-Encoding")) == 1)
		})
	}
}

func TestExpectContinueEndsAtTheGateway(t *testing.T) {
	upstream := newUpstream(t, answerAll)
	s := newSystem(t, []gateway.Route{balance(upstream.URL(), public, methods("POST"))}, options{})
	c := s.dial()
	c.Send(raw("POST /balance", "Content-Length: 2", "Expect: 100-continue"))
	require.Equal(t, 100, c.Receive("POST").StatusCode)
	c.Send("hi")
	require.Equal(t, 200, c.Receive("POST").StatusCode)
	require.Equal(t, "hi", upstream.Only().Body)
	require.Empty(t, upstream.Only().Values("Expect"))
}
