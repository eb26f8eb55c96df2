package app_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/lestrrat-go/jwx/v2/jwt"
	"github.com/stretchr/testify/require"

	"gatehouse/app/config"
	"gatehouse/gateway"
	"gatehouse/gateway/gatewaytest"
)

// closedWithin is how soon a WebSocket must be closed whose token is no longer good.
const closedWithin = time.Second

// webSocketRoute is a route to an upstream that sends every message back.
func webSocketRoute(t *testing.T) gateway.Route {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
		if err != nil {
			return
		}
		defer func() { _ = c.CloseNow() }()
		for {
			kind, message, err := c.Read(r.Context())
			if err != nil || c.Write(r.Context(), kind, message) != nil {
				return
			}
		}
	}))
	t.Cleanup(server.Close)
	return gateway.Route{
		Path: "/stream/{name}", Methods: []string{"GET"}, Origin: server.URL, Scope: "balance:read", Description: "Read your balance.",
		Credential: "headers", WebSocket: true, TokenFrom: []string{"query:access_token", "subprotocol"},
	}
}

func patient(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), startTimeout)
	t.Cleanup(cancel)
	return ctx
}

// socket is an open WebSocket.
type socket struct {
	*websocket.Conn
	t testing.TB
}

func (r *running) open(target string, options *websocket.DialOptions) socket {
	r.t.Helper()
	c, err := r.tryOpen(target, options)
	require.NoError(r.t, err)
	r.t.Cleanup(func() { _ = c.CloseNow() })
	s := socket{c, r.t}
	s.says("hello")
	return s
}

// tryOpen asks again where Redis was asked and was too slow for it.
func (r *running) tryOpen(target string, options *websocket.DialOptions) (*websocket.Conn, error) {
	ctx := patient(r.t)
	for {
		c, response, err := websocket.Dial(ctx, "ws"+strings.TrimPrefix(r.public, "http")+target, options)
		if err == nil || response == nil || response.StatusCode != http.StatusServiceUnavailable || ctx.Err() != nil {
			return c, err
		}
	}
}

// requireSoon is for what closes a WebSocket and says how long it took. A machine may stand still once: three of four more
// have to be in time then.
func requireSoon(t *testing.T, closes func() time.Duration) {
	t.Helper()
	took := closes()
	t.Logf("closed after %s", took)
	if took < closedWithin {
		return
	}
	punctual := 0
	for range 4 {
		took = closes()
		t.Logf("closed after %s", took)
		if took < closedWithin {
			punctual++
		}
	}
	require.GreaterOrEqual(t, punctual, 3)
}

func (s socket) says(message string) {
	s.t.Helper()
	require.NoError(s.t, s.Write(patient(s.t), websocket.MessageText, []byte(message)))
	_, answer, err := s.Read(patient(s.t))
	require.NoError(s.t, err)
	require.Equal(s.t, message, string(answer))
}

func (s socket) requireClosed(code websocket.StatusCode, reason string) {
	s.t.Helper()
	_, _, err := s.Read(patient(s.t))
	var closed websocket.CloseError
	require.ErrorAs(s.t, err, &closed)
	require.Equal(s.t, websocket.CloseError{Code: code, Reason: reason}, closed)
}

