package gateway_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jws"
	"github.com/stretchr/testify/require"

	"gatehouse/gateway"
)

func credentialIn(place string) func(*gateway.Route) {
	return func(r *gateway.Route) { r.CredentialIn = place }
}

// requireLNDHubToken holds a credential to be one for user 7 that ends a minute after at.
func requireLNDHubToken(t *testing.T, token string, at time.Time) {
	t.Helper()
	payload, err := jws.Verify([]byte(token), jws.WithKey(jwa.HS256, []byte(jwtSecret)))
	require.NoError(t, err, token)
	require.JSONEq(t, fmt.Sprintf(`{"id": 7, "isRefresh": false, "clientId": "app", "exp": %d}`, at.Unix()+60), string(payload))
}

// hiddenIn are spellings of a parameter's name that some upstream reads as it, and others that none does.
var (
	hiddenIn = []string{
		"token", "TOKEN", "%74oken", "%54OKEN", "t%6Fke%6e", "token%00x", "token[]", "token%5b0%5D", "+token", "%20token", "token[",
		"[token]", "%5Btoken%5d", "[token][a]", "]token", "token]",
	}
	keptIn = []string{"tokens", "atoken", "toke", "to+ken", "%2574oken", "toke%6", "token%ff", "x[token]", "access_token", "tok\u212aen", ""}
)

func TestACredentialInTheQuery(t *testing.T) {
	upstream := newUpstream(t, answerAll)
	s := newSystem(t, []gateway.Route{
		balance(upstream.URL()+"/v2", methods("GET", "POST"), credential("lndhub"), credentialIn("query:token")),
		balance(upstream.URL(), path("/public"), public, credential("lndhub"), credentialIn("query:token")),
		balance(upstream.URL(), path("/forward"), credential("forward"), credentialIn("query:access.token")),
	}, options{})
	token := s.token(nil)
	// sent is the target that the upstream got, without the credential.
	sent := func(t *testing.T, target string) (rest, value string) {
		before := len(upstream.Requests())
		a := s.do(raw("GET "+target, bearer(token)))
		require.Equal(t, 200, a.StatusCode, a.Body)
		seen := upstream.Requests()[before:]
		require.Len(t, seen, 1)
		require.Empty(t, seen[0].Values("Authorization"))
		require.NotContains(t, strings.Join(seen[0].Lines[1:], "\n"), "eyJ", "it is nowhere else")
		at := strings.LastIndex(seen[0].Target, "oken=")
		require.Positive(t, at, seen[0].Target)
		return seen[0].Target[:at], seen[0].Target[at+len("oken="):]
	}
	for query, want := range map[string]string{
		"":                                 "?t",
		"?":                                "?t",
		"?a=%201&b=/..//;x&&c=caf\xc3\xa9": "?a=%201&b=/..//;x&&c=caf\xc3\xa9&t",
		"?a=b?c=d":                         "?a=b?c=d&t",
		"?&":                               "?&&t",
		"?token=evil":                      "?t",
		"?token":                           "?t",
		"?a=1&token=evil&b=2&Token=evil":   "?a=1&b=2&t",
		"?a=token=evil":                    "?a=token=evil&t",
	} {
		rest, value := sent(t, "/balance"+query)
		require.Equal(t, "/v2/balance"+want, rest)
		requireLNDHubToken(t, value, now)
	}
	for _, name := range hiddenIn {
		rest, _ := sent(t, "/balance?a=1&"+name+"=evil&b")
		require.Equal(t, "/v2/balance?a=1&b&t", rest, name)
	}
	for _, name := range keptIn {
		rest, _ := sent(t, "/balance?a=1&"+name+"=evil&b")
		require.Equal(t, "/v2/balance?a=1&"+name+"=evil&b&t", rest, name)
	}
	rest, value := sent(t, "/forward?ACCESS_token=evil&access+token=evil&access[token=evil&b")
	require.Equal(t, "/forward?b&access.t", rest)
	require.Equal(t, token, value)

	for query, want := range map[string]string{"": "", "?a&token=evil&b": "?a&b", "?%74oken=evil": "", "?a=1": "?a=1"} {
		require.Equal(t, 200, s.do(raw("GET /public"+query)).StatusCode)
		seen := upstream.Requests()
		require.Equal(t, "/public"+want, seen[len(seen)-1].Target, "a caller without a token sends none either")
	}
	before := len(upstream.Requests())
	for _, query := range []string{"?a=1;token=evil", "?token=evil;a=1", "?a;%74oken", "?a=b&c;+TOKEN=evil;d"} {
		requireRefused(t, s.do(raw("GET /balance"+query, bearer(token))), 400, "invalid_request")
		requireRefused(t, s.do(raw("GET /public"+query)), 400, "invalid_request")
	}
	require.Len(t, upstream.Requests(), before)
	require.NotContains(t, s.log.String(), "eyJ")
}

