package gateway_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"gatehouse/denylist"
	"gatehouse/gateway"
	"gatehouse/gateway/gatewaytest"
	"gatehouse/keys"
)

// witness remembers the last observation.
type witness chan gateway.Observation

var _ gateway.Observer = witness(nil)

func (witness) Begin(*fasthttp.RequestCtx) []byte { return nil }

func (w witness) Served(_ *fasthttp.RequestCtx, seen *gateway.Observation) { w <- *seen }

func (w witness) Streamed(_ *fasthttp.RequestCtx, end gateway.AnswerEnd) {
	if end.Failure != gateway.NoFailure || end.Cut != gateway.NotCut {
		w <- gateway.Observation{Failure: end.Failure, Cut: end.Cut, Received: int(end.Received)}
	}
}

// namer gives every request the same id.
type namer string

var _ gateway.Observer = namer("")

func (n namer) Begin(*fasthttp.RequestCtx) []byte               { return []byte(n) }
func (namer) Served(*fasthttp.RequestCtx, *gateway.Observation) {}
func (namer) Streamed(*fasthttp.RequestCtx, gateway.AnswerEnd)  {}

func observed(w witness) options {
	return options{config: func(c *gateway.Config) { c.Observer = w }}
}

func TestWhatBecameOfATokenIsObserved(t *testing.T) {
	upstream := newUpstream(t, answerAll)
	seen := make(witness, 1)
	s := newSystem(t, []gateway.Route{
		balance(upstream.URL()),
		balance(upstream.URL(), path("/public"), public),
		balance(upstream.URL(), path("/lenient"), func(r *gateway.Route) { r.OnUnavailable = gateway.Allow }),
		balance(upstream.URL(), path("/wallet"), credential("lndhub")),
	}, observed(seen))
	stranger, err := keys.Generate(keys.ES256)
	require.NoError(t, err)
	forged, err := stranger.Sign(keys.TypeAccessToken, claims(nil))
	require.NoError(t, err)
	good := s.token(nil)
	swapped := good[:strings.LastIndexByte(good, '.')] + forged[strings.LastIndexByte(forged, '.'):]

	for name, test := range map[string]struct {
		line, token string
		denylist    error
		route       int
		verdict     gateway.Verdict
		known       bool // whose token it was
	}{
		"valid":               {"GET /balance", good, nil, 0, gateway.Valid, true},
		"valid, HEAD":         {"HEAD /balance", good, nil, 0, gateway.Valid, true},
		"anonymous":           {"GET /public", "", nil, 1, gateway.Anonymous, false},
		"valid on public":     {"GET /public", good, nil, 1, gateway.Valid, true},
		"no token":            {"GET /balance", "", nil, 0, gateway.Missing, false},
		"garbage":             {"GET /balance", "garbage", nil, 0, gateway.Malformed, false},
		"unknown key":         {"GET /balance", forged, nil, 0, gateway.UnknownKey, false},
		"another's signature": {"GET /balance", swapped, nil, 0, gateway.BadSignature, false},
		"issuer":              {"GET /balance", s.token(map[string]any{"iss": "http://evil.example"}), nil, 0, gateway.WrongClaims, false},
		"audience":            {"GET /balance", s.token(map[string]any{"aud": []string{"x"}}), nil, 0, gateway.WrongClaims, false},
		"no jti":              {"GET /balance", s.token(map[string]any{"jti": nil}), nil, 0, gateway.WrongClaims, false},
		"expired":             {"GET /balance", s.token(map[string]any{"exp": now.Unix()}), nil, 0, gateway.Expired, false},
		"from the future":     {"GET /balance", s.token(map[string]any{"iat": now.Add(time.Hour).Unix()}), nil, 0, gateway.NotYetValid, false},
		"revoked":             {"GET /balance", good, denylist.ErrRevoked, 0, gateway.Revoked, true},
		"cannot tell":         {"GET /balance", good, denylist.ErrUnknown, 0, gateway.RevocationUnknown, true},
		"need not tell":       {"GET /lenient", good, denylist.ErrUnknown, 2, gateway.RevocationUnchecked, true},
		"other scope":         {"GET /balance", s.token(map[string]any{"scope": "other"}), nil, 0, gateway.Insufficient, true},
		"no user":             {"GET /wallet", s.token(map[string]any{"grant_id": nil}), nil, 3, gateway.Insufficient, true},
		"no route":            {"GET /nowhere", good, nil, gateway.NoRoute, gateway.Unjudged, false},
		"no such method":      {"POST /balance", good, nil, gateway.NoRoute, gateway.Unjudged, false},
	} {
		t.Run(name, func(t *testing.T) {
			s.denylist.set(test.denylist)
			var lines []string
			if test.token != "" {
				lines = []string{bearer(test.token)}
			}
			s.do(raw(test.line, lines...))
			o := <-seen
			require.Equal(t, test.route, o.Route)
			require.Equal(t, test.verdict.String(), o.Verdict.String())
			require.Equal(t, gateway.NoFailure, o.Failure)
			if test.known {
				require.Equal(t, "7 app", o.Claims.Subject+" "+o.Claims.ClientID)
			} else {
				require.Nil(t, o.Claims)
			}
		})
	}
}

