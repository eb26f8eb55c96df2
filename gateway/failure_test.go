package gateway_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/gateway"
)

const unauthorized = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer error=\"invalid_token\"\r\nContent-Length: 6\r\n\r\nsecret"

// Clients throw their tokens away on 401, so it has to be about their tokens.
func TestUpstreamThatRefusesTheGatewaysCredential(t *testing.T) {
	upstream := newUpstream(t, answering(unauthorized))
	for _, test := range []struct {
		credential  string
		sendsToken  bool
		status      int
		passesAsked bool // WWW-Authenticate
	}{
		{"lndhub", true, 502, false},
		{"headers", true, 502, false},
		{"forward", true, 401, true},
		{"none", true, 401, true},
		{"lndhub", false, 401, false}, // nothing was refused: nobody has said who the caller is
		{"none", false, 401, true},
	} {
		name := test.credential
		if !test.sendsToken {
			name += ", anonymous"
		}
		t.Run(name, func(t *testing.T) {
			s := newSystem(t, []gateway.Route{balance(upstream.URL(), credential(test.credential), public)}, options{})
			var lines []string
			if test.sendsToken {
				lines = []string{bearer(s.token(nil))}
			}
			a := s.do(raw("GET /balance", lines...))
			require.Equal(t, test.passesAsked, a.Header.Get("WWW-Authenticate") != "")
			if test.status == 401 {
				require.Equal(t, 401, a.StatusCode)
				require.Equal(t, "secret", a.Body)
				return
			}
			requireRefused(t, a, test.status, "bad_gateway")
			require.Contains(t, a.Body, "The upstream refused the gateway's credential.")
			require.Contains(t, s.log.String(), "level=WARN")
			require.Contains(t, s.log.String(), "401")
			require.NotContains(t, s.log.String(), "secret")
		})
	}
}

func TestOtherRefusalsOfAnUpstreamAreTheCallers(t *testing.T) {
	upstream := newUpstream(t, answering("HTTP/1.1 403 Forbidden\r\nWWW-Authenticate: Bearer\r\nContent-Length: 0\r\n\r\n"))
	s := newSystem(t, []gateway.Route{balance(upstream.URL(), credential("lndhub"))}, options{})
	a := s.do(raw("GET /balance", bearer(s.token(nil))))
	require.Equal(t, 403, a.StatusCode)
	require.Empty(t, a.Header.Get("WWW-Authenticate"))
}

func TestAnUpstreamThatFailsIsReportedOnceInAWhile(t *testing.T) {
	broken := newUpstream(t, answering("ICY 200 OK\r\n\r\n"))
	refusing := newUpstream(t, answering(unauthorized))
	slow := newUpstream(t, func(l *link) {
		l.ReadRequest()
		if l.Last.Target == "/slow" {
			l.Hold()
		}
		l.Say("ICY 200 OK\r\n\r\n")
	})
	defer slow.Release()
	s := newSystem(t, []gateway.Route{
		balance(broken.URL(), public, path("/broken")),
		balance(refusing.URL(), path("/refusing"), credential("lndhub")),
		balance(slow.URL(), public, path("/quick")),
		balance(slow.URL(), public, path("/slow"), func(r *gateway.Route) { r.Timeout = 50 * time.Millisecond }),
	}, options{})
	warnings := func() int { return strings.Count(s.log.String(), "upstream failed") }

	for range 3 {
		s.do(raw("GET /broken"))
	}
	require.Equal(t, 1, warnings())
	for range 3 {
		s.do(raw("GET /refusing", bearer(s.token(nil))))
	}
	require.Equal(t, 2, warnings(), "another upstream")
	s.do(raw("GET /quick"))
	require.Equal(t, 3, warnings())
	s.do(raw("GET /slow"))
	require.Equal(t, 4, warnings(), "it fails in another way")
	require.Equal(t, 4, strings.Count(s.log.String(), "times=1"))
}
