package gateway_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"gatehouse/denylist"
	"gatehouse/gateway"
)

func TestAWebSocketIsTunnelled(t *testing.T) {
	var seen http.Header
	upstream := webSocketUpstream(t, func(c *websocket.Conn, r *http.Request) {
		seen = r.Header.Clone()
		echo(c, r)
	})
	s := newSystem(t, []gateway.Route{balance(upstream.URL, webSocket, credential("headers"))}, options{})
	o := withToken(s.token(nil))
	o.Subprotocols = []string{"other", "chat"}
	o.CompressionMode = websocket.CompressionContextTakeover
	o.HTTPHeader.Set("Origin", "https://app.example")
	c, response, err := s.tryOpen("/balance?a=1", o)
	require.NoError(t, err)
	require.Equal(t, "chat", c.Subprotocol())
	require.Contains(t, response.Header.Get("Sec-WebSocket-Extensions"), "permessage-deflate")
	says(t, c, "hello")
	says(t, c, strings.Repeat("a long message ", 1000))
	require.NoError(t, c.Ping(c.CloseRead(patient(t))))
	require.NoError(t, c.Close(websocket.StatusNormalClosure, "bye"))
	require.Equal(t, []string{"7"}, seen["X-Gatehouse-Subject"])
	require.Equal(t, "https://app.example", seen.Get("Origin"))
	require.Empty(t, seen.Get("Authorization"))
}

func TestAWebSocketIsAuthorizedLikeEveryRequest(t *testing.T) {
	upstream := newUpstream(t, answerAll)
	s := newSystem(t, []gateway.Route{balance(upstream.URL(), webSocket)}, options{})
	requireRefused(t, s.do(handshake("/balance")), 401, "invalid_token")
	requireRefused(t, s.do(handshake("/balance", bearer("garbage"))), 401, "invalid_token")
	requireRefused(t, s.do(handshake("/balance", bearer(s.token(map[string]any{"exp": now.Unix()})))), 401, "invalid_token")
	requireRefused(t, s.do(handshake("/balance", bearer(s.token(map[string]any{"scope": "other"})))), 403, "insufficient_scope")
	requireRefused(t, s.do(handshake("/nowhere", bearer(s.token(nil)))), 404, "not_found")
	s.denylist.set(denylist.ErrRevoked)
	requireRefused(t, s.do(handshake("/balance", bearer(s.token(nil)))), 401, "invalid_token")
	s.denylist.set(denylist.ErrUnknown)
	requireRefused(t, s.do(handshake("/balance", bearer(s.token(nil)))), 503, "temporarily_unavailable")
	require.Empty(t, upstream.Requests())
}

func TestHandshakesThatAreRefused(t *testing.T) {
	upstream := newUpstream(t, answerAll)
	s := newSystem(t, []gateway.Route{balance(upstream.URL(), webSocket, public)}, options{})
	good := handshake("/balance")
	for name, test := range map[string]struct {
		request string
		status  int
	}{
		"another version":       {strings.Replace(good, "Version: 13", "Version: 8", 1), 426},
		"no version":            {strings.Replace(good, "Sec-WebSocket-Version: 13\r\n", "", 1), 426},
		"two versions":          {handshake("/balance", "Sec-WebSocket-Version: 13"), 426},
		"a list of versions":    {strings.Replace(good, "Version: 13", "Version: 13, 8", 1), 426},
		"no key":                {strings.Replace(good, "Sec-WebSocket-Key", "X-Key", 1), 400},
		"two keys":              {handshake("/balance", "Sec-WebSocket-Key: "+sampleKey), 400},
		"a short key":           {strings.Replace(good, sampleKey, "c2hvcnQ=", 1), 400},
		"a long key":            {strings.Replace(good, sampleKey, "dGhlIHNhbXBsZSBub25jZQAA", 1), 400},
		"a key in another form": {strings.Replace(good, sampleKey, "dGhlIHNhbXBsZSBub25jZR==", 1), 400},
		"no base64":             {strings.Replace(good, sampleKey, "dGhlIHNhbXBsZSBub25jZ===", 1), 400},
		"a body":                {handshake("/balance", "Content-Length: 2") + "ab", 400},
		"a chunked body":        {handshake("/balance", "Transfer-Encoding: chunked") + "0\r\n\r\n", 400},
		"a bad subprotocol":     {handshake("/balance", "Sec-WebSocket-Protocol: chat, a b"), 400},
		"an empty subprotocol":  {handshake("/balance", "Sec-WebSocket-Protocol: chat,,b"), 400},
	} {
		t.Run(name, func(t *testing.T) {
			a := s.do(test.request)
			requireRefused(t, a, test.status, "invalid_request")
			if test.status == 426 {
				require.Equal(t, "13", a.Header.Get("Sec-WebSocket-Version"))
				require.Equal(t, "websocket", a.Header.Get("Upgrade"))
				require.Equal(t, "Upgrade", a.Header.Get("Connection"))
			}
		})
	}
	require.Empty(t, upstream.Requests())
}