func TestACredentialInTheQueryOfAHeldRequestIsMadeAnew(t *testing.T) {
	upstream := newUpstream(t, answerAll)
	clock := &movable{}
	s := newSystem(t, []gateway.Route{
		balance(upstream.URL(), methods("POST"), credential("lndhub"), credentialIn("query:token")),
	}, options{config: clock.by})
	c := s.dial()
	c.Send(raw("POST /balance?a&token=evil", bearer(s.token(nil)), "Content-Length: 10") + "012345678")
	require.Eventually(t, func() bool { return len(s.denylist.queries()) == 1 }, patience, time.Millisecond)
	clock.move(10 * time.Minute)
	c.Send("9")
	require.Equal(t, 200, c.Receive("POST").StatusCode)
	seen := upstream.Only()
	require.Equal(t, "0123456789", seen.Body)
	value, ok := strings.CutPrefix(seen.Target, "/balance?a&token=")
	require.True(t, ok, seen.Target)
	requireLNDHubToken(t, value, clock.now())
}

func TestACredentialInAHeader(t *testing.T) {
	upstream := newUpstream(t, answerAll)
	s := newSystem(t, []gateway.Route{
		balance(upstream.URL(), methods("GET", "POST"), credential("lndhub"), credentialIn("header:X-Api-Token")),
		balance(upstream.URL(), path("/public"), public, credential("forward"), credentialIn("header:X-Api-Token")),
	}, options{})
	token := s.token(nil)
	evil := []string{"X-Api-Token: evil", "x-api-token: evil", "X_Api_Token: evil", "X.Api-Token: evil"}
	chunks := raw("POST /balance?token=kept", append(evil, bearer(token), "Transfer-Encoding: chunked", "Trailer: X-Api-Token, X-Sum")...) +
		"2\r\nok\r\n0\r\nX-Api-Token: evil\r\nX-Sum: 1\r\n\r\n"
	for _, request := range []string{raw("GET /balance?token=kept", append(evil, bearer(token))...), chunks} {
		before := len(upstream.Requests())
		require.Equal(t, 200, s.do(request).StatusCode)
		seen := upstream.Requests()[before]
		require.Equal(t, "/balance?token=kept", seen.Target)
		require.Len(t, seen.Values("X-Api-Token"), 1)
		requireLNDHubToken(t, seen.Values("X-Api-Token")[0], now)
		require.NotContains(t, strings.Join(seen.Lines, "\n"), "evil")
		require.Empty(t, seen.Values("Authorization"))
	}
	require.Equal(t, 200, s.do(raw("GET /public", evil...)).StatusCode)
	seen := upstream.Requests()
	require.Empty(t, seen[len(seen)-1].Values("X-Api-Token"))
	require.Equal(t, 200, s.do(raw("GET /public", append(evil, bearer(token))...)).StatusCode)
	seen = upstream.Requests()
	require.Equal(t, []string{token}, seen[len(seen)-1].Values("X-Api-Token"))
}

