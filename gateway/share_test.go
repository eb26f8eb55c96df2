package gateway_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/gateway"
)

// few allows 8 requests to the upstream, and 2 to one user.
func few(c *gateway.Config) {
	c.Upstreams.MaxConns, c.Upstreams.MaxConnsPerUser, c.Upstreams.ConnWait = 8, 2, 50*time.Millisecond
	c.Upstreams.MaxWebSockets, c.Upstreams.MaxWebSocketsPerUser = 8, 2
}

// One user with slow requests takes nothing from others, in each of the ways in which a request can be slow.
func TestNobodyTakesAllConnectionsOfAnUpstream(t *testing.T) {
	long := strings.Repeat("a", 1<<20)
	slow := func(l *link) {
		for l.ReadRequest() {
			if strings.HasPrefix(l.Last.Target, "/balance?download") {
				for range 64 {
					l.Say("HTTP/1.1 200 OK\r\nContent-Length: 67108864\r\n\r\n" + long)
				}
			}
			l.Say(okAnswer)
		}
	}
	for name, attack := range map[string]func(c *call, token string){
		"uploads that drip": func(c *call, token string) {
			c.Send(raw("POST /balance", bearer(token), "Transfer-Encoding: chunked") + "8000\r\n" + long[:0x7000])
		},
		"downloads that nobody reads": func(c *call, token string) { c.Send(raw("GET /balance?download", bearer(token))) },
	} {
		t.Run(name, func(t *testing.T) {
			upstream := newUpstream(t, slow)
			s := newSystem(t, []gateway.Route{balance(upstream.URL(), methods("GET", "POST"))}, options{config: few})
			greedy := s.token(map[string]any{"sub": "1"})
			for range 2 {
				attack(s.dial(), greedy)
			}
			require.Eventually(t, func() bool { return upstream.Connections() == 2 }, patience, time.Millisecond)
			refused := s.do(raw("GET /balance", bearer(greedy)))
			requireRefused(t, refused, 429, "too_many_requests")
			require.Equal(t, "1", refused.Header.Get("Retry-After"))
			for _, other := range []string{"2", "3", "4"} {
				require.Equal(t, 200, s.do(raw("GET /balance", bearer(s.token(map[string]any{"sub": other})))).StatusCode)
			}
		})
	}
}

// Without a token the share is that of an address: there is no user.
func TestAnAddressWithoutATokenHasAShare(t *testing.T) {
	upstream := newUpstream(t, func(l *link) {
		for l.ReadRequest() {
			if l.Last.Target == "/balance?slow" {
				l.Hold()
			}
			l.Say(okAnswer)
		}
	})
	s := newSystem(t, []gateway.Route{balance(upstream.URL(), public)}, options{config: few})
	for range 2 {
		s.dial().Send(raw("GET /balance?slow"))
	}
	require.Eventually(t, func() bool { return len(upstream.Requests()) == 2 }, patience, time.Millisecond)
	requireRefused(t, s.do(raw("GET /balance")), 429, "too_many_requests")
	require.Equal(t, 200, s.do(raw("GET /balance", bearer(s.token(nil)))).StatusCode, "who has a token has a share of their own")
	elsewhere := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
	conn, err := elsewhere.Dial("tcp", s.addr)
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	_, err = io.WriteString(conn, raw("GET /balance"))
	require.NoError(t, err)
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	require.Equal(t, 200, response.StatusCode, "and so has another address")
	upstream.Release()
}

// Behind a proxy the address is that of the caller: all of them come from the proxy's.
func TestTheShareBehindAProxyIsTheCallers(t *testing.T) {
	upstream := newUpstream(t, func(l *link) {
		for l.ReadRequest() {
			if l.Last.Target == "/balance?slow" {
				l.Hold()
			}
			l.Say(okAnswer)
		}
	})
	defer upstream.Release()
	s := newSystem(t, []gateway.Route{balance(upstream.URL(), public)}, options{config: func(c *gateway.Config) {
		few(c)
		c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
	}})
	greedy, other := "X-Forwarded-For: 192.0.2.1", "X-Forwarded-For: 192.0.2.2"
	for range 2 {
		s.dial().Send(raw("GET /balance?slow", greedy))
	}
	require.Eventually(t, func() bool { return len(upstream.Requests()) == 2 }, patience, time.Millisecond)
	requireRefused(t, s.do(raw("GET /balance", greedy)), 429, "too_many_requests")
	require.Equal(t, 200, s.do(raw("GET /balance", other)).StatusCode)
}

// A route can have shares of its own, of requests and of WebSockets.
func TestARouteHasItsOwnShares(t *testing.T) {
	upstream := newUpstream(t, func(l *link) {
		if l.ReadRequest() {
			if len(l.Last.Values("Upgrade")) > 0 {
				l.Say(switching())
			}
			l.Hold()
		}
	})
	defer upstream.Release()
	s := newSystem(t, []gateway.Route{balance(upstream.URL(), webSocket, func(r *gateway.Route) {
		r.MaxConnsPerUser, r.MaxWebSocketsPerUser = 1, 1
	})}, options{config: few})
	token := bearer(s.token(nil))
	s.tunnelled("/balance", token)
	requireRefused(t, s.do(handshake("/balance", token)), 429, "too_many_requests")
	s.dial().Send(raw("GET /balance", token))
	require.Eventually(t, func() bool { return len(upstream.Requests()) == 2 }, patience, time.Millisecond)
	requireRefused(t, s.do(raw("GET /balance", token)), 429, "too_many_requests")
}

// WebSockets that say nothing take no place of a request, and no user takes all of theirs.
func TestWebSocketsHavePlacesOfTheirOwn(t *testing.T) {
	upstream := newUpstream(t, func(l *link) {
		for l.ReadRequest() {
			if strings.Contains(strings.Join(l.Last.Lines, "\n"), "Upgrade: websocket") {
				l.Say(switching())
				l.Hold()
				return
			}
			l.Say(okAnswer)
		}
	})
	s := newSystem(t, []gateway.Route{balance(upstream.URL(), webSocket)}, options{config: few})
	greedy := bearer(s.token(map[string]any{"sub": "1"}))
	for range 2 {
		s.tunnelled("/balance", greedy)
	}
	requireRefused(t, s.do(handshake("/balance", greedy)), 429, "too_many_requests")
	require.Equal(t, 200, s.do(raw("GET /balance", greedy)).StatusCode, "ordinary requests have others")
	s.tunnelled("/balance", bearer(s.token(map[string]any{"sub": "2"})))
	upstream.Release()
}
