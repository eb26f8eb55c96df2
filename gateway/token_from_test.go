package gateway_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"gatehouse/gateway"
)

func TestTheTokenOfAWebSocketInTheQuery(t *testing.T) {
	upstream := newUpstream(t, switchAll(func(*link) {}))
	s := newSystem(t, []gateway.Route{
		balance(upstream.URL(), webSocket, tokenFrom("query:access_token"), credential("headers")),
		balance(upstream.URL(), webSocket, path("/other"), tokenFrom("subprotocol"), credential("headers")),
		balance(upstream.URL(), webSocket, path("/public"), public, tokenFrom("query:access_token")),
	}, options{})
	token := s.token(nil)
	for target, want := range map[string]string{
		"/balance?access_token=" + token:                         "/balance",
		"/balance?a=%201&access_token=" + token + "&b=2&&c":      "/balance?a=%201&b=2&&c",
		"/balance?&access_token=" + token:                        "/balance?",
		"/balance?%61ccess%5ftoken=" + token + "&x":              "/balance?x",
		"/balance?access_token=" + token + "&Access_Token=kept":  "/balance?Access_Token=kept",
		"/balance?access_token2=kept&access_token=" + token:      "/balance?access_token2=kept",
		"/balance?%2561ccess_token=kept&access_token=" + token:   "/balance?%2561ccess_token=kept",
		"/balance?access_toke%6=kept&access_token=" + token + "": "/balance?access_toke%6=kept",
	} {
		t.Run(target[:min(len(target), 40)], func(t *testing.T) {
			require.Equal(t, 101, s.do(handshake(target)).StatusCode)
			seen := upstream.Requests()
			last := seen[len(seen)-1]
			require.Equal(t, want, last.Target)
			require.Equal(t, []string{"7"}, last.Values("X-Gatehouse-Subject"))
			require.NotContains(t, strings.Join(last.Lines, "\n"), token)
		})
	}
	before := len(upstream.Requests())
	for name, test := range map[string]struct {
		request string
		status  int
		code    string
	}{
		"twice":                      {handshake("/balance?access_token=" + token + "&access_token=" + token), 400, "invalid_request"},
		"twice, spelled differently": {handshake("/balance?access_token=" + token + "&acces%73_token=" + token), 400, "invalid_request"},
		"beside Authorization":       {handshake("/balance?access_token="+token, bearer(token)), 400, "invalid_request"},
		"beside another scheme":      {handshake("/balance?access_token="+token, "Authorization: Basic dTpw"), 400, "invalid_request"},
		"empty":                      {handshake("/balance?access_token="), 401, "invalid_token"},
		"without a value":            {handshake("/balance?access_token"), 401, "invalid_token"},
		"without a value, public":    {handshake("/public?access_token"), 401, "invalid_token"},
		"encoded":                    {handshake("/balance?access_token=" + strings.ReplaceAll(token, ".", "%2E")), 401, "invalid_token"},
		"bad":                        {handshake("/balance?access_token=" + token + "x"), 401, "invalid_token"},
		"another name":               {handshake("/balance?token=" + token), 401, "invalid_token"},
		"not allowed here":           {handshake("/other?access_token=" + token), 401, "invalid_token"},
		"a request of another kind":  {raw("GET /balance?access_token=" + token), 400, "invalid_request"},
		"the same, authorized":       {raw("GET /balance?access_token="+token, bearer(token)), 400, "invalid_request"},
		"the same, public":           {raw("GET /public?access_token=" + token), 400, "invalid_request"},
	} {
		t.Run(name, func(t *testing.T) { requireRefused(t, s.do(test.request), test.status, test.code) })
	}
	require.Len(t, upstream.Requests(), before)
	require.NotContains(t, s.log.String(), token[strings.LastIndexByte(token, '.'):])
}