// What is no handshake for a server is none for the gateway, and what it says about upgrading ends here.
func TestWhatIsNoHandshakeIsAnOrdinaryRequest(t *testing.T) {
	good := handshake("/balance")
	for name, test := range map[string]struct {
		request string
		change  func(*gateway.Route)
	}{
		"a route without WebSockets": {good, func(r *gateway.Route) { r.WebSocket = false }},
		"nothing in Connection":      {strings.Replace(good, "Connection: Upgrade", "Connection: keep-alive", 1), webSocket},
		"another protocol":           {strings.Replace(good, "Upgrade: websocket", "Upgrade: h2c", 1), webSocket},
		"no Upgrade":                 {strings.Replace(good, "Upgrade: websocket\r\n", "", 1), webSocket},
		"POST":                       {strings.Replace(good, "GET", "POST", 1), webSocket},
		"HEAD":                       {strings.Replace(good, "GET", "HEAD", 1), webSocket},
		"HTTP/1.0":                   {strings.Replace(good, "HTTP/1.1", "HTTP/1.0", 1), webSocket},
	} {
		t.Run(name, func(t *testing.T) {
			upstream := newUpstream(t, answerAll)
			s := newSystem(t, []gateway.Route{balance(upstream.URL(), public, methods(allMethods...), test.change)}, options{})
			require.Equal(t, 200, s.do(test.request).StatusCode)
			require.Empty(t, upstream.Only().Values("Connection"))
			require.Empty(t, upstream.Only().Values("Upgrade"))
		})
	}
}

// The handshake for the upstream is the gateway's own, whatever the caller's Connection lists and however names are spelled.
func TestTheHandshakeIsWrittenAnew(t *testing.T) {
	upstream := newUpstream(t, switchAll(func(*link) {}))
	s := newSystem(t, []gateway.Route{balance(upstream.URL(), webSocket, public)}, options{})
	request := strings.NewReplacer(
		"Connection: Upgrade", "Connection: keep-alive, UPGRADE, sec-websocket-key, sec-websocket-extensions",
		"Upgrade: websocket", "Upgrade: h2c, WebSocket",
	).Replace(handshake("/balance", "Sec-WebSocket-Protocol: chat", "sec-websocket-protocol: superchat ,v2",
		"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits", "Sec_WebSocket_Key: other",
		"Sec-WebSocket-Accept: anything", "Sec-WebSocket-Other: anything", "Cookie: a=b"))
	require.Equal(t, 101, s.do(request).StatusCode)
	seen := upstream.Only()
	for name, want := range map[string]string{
		"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Key": sampleKey, "Sec-WebSocket-Version": "13",
		"Sec-WebSocket-Protocol": "chat, superchat, v2", "Cookie": "a=b",
		"Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits",
	} {
		require.Equal(t, []string{want}, seen.Values(name), name)
	}
	for _, name := range []string{"Sec_WebSocket_Key", "Sec-WebSocket-Accept", "Sec-WebSocket-Other", "Content-Length"} {
		require.Empty(t, seen.Values(name), name)
	}
}

