package app_test

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/app"
	"gatehouse/gateway"
	"gatehouse/gateway/gatewaytest"
)

// fuzzPatience is how long a fuzz target waits for an answer that has to come.
const fuzzPatience = 20 * time.Second

// FuzzCaller sends whatever bytes a caller can put on a connection. net/http's server reads the same bytes: a request
// reaches the upstream only if it reads it as well, at the same place, with the same meaning and with the token; and
// when it has read all of them, the gateway waits for no more.
func FuzzCaller(f *testing.F) {
	for _, sent := range callerSeeds {
		f.Add([]byte(strings.ReplaceAll(sent, "\n", "\r\n")))
	}
	f.Add([]byte("POST /payments/1 HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer TOKEN\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\n"))
	f.Add([]byte("POST /payments/1 HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer TOKEN\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r"))
	f.Add([]byte("POST /payments/1 HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer TOKEN\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX: a\n\r\n"))
	f.Add([]byte("GET /balance HTTP/1.1\nHost: a\nAuthorization: Bearer TOKEN\n\n"))
	f.Add([]byte("GET /balance HTTP/1.1\r\nHost: a\r\nX: a\rY: b\r\nAuthorization: Bearer TOKEN\r\n\r\n"))
	f.Add([]byte("POST /payments/1 HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer TOKEN\r\nTransfer-Encoding: chunked\r\n\r\n2\nhi\r\n0\r\n\r\n"))

	upstream := newFuzzUpstream(f)
	config := testConfig(upstream.URL())
	config.Routes, config.Denylist.MaxStaleness = nil, time.Minute // the machine may stand still
	for _, path := range []string{"/balance", "/{a}/{b}"} {
		config.Routes = append(config.Routes, gateway.Route{
			Path: path, Methods: []string{"GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"}, Origin: upstream.URL() + "/v2",
			Scope: "balance:read", Credential: "headers",
		})
	}
	r := start(f, config)
	token := r.consent(r.register(), 7, "balance:read").access
	f.Fuzz(func(t *testing.T, sent []byte) {
		if len(sent) > 16<<10 {
			return
		}
		sent = bytes.ReplaceAll(sent, []byte("TOKEN"), []byte(token))
		want := readByServer(sent)
		upstream.take()
		converse(t, r.app, sent, want)
		requireAuthorized(t, want, upstream.take(), token)
	})
}