func TestHowAnUpstreamFailedIsObserved(t *testing.T) {
	for want, serve := range map[gateway.Failure]func(*link){
		gateway.NoFailure: answerAll,
		gateway.TooSlow:   func(l *link) { l.ReadRequest(); l.Hold() },
		gateway.BrokeOff:  func(l *link) { l.ReadRequest(); l.Say("HTTP/1.1 200 OK\r\nContent-Le") },
		gateway.NotHTTP:   answering("ICY 200 OK\r\n\r\n"),
	} {
		t.Run(want.String(), func(t *testing.T) {
			upstream := newUpstream(t, serve)
			defer upstream.Release()
			seen := make(witness, 1)
			route := balance(upstream.URL(), public, func(r *gateway.Route) { r.Timeout = 100 * time.Millisecond })
			if want != gateway.TooSlow {
				route.Timeout = patience
			}
			s := newSystem(t, []gateway.Route{route}, options{config: func(c *gateway.Config) {
				c.Observer = seen
			}})
			s.do(raw("GET /balance"))
			require.Equal(t, want.String(), (<-seen).Failure.String())
		})
	}
	t.Run("credential refused", func(t *testing.T) {
		upstream := newUpstream(t, answering("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"))
		seen := make(witness, 1)
		s := newSystem(t, []gateway.Route{balance(upstream.URL(), credential("lndhub"))}, observed(seen))
		s.do(raw("GET /balance", bearer(s.token(nil))))
		o := <-seen
		require.Equal(t, gateway.CredentialRefused, o.Failure)
		require.Equal(t, gateway.Valid, o.Verdict)
	})
	t.Run("unreachable", func(t *testing.T) {
		seen := make(witness, 1)
		s := newSystem(t, []gateway.Route{balance("http://"+gatewaytest.Unreachable(t), public)}, observed(seen))
		s.do(raw("GET /balance"))
		require.Equal(t, gateway.Unreachable, (<-seen).Failure)
	})
	t.Run("busy", func(t *testing.T) {
		upstream := newUpstream(t, func(l *link) { l.ReadRequest(); l.Hold(); l.Say(okAnswer) })
		seen := make(witness, 2)
		s := newSystem(t, []gateway.Route{balance(upstream.URL(), public)}, options{config: func(c *gateway.Config) {
			c.Observer, c.Upstreams.MaxConns, c.Upstreams.ConnWait = seen, 1, time.Millisecond
		}})
		first := s.dial()
		first.Send(raw("GET /balance"))
		require.Eventually(t, func() bool { return len(upstream.Requests()) == 1 }, patience, time.Millisecond)
		s.do(raw("GET /balance"))
		require.Equal(t, gateway.Busy, (<-seen).Failure)
		upstream.Release()
		require.Equal(t, 200, first.Receive("GET").StatusCode)
	})
}

func TestTheSizeOfABodyIsObserved(t *testing.T) {
	upstream := newUpstream(t, answerAll)
	seen := make(witness, 1)
	s := newSystem(t, []gateway.Route{balance(upstream.URL(), public, methods("POST")), balance(upstream.URL(), path("/private"))}, observed(seen))
	s.do(raw("POST /balance", "Transfer-Encoding: chunked") + "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
	require.Equal(t, 5, (<-seen).Received)
	s.do(withBody(strings.Repeat("a", 100_000), "POST /balance"))
	require.Equal(t, 100_000, (<-seen).Received)
	s.do(withBody("abc", "GET /private"))
	require.Zero(t, (<-seen).Received, "it was refused unread")
}

func TestEveryVerdictAndFailureHasAName(t *testing.T) {
	names := map[string]bool{}
	for _, v := range gateway.Verdicts() {
		names["verdict "+v.String()] = true
	}
	for _, f := range gateway.Failures() {
		names["failure "+f.String()] = true
	}
	require.NotContains(t, names, "verdict ")
	require.NotContains(t, names, "failure ")
	require.Len(t, names, len(gateway.Verdicts())+len(gateway.Failures()), "and no two the same")
	require.Contains(t, names, "verdict "+gateway.Insufficient.String())
	require.Contains(t, names, "failure "+gateway.CredentialRefused.String())
}

func TestARequestIsKnownByOneID(t *testing.T) {
	upstream := newUpstream(t, answerAll)
	s := newSystem(t, []gateway.Route{
		balance(upstream.URL(), public), balance("http://127.0.0.1:1", public, path("/broken")),
		balance(upstream.URL(), path("/private")),
	}, options{config: func(c *gateway.Config) {
		c.Observer = namer("the-one")
	}})
	s.do(raw("GET /balance", "X-Request-Id: forged", "x_request_id: forged", "X-REQUEST-ID: again", "Connection: x-request-id"))
	sent := upstream.Only()
	require.Equal(t, []string{"the-one"}, sent.Values("X-Request-Id"))
	require.Empty(t, sent.Values("x_request_id"))

	s.denylist.set(denylist.ErrUnknown)
	s.do(raw("GET /broken"))
	s.do(raw("GET /private", bearer(s.token(nil))))
	s.do(raw("GET /private", bearer("garbage")))
	logged := strings.Split(strings.TrimSpace(s.log.String()), "\n")
	require.Len(t, logged, 3)
	for _, line := range logged {
		require.Contains(t, line, "request_id=the-one")
	}
}