// serveTLS gives the configuration a certificate and returns a client that trusts it.
func serveTLS(t *testing.T, cfg *config.Config) *http.Client {
	t.Helper()
	certificate := gatewaytest.NewCertificate(t, 1, "127.0.0.1")
	cfg.TLS.CertFile, cfg.TLS.KeyFile = filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	certificate.Write(t, cfg.TLS.CertFile, cfg.TLS.KeyFile)
	transport := &http.Transport{TLSClientConfig: certificate.Trusted()}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// The authorization server and the gateway are two processes here, so that news takes the way through Redis.
func TestAWebSocketIsClosedWhenItsTokenIsRevokedElsewhere(t *testing.T) {
	for _, mode := range []string{config.Mirror, config.Strict} {
		t.Run(mode, func(t *testing.T) {
			cfg := testConfig(echoUpstream(t))
			cfg.RedisURL, cfg.Denylist.Mode = privateRedis(t), mode
			cfg.Routes = append(cfg.Routes, webSocketRoute(t))
			authz := startRole(t, cfg, config.AuthzOnly)
			authz.awaitReady()
			alone := gatewayConfig(cfg, authz)
			client := http.DefaultClient
			if mode == config.Strict {
				client = serveTLS(t, &alone)
			}
			r := startRole(t, alone, config.GatewayOnly)
			r.awaitReady()
			if mode == config.Strict {
				r.public = "https" + strings.TrimPrefix(r.public, "http")
			}
			inHeader := func(token string) socket {
				return r.open("/stream/x", &websocket.DialOptions{HTTPClient: client, HTTPHeader: bearer(token)})
			}
			inQuery := func(token string) socket {
				return r.open("/stream/x?access_token="+token, &websocket.DialOptions{HTTPClient: client})
			}
			inSubprotocol := func(token string) socket {
				return r.open("/stream/x", &websocket.DialOptions{
					HTTPClient: client, Subprotocols: []string{"access_token", "access_token." + token},
				})
			}
			stays := inSubprotocol(authz.consent(authz.register(), 1, "balance:read").access)
			for name, test := range map[string]struct {
				open   func(token string) socket
				revoke func(application, tokens) answer
			}{
				"the token": {inHeader, func(_ application, of tokens) answer {
					return authz.do(http.MethodPost, authz.admin+"/admin/revocations",
						strings.NewReader(`{"access_token":"`+of.access+`"}`), http.Header{"Content-Type": {"application/json"}})
				}},
				"the grant": {inQuery, func(a application, of tokens) answer {
					return authz.form("/oauth/revoke", url.Values{"token": {of.refresh}}, a.id, a.secret)
				}},
				"the client": {inSubprotocol, func(a application, _ tokens) answer {
					return authz.do(http.MethodDelete, authz.admin+"/admin/clients/"+a.id, nil, nil)
				}},
			} {
				t.Log(name)
				requireSoon(t, func() time.Duration {
					a := authz.register()
					given := authz.consent(a, 1, "balance:read")
					c := test.open(given.access)
					began := time.Now()
					revoked := test.revoke(a, given)
					require.Less(t, revoked.status, 300, revoked.body)
					c.requireClosed(4401, "token revoked")
					return time.Since(began)
				})
			}
			stays.says("still here")
		})
	}
}

func TestAWebSocketIsClosedWhenItsTokenExpires(t *testing.T) {
	cfg := testConfig(echoUpstream(t))
	cfg.Routes = append(cfg.Routes, webSocketRoute(t))
	cfg.AccessToken.Lifespan = 2 * time.Second
	r := start(t, cfg)
	a := r.register()
	requireSoon(t, func() time.Duration {
		given := r.consent(a, 1, "balance:read")
		token, err := jwt.ParseInsecure([]byte(given.access))
		require.NoError(t, err)
		c, err := r.tryOpen("/stream/x?access_token="+given.access, nil)
		if err != nil && time.Now().After(token.Expiration()) {
			return startTimeout // it has expired before
		}
		require.NoError(t, err)
		defer func() { _ = c.CloseNow() }()
		socket{c, t}.requireClosed(4401, "token expired")
		late := time.Since(token.Expiration())
		require.Positive(t, late)
		return late
	})
}

func TestWebSocketsAreClosedBeforeTheProcessStops(t *testing.T) {
	cfg := testConfig(echoUpstream(t))
	cfg.Routes = append(cfg.Routes, webSocketRoute(t))
	r := start(t, cfg)
	given := r.consent(r.register(), 1, "balance:read")
	first := r.open("/stream/x", &websocket.DialOptions{HTTPHeader: bearer(given.access)})
	second := r.open("/stream/x", &websocket.DialOptions{HTTPHeader: bearer(given.access)})
	stopped := r.stopping(t.Context())
	first.requireClosed(websocket.StatusGoingAway, "server is stopping")
	second.requireClosed(websocket.StatusGoingAway, "server is stopping")
	require.NoError(t, await(t, stopped))
}

func TestWebSocketsThatDoNotEndAreCutWhenTheProcessStops(t *testing.T) {
	cfg := testConfig(echoUpstream(t))
	cfg.Routes = append(cfg.Routes, webSocketRoute(t))
	cfg.Shutdown.Timeout = 10 * time.Millisecond
	r := start(t, cfg)
	given := r.consent(r.register(), 1, "balance:read")
	c := r.open("/stream/x", &websocket.DialOptions{HTTPHeader: bearer(given.access)}) // does not read, and so never answers
	require.ErrorIs(t, await(t, r.stopping(t.Context())), context.DeadlineExceeded)
	_, _, err := c.Read(patient(t))
	require.Error(t, err)
}

func TestAWebSocketHasOneLineAndIsCountedWhileItIsOpen(t *testing.T) {
	collector := newSpanCollector(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
	cfg := testConfig(echoUpstream(t))
	cfg.Log.Level = "debug"
	cfg.Routes = append(cfg.Routes, webSocketRoute(t))
	r, book := startLogged(t, cfg)
	a := r.register()
	given := r.consent(a, 1, "balance:read")
	signature := given.access[strings.LastIndexByte(given.access, '.')+1:]
	before := len(book.requests(t))
	c := r.open("/stream/x?access_token="+given.access, &websocket.DialOptions{HTTPHeader: http.Header{"X-Request-Id": {"my-socket"}}})
	other := r.open("/stream/x", &websocket.DialOptions{Subprotocols: []string{"access_token." + given.access}})
	require.EqualValues(t, 2, r.scrape()[`gatehouse_websockets{route="/stream/{name}"}`])
	require.Len(t, book.requests(t), before)

	require.NoError(t, c.Close(websocket.StatusNormalClosure, ""))
	require.Eventually(t, func() bool { return len(book.requests(t)) == before+1 }, startTimeout, time.Millisecond)
	line := book.last(t)
	require.Equal(t, []any{"GET", "/stream/{name}", 101., "my-socket", "1", a.id, "hung_up", "127.0.0.1"}, []any{
		line["method"], line["route"], line["status"], line["request_id"], line["subject"], line["client"], line["ending"], line["remote"],
	})
	require.Equal(t, []any{11. + 8., 7. + 4.}, []any{line["bytes_in"], line["bytes_out"]}, "hello and a Close, masked and not")
	require.Positive(t, line["duration_ms"])
	values := r.scrape()
	require.EqualValues(t, 1, values[`gatehouse_websockets{route="/stream/{name}"}`])
	require.EqualValues(t, 2, values[`gatehouse_http_requests_total{method="GET",route="/stream/{name}",status="1xx"}`])
	require.NoError(t, other.Close(websocket.StatusNormalClosure, ""))
	metrics := r.do(http.MethodGet, r.admin+"/metrics", nil, nil).body
	r.stop()
	require.NotContains(t, book.String(), signature)
	require.NotContains(t, metrics, signature)
	collector.mu.Lock()
	defer collector.mu.Unlock()
	require.NotEmpty(t, collector.spans)
	for _, span := range collector.spans {
		require.NotContains(t, span.String(), signature)
	}
}