func TestOriginCheck(t *testing.T) {
	upstream := newUpstream(t, switchAll(func(*link) {}))
	for name, test := range map[string]struct {
		allowed []string
		lines   []string
		status  int
	}{
		"not configured":            {nil, []string{"Origin: https://any.example"}, 101},
		"any":                       {[]string{"*"}, []string{"Origin: https://any.example"}, 101},
		"any beside another":        {[]string{"https://app.example", "*"}, []string{"Origin: null"}, 101},
		"the one":                   {[]string{"https://app.example"}, []string{"Origin: https://app.example"}, 101},
		"one of them":               {[]string{"https://a.example:8443", "http://b.example"}, []string{"Origin: http://b.example"}, 101},
		"no browser":                {[]string{"https://app.example"}, nil, 101},
		"another":                   {[]string{"https://app.example"}, []string{"Origin: https://evil.example"}, 403},
		"another scheme":            {[]string{"https://app.example"}, []string{"Origin: http://app.example"}, 403},
		"another port":              {[]string{"https://app.example"}, []string{"Origin: https://app.example:8443"}, 403},
		"the usual port":            {[]string{"https://app.example"}, []string{"Origin: https://app.example:443"}, 403},
		"in capitals":               {[]string{"https://app.example"}, []string{"Origin: https://App.example"}, 403},
		"a subdomain":               {[]string{"https://app.example"}, []string{"Origin: https://x.app.example"}, 403},
		"a longer host":             {[]string{"https://app.example"}, []string{"Origin: https://app.example.evil"}, 403},
		"null":                      {[]string{"https://app.example"}, []string{"Origin: null"}, 403},
		"empty":                     {[]string{"https://app.example"}, []string{"Origin: "}, 403},
		"two, the first one is bad": {[]string{"https://app.example"}, []string{"Origin: https://evil.example", "Origin: https://app.example"}, 403},
		"two":                       {[]string{"https://app.example"}, []string{"Origin: https://app.example", "Origin: https://app.example"}, 403},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSystem(t, []gateway.Route{balance(upstream.URL(), webSocket, public,
				func(r *gateway.Route) { r.AllowedOrigins = test.allowed })}, options{})
			a := s.do(handshake("/balance", test.lines...))
			if test.status == 403 {
				requireRefused(t, a, 403, "forbidden_origin")
			} else {
				require.Equal(t, test.status, a.StatusCode)
			}
		})
	}
}

func TestWebSocketRoutesThatAreRefused(t *testing.T) {
	for name, test := range map[string]struct {
		change  func(*gateway.Route)
		problem string
	}{
		"token_from alone":       {tokenFrom("subprotocol"), "websocket is not true"},
		"allowed_origins alone":  {origins("*"), "websocket is not true"},
		"no GET":                 {and(webSocket, methods("POST")), "opened with GET"},
		"unknown source":         {and(webSocket, tokenFrom("cookie")), `"cookie"`},
		"no parameter":           {and(webSocket, tokenFrom("query:")), `"query:"`},
		"an encoded parameter":   {and(webSocket, tokenFrom("query:%61")), `"query:%61"`},
		"two parameters":         {and(webSocket, tokenFrom("query:a", "query:b")), "two query parameters"},
		"an origin with a path":  {and(webSocket, origins("https://app.example/")), "that browsers send"},
		"an origin in capitals":  {and(webSocket, origins("https://App.example")), "that browsers send"},
		"an origin without much": {and(webSocket, origins("app.example")), "that browsers send"},
		"the usual port":         {and(webSocket, origins("https://app.example:443")), "that browsers send"},
		"a pattern with user":    {and(webSocket, origins("https://u@app.example")), "that browsers send"},
	} {
		t.Run(name, func(t *testing.T) {
			err := newGateway(t, gateway.Config{Routes: []gateway.Route{balance("http://localhost:1", test.change)}})
			require.ErrorContains(t, err, test.problem)
		})
	}
}

func origins(list ...string) func(*gateway.Route) {
	return func(r *gateway.Route) { r.AllowedOrigins = list }
}

func and(changes ...func(*gateway.Route)) func(*gateway.Route) {
	return func(r *gateway.Route) {
		for _, change := range changes {
			change(r)
		}
	}
}