var callerSeeds = []string{
	"GET /balance HTTP/1.1\nHost: a\nAuthorization: Bearer TOKEN\n\n",
	"GET /balance HTTP/1.1\nHost: a\n\n",
	"GET /balance HTTP/1.1\nHost: a\nAuthorization: Bearer TOKEN\n\nGET /balance HTTP/1.1\nHost: b\nAuthorization: Bearer TOKEN\n\n",
	"GET /balance HTTP/1.1\nHost: a\n\nGET /balance HTTP/1.1\nHost: b\nAuthorization: Bearer TOKEN\n\n",
	"POST /payments/1 HTTP/1.1\nHost: a\nAuthorization: Bearer TOKEN\nContent-Length: 4\n\nbodyGET /balance HTTP/1.1\nHost: b\nAuthorization: Bearer TOKEN\n\n",
	"POST /payments/1 HTTP/1.1\nHost: a\nContent-Length: 64\n\nGET /balance HTTP/1.1\nHost: b\nAuthorization: Bearer TOKEN\n\n",
	"POST /payments/1 HTTP/1.1\nHost: a\nAuthorization: Bearer TOKEN\nTransfer-Encoding: chunked\n\n2\nhi\n0\n\nGET /balance HTTP/1.1\nHost: b\nAuthorization: Bearer TOKEN\n\n",
	"POST /payments/1 HTTP/1.1\nHost: a\nAuthorization: Bearer TOKEN\nTransfer-Encoding: chunked\nTrailer: X-A\n\n2;ext=\"1\"\nhi\n0\nX-A: b\nX-Gatehouse-Subject: 8\n\n",
	"POST /payments/1 HTTP/1.1\nHost: a\nAuthorization: Bearer TOKEN\nContent-Length: 4\nTransfer-Encoding: chunked\n\n0\n\nGET /balance HTTP/1.1\n\n",
	"POST /payments/1 HTTP/1.1\nHost: a\nAuthorization: Bearer TOKEN\nTransfer-Encoding: xchunked\n\n0\n\n",
	"POST /payments/1 HTTP/1.1\nHost: a\nAuthorization: Bearer TOKEN\nTransfer-Encoding : chunked\n\n0\n\n",
	"POST /payments/1 HTTP/1.1\nHost: a\nAuthorization: Bearer TOKEN\nContent-Length: +4\n\nbody",
	"POST /payments/1 HTTP/1.1\nHost: a\nAuthorization: Bearer TOKEN\nContent-Length: 4, 4\n\nbody",
	"POST /payments/1 HTTP/1.1\nHost: a\nAuthorization: Bearer TOKEN\nContent-Length: 9\n\nbody",
	"POST /payments/1 HTTP/1.1\nHost: a\nAuthorization: Bearer TOKEN\nExpect: 100-continue\nContent-Length: 4\n\nbody",
	"POST /payments/1 HTTP/1.1\nHost: a\nExpect: 100-continue\nContent-Length: 4\n\nbodyGET /balance HTTP/1.1\nHost: a\nAuthorization: Bearer TOKEN\n\n",
	"POST /payments/1 HTTP/1.1\nHost: a\nAuthorization: Bearer TOKEN\nExpect: 1a0-continue\nContent-Length: 4\n\nbody",
	"GET /balance HTTP/1.0\nAuthorization: Bearer TOKEN\n\nGET /balance HTTP/1.0\nAuthorization: Bearer TOKEN\n\n",
	"GET /balance HTTP/1.0\nConnection: keep-alive\nAuthorization: Bearer TOKEN\n\nGET /balance HTTP/1.1\nHost: a\nAuthorization: Bearer TOKEN\n\n",
	"GET /balance HTTP/1.1\nHost: a\nConnection: close\nAuthorization: Bearer TOKEN\n\nGET /balance HTTP/1.1\nHost: a\nAuthorization: Bearer TOKEN\n\n",
	"HEAD /balance HTTP/1.1\nHost: a\nAuthorization: Bearer TOKEN\n\nGET /a/b HTTP/1.1\nHost: a\nAuthorization: Bearer TOKEN\n\n",
	"GET http://a/balance HTTP/1.1\nHost: a\nAuthorization: Bearer TOKEN\n\n",
	"OPTIONS * HTTP/1.1\nHost: a\nAuthorization: Bearer TOKEN\n\n",
	"CONNECT a:80 HTTP/1.1\nHost: a\nAuthorization: Bearer TOKEN\n\n",
	"GET /balance HTTP/1.1\nHost: a\nHost: b\nAuthorization: Bearer TOKEN\n\n",
	"GET /balance HTTP/1.1\nHost: a/b\nAuthorization: Bearer TOKEN\n\n",
	"GET /balance HTTP/1.1\nHost: a\nX: y\n z\nAuthorization: Bearer TOKEN\n\n",
	"\n\nGET /balance HTTP/1.1\nHost: a\nAuthorization: Bearer TOKEN\n\n",
	"GET  /balance  HTTP/1.1\nHost: a\nAuthorization: Bearer TOKEN\n\n",
	"GET /balance\nHost: a\n\n",
	"get /balance HTTP/1.1\nHost: a\nAuthorization: Bearer TOKEN\n\n",
	"GET /balance HTTP/1.1\nHost: a\nUpgrade: websocket\nConnection: Upgrade\nAuthorization: Bearer TOKEN\n\n",
	"POST /oauth/token HTTP/1.1\nHost: a\nContent-Length: 3\n\na=bGET /balance HTTP/1.1\nHost: a\nAuthorization: Bearer TOKEN\n\n",
	"GET /balance?a=%2f#b HTTP/1.1\nHost: a\nAuthorization: Bearer TOKEN\n\n",
}

// read is one request as net/http reads it.
type read struct {
	*http.Request
	body string
	// whole is false for a body that broke off.
	whole bool
}

// readByServer are the requests that net/http's server takes out of what a caller sent.
func readByServer(sent []byte) []read {
	var requests []read
	done := make(chan struct{})
	server := &http.Server{
		Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			requests = append(requests, read{r, string(body), err == nil})
		}),
		ConnState: func(_ net.Conn, state http.ConnState) {
			if state == http.StateClosed {
				close(done)
			}
		},
		ErrorLog: discardLog,
	}
	_ = server.Serve(&onlyOnce{conn: &sentConn{sent: bytes.NewReader(sent)}, done: done})
	return requests
}