// An upstream that redirects repeats the query in Location, and in a page that leads there, as Go's net/http does. Its
// credential lets whoever has it do all that the user may.
func TestACredentialInTheQueryDoesNotComeBack(t *testing.T) {
	upstream := newUpstream(t, func(l *link) {
		for l.ReadRequest() {
			page := `<a href="` + l.Last.Target + `/">Moved</a>`
			l.Sayf("HTTP/1.1 301 Moved\r\nLocation: %s/\r\nX-Seen: %s\r\nX-Kept: yes\r\nContent-Length: %d\r\n\r\n%s",
				l.Last.Target, l.Last.Target, len(page), page)
		}
	})
	switches := newUpstream(t, func(l *link) {
		if l.ReadRequest() {
			l.Say(switching("X-Seen: "+l.Last.Target, "X-Kept: yes"))
		}
	})
	s := newSystem(t, []gateway.Route{
		balance(upstream.URL(), credential("lndhub"), credentialIn("query:token")),
		balance(switches.URL(), path("/stream"), webSocket, credential("lndhub"), credentialIn("query:token")),
		balance(upstream.URL(), path("/plain"), credential("lndhub")),
	}, options{})
	token := bearer(s.token(nil))
	for request, status := range map[string]int{raw("GET /balance", token): 301, handshake("/stream", token): 101} {
		a := s.do(request)
		require.Equal(t, status, a.StatusCode)
		require.Empty(t, a.Header.Get("Location"))
		require.Empty(t, a.Header.Get("X-Seen"))
		require.Equal(t, "yes", a.Header.Get("X-Kept"))
		require.NotContains(t, a.Body, "eyJ")
	}
	plain := s.do(raw("GET /plain?a", token))
	require.Equal(t, "/plain?a/", plain.Header.Get("Location"))
	require.Equal(t, `<a href="/plain?a/">Moved</a>`, plain.Body)
}

// lndhubStream serves settled invoices as lndhub.go did up to 0.13.0: who asks is said by the query alone.
func lndhubStream(t *testing.T) string {
	return webSocketUpstream(t, func(c *websocket.Conn, r *http.Request) {
		if _, err := jws.Verify([]byte(r.URL.Query().Get("token")), jws.WithKey(jwa.HS256, []byte(jwtSecret))); err != nil ||
			r.Header.Get("Authorization") != "" {
			_ = c.Close(websocket.StatusPolicyViolation, "bad auth")
			return
		}
		echo(c, r)
	}).URL
}

func TestAWebSocketWithItsCredentialInTheQuery(t *testing.T) {
	s := newSystem(t, []gateway.Route{
		balance(lndhubStream(t), path("/invoices/stream"), webSocket, credential("lndhub"), credentialIn("query:token"), tokenFrom("query:token")),
	}, options{})
	token := s.token(nil)
	says(t, s.open("/invoices/stream", withToken(token)), "hello")
	says(t, s.open("/invoices/stream?since_invoice=a&token="+token, nil), "the caller's own is no lndhub.go token")
	requireRefused(t, s.do(handshake("/invoices/stream")), 401, "invalid_token")
	requireRefused(t, s.do(handshake("/invoices/stream?token=evil")), 401, "invalid_token")
	requireRefused(t, s.do(handshake("/invoices/stream?token=evil", bearer(token))), 400, "invalid_request")
	require.NotContains(t, s.log.String(), token[strings.LastIndexByte(token, '.'):])
}

func TestPlacesThatAreRefused(t *testing.T) {
	for place, problem := range map[string]string{
		"query":                    `credential_in is "query", want`,
		"query:":                   "want query:<parameter>",
		"query:a b":                "want query:<parameter>",
		"query:a&b":                "want query:<parameter>",
		"query:a[]":                "want query:<parameter>",
		"token":                    "want query:<parameter>",
		"header:":                  "header:<name>",
		"header:a b":               "header:<name>",
		"header:Authorization":     "Authorization is where the credential goes without it",
		"header:Host":              "the field Host has a meaning of its own",
		"header:X_Gatehouse_Grant": "a meaning of its own",
		"header:Content-Length":    "a meaning of its own",
		"header:X-Forwarded-For":   "a meaning of its own",
		"header:Via":               "a meaning of its own",
		"header:X-Request-Id":      "a meaning of its own",
		"header:Sec-WebSocket-Key": "a meaning of its own",
	} {
		route := balance("http://localhost:1", credential("forward"), credentialIn(place))
		require.ErrorContains(t, newGateway(t, gateway.Config{Routes: []gateway.Route{route}}), problem, place)
	}
	for _, name := range []string{"headers", "none"} {
		route := balance("http://localhost:1", credential(name), credentialIn("query:token"))
		require.ErrorContains(t, newGateway(t, gateway.Config{Routes: []gateway.Route{route}}), "credential_in is for the credentials lndhub and forward")
	}
}