func TestTheTokenOfAWebSocketInTheSubprotocol(t *testing.T) {
	upstream := newUpstream(t, func(l *link) {
		if l.ReadRequest() {
			if offered := l.Last.Values("Sec-WebSocket-Protocol"); len(offered) == 1 && strings.Contains(offered[0], "chat") {
				l.Say(switching("Sec-WebSocket-Protocol: chat"))
				return
			}
			l.Say(switching())
		}
	})
	s := newSystem(t, []gateway.Route{
		balance(upstream.URL(), webSocket, tokenFrom("subprotocol", "query:t"), credential("headers")),
		balance(upstream.URL(), webSocket, path("/other"), tokenFrom("query:t")),
		balance(upstream.URL(), webSocket, path("/public"), tokenFrom("subprotocol"), public),
	}, options{})
	token := s.token(nil)
	for id := ""; len(token)%3 != 1; id += "x" { // so that its last character in base64 has bits that are not used
		token = s.token(map[string]any{"jti": id + "y"})
	}
	encoded := "base64url.bearer.authorization.k8s.io." + base64.RawURLEncoding.EncodeToString([]byte(token))
	for name, test := range map[string]struct{ offered, forwarded, selected string }{
		"beside others":             {"v1, access_token." + token + ", chat", "v1, chat", "chat"},
		"none of the others taken":  {"v1, access_token." + token, "v1", ""},
		"alone":                     {"access_token." + token, "", "access_token." + token},
		"with the marker":           {"access_token, access_token." + token, "", "access_token"},
		"with marker and others":    {"access_token, chat, access_token." + token, "chat", "chat"},
		"as Kubernetes does":        {encoded + ", chat", "chat", "chat"},
		"as Kubernetes does, alone": {encoded, "", encoded},
	} {
		t.Run(name, func(t *testing.T) {
			a := s.do(handshake("/balance", "Sec-WebSocket-Protocol: "+test.offered))
			require.Equal(t, 101, a.StatusCode, a.Body)
			require.Equal(t, test.selected, a.Header.Get("Sec-WebSocket-Protocol"))
			seen := upstream.Requests()
			last := seen[len(seen)-1]
			require.Equal(t, test.forwarded, strings.Join(last.Values("Sec-WebSocket-Protocol"), "|"))
			require.Equal(t, []string{"7"}, last.Values("X-Gatehouse-Subject"))
			require.NotContains(t, strings.Join(last.Lines, "\n"), token)
		})
	}
	before := len(upstream.Requests())
	for name, test := range map[string]struct {
		request string
		status  int
		code    string
	}{
		"twice":                      {handshake("/balance", "Sec-WebSocket-Protocol: access_token."+token+", access_token."+token), 400, "invalid_request"},
		"in two ways":                {handshake("/balance", "Sec-WebSocket-Protocol: access_token."+token, "Sec-WebSocket-Protocol: "+encoded), 400, "invalid_request"},
		"beside Authorization":       {handshake("/balance", "Sec-WebSocket-Protocol: access_token."+token, bearer(token)), 400, "invalid_request"},
		"beside the query":           {handshake("/balance?t="+token, "Sec-WebSocket-Protocol: access_token."+token), 400, "invalid_request"},
		"nothing":                    {handshake("/balance", "Sec-WebSocket-Protocol: access_token."), 401, "invalid_token"},
		"the marker alone":           {handshake("/balance", "Sec-WebSocket-Protocol: access_token"), 401, "invalid_token"},
		"bad":                        {handshake("/balance", "Sec-WebSocket-Protocol: access_token."+token+"x"), 401, "invalid_token"},
		"more behind base64, public": {handshake("/public", "Sec-WebSocket-Protocol: "+encoded+"!"), 401, "invalid_token"},
		"other base64":               {handshake("/balance", "Sec-WebSocket-Protocol: "+encoded[:len(encoded)-1]+string(encoded[len(encoded)-1]+1)), 401, "invalid_token"},
		"more behind base64":         {handshake("/balance", "Sec-WebSocket-Protocol: "+encoded+"!"), 401, "invalid_token"},
		"not allowed here":           {handshake("/other", "Sec-WebSocket-Protocol: access_token."+token), 401, "invalid_token"},
		"an ordinary request":        {raw("GET /balance", "Sec-WebSocket-Protocol: access_token."+token), 401, "invalid_token"},
	} {
		t.Run(name, func(t *testing.T) { requireRefused(t, s.do(test.request), test.status, test.code) })
	}
	require.Len(t, upstream.Requests(), before)
	require.NotContains(t, s.log.String(), token[strings.LastIndexByte(token, '.'):])
}

// A browser fails when it has offered subprotocols and none was selected; this library only when a foreign one was.
func TestAPageOpensAWebSocketWithNothingButItsToken(t *testing.T) {
	upstream := webSocketUpstream(t, echo)
	s := newSystem(t, []gateway.Route{balance(upstream.URL, webSocket, tokenFrom("subprotocol"), origins("https://app.example"))}, options{})
	c := s.open("/balance", &websocket.DialOptions{
		Subprotocols: []string{"access_token", "access_token." + s.token(nil)},
		HTTPHeader:   http.Header{"Origin": {"https://app.example"}},
	})
	require.Equal(t, "access_token", c.Subprotocol())
	says(t, c, "hello")
}