// converse sends it all and reads the answers: one for each request that net/http has read, and afterwards at most one
// that refuses, unless the gateway hangs up before.
func converse(t *testing.T, gatehouse *app.App, sent []byte, want []read) {
	t.Helper()
	c, err := gatewaytest.TryDial(t, gatehouse.Addr().String())
	require.NoError(t, err)
	defer c.Reset() // thousands a second: none may linger
	if c.TrySend(string(sent)) != nil {
		return // it hung up before it was told everything
	}
	for _, request := range want {
		if !request.whole {
			break
		}
		_, err := c.TryReceiveFinal(request.Method)
		require.False(t, isTimeout(err), "the gateway waits for more of %s %s", request.Method, request.RequestURI)
		if err != nil {
			break
		}
	}
	_ = c.Conn.(*net.TCPConn).CloseWrite() // it may be closed
	rest, err := io.ReadAll(c.Reader)
	require.False(t, isTimeout(err), "the gateway neither answers nor hangs up")
	for line := range strings.SplitSeq(string(rest), "\n") {
		require.NotRegexp(t, `^HTTP/1\.1 [23]`, line, "an answer to what net/http does not take for a request")
	}
}

// requireAuthorized holds what reached the upstream to what net/http has read: in the same order, each at most once.
func requireAuthorized(t *testing.T, want, seen []read, token string) {
	t.Helper()
	for _, upstream := range seen {
		for {
			require.NotEmpty(t, want, "net/http has read no such request: %s %s", upstream.Method, upstream.RequestURI)
			caller := want[0]
			want = want[1:]
			if caller.Method == upstream.Method && "/v2"+caller.URL.Path == upstream.URL.Path &&
				hasToken(caller, token) && caller.Host == upstream.Header.Get("X-Forwarded-Host") {
				requireSame(t, caller, upstream, token)
				break
			}
		}
	}
}

// hasToken leaves out requests that were refused for want of it.
func hasToken(caller read, token string) bool {
	scheme, sent, _ := strings.Cut(caller.Header.Get("Authorization"), " ")
	return strings.EqualFold(scheme, "bearer") && sent == token
}

func requireSame(t *testing.T, caller, upstream read, token string) {
	t.Helper()
	require.Len(t, caller.Header["Authorization"], 1)
	require.Equal(t, []string{"7"}, upstream.Header["X-Gatehouse-Subject"])
	require.Equal(t, caller.URL.RawQuery, upstream.URL.RawQuery)
	require.True(t, caller.whole, "a body that broke off arrives as if it were complete")
	require.Equal(t, caller.body, upstream.body)
	for name, values := range upstream.Trailer {
		require.Equal(t, caller.Trailer[name], values, name)
		require.NotRegexp(t, "(?i)^(x.gatehouse|authorization|x.forwarded|host|content.length|transfer.encoding)", name)
	}
	for name, values := range upstream.Header {
		switch {
		case strings.HasPrefix(name, "X-Forwarded-"), strings.HasPrefix(name, "X-Gatehouse-"):
		case name == "X-Real-Ip", name == "X-Request-Id", name == "Content-Length":
		case name == "Via":
			require.Equal(t, append(slices.Clone(caller.Header[name]), strings.TrimPrefix(caller.Proto, "HTTP/")+" gatehouse"), values)
		default:
			require.Equal(t, caller.Header[name], values, name)
		}
	}
}

// fuzzUpstream is an upstream that reads requests with net/http and answers each that is complete with 200.
type fuzzUpstream struct {
	*gatewaytest.Upstream

	mu   sync.Mutex
	seen []read
}

func newFuzzUpstream(tb testing.TB) *fuzzUpstream {
	tb.Helper()
	u := &fuzzUpstream{}
	u.Upstream = gatewaytest.NewUpstream(tb, func(l *gatewaytest.Conn) {
		for {
			request, body, err := l.ReadParsed()
			if err != nil {
				return // whenever the gateway hangs up, perhaps after its caller knows
			}
			u.mu.Lock()
			u.seen = append(u.seen, read{request, body, true})
			u.mu.Unlock()
			l.Say(gatewaytest.OK)
		}
	})
	u.Forget()
	return u
}

// take is what was seen since it was called last.
func (u *fuzzUpstream) take() []read {
	u.mu.Lock()
	defer u.mu.Unlock()
	seen := u.seen
	u.seen = nil
	return seen
}
