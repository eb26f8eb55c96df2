package gateway_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/denylist"
	"gatehouse/gateway"
)

// publicWithScope is a route that everybody may use, and nobody under the name of a user who did not allow it.
func publicWithScope(origin, name string) gateway.Route {
	return balance(origin, credential(name), func(r *gateway.Route) { r.Public = true })
}

func TestAPublicRouteHoldsATokenToItsScope(t *testing.T) {
	for _, name := range []string{"lndhub", "headers", "forward", "none"} {
		t.Run(name, func(t *testing.T) {
			upstream := newUpstream(t, answerAll)
			seen := make(witness, 1)
			s := newSystem(t, []gateway.Route{publicWithScope(upstream.URL(), name)}, observed(seen))

			a := s.do(raw("GET /balance", bearer(s.token(map[string]any{"scope": "invoices:create"}))))
			if o := <-seen; name == "none" {
				require.Equal(t, 200, a.StatusCode, "the upstream is told nobody")
				require.Equal(t, gateway.Valid.String(), o.Verdict.String())
				upstream.Take()
			} else {
				requireRefused(t, a, 403, "insufficient_scope")
				require.Contains(t, a.Header.Get("WWW-Authenticate"), `scope="balance:read"`)
				require.Equal(t, gateway.Insufficient.String(), o.Verdict.String())
				require.Empty(t, upstream.Requests())
			}

			require.Equal(t, 200, s.do(raw("GET /balance", bearer(s.token(nil)))).StatusCode)
			<-seen
			told := upstream.Take()[0]
			require.Equal(t, name != "none", len(told.Values("Authorization"))+len(told.Values("X-Gatehouse-Subject")) > 0)

			require.Equal(t, 200, s.do(raw("GET /balance")).StatusCode)
			require.Equal(t, gateway.Anonymous.String(), (<-seen).Verdict.String())
			told = upstream.Take()[0]
			require.Empty(t, told.Values("Authorization"))
			require.Empty(t, told.Values("X-Gatehouse-Subject"))
		})
	}
}

// A public route without a scope asks for none, and a token that is sent must be good on every one.
func TestWhatAPublicRouteAsksOfAToken(t *testing.T) {
	upstream := newUpstream(t, answerAll)
	s := newSystem(t, []gateway.Route{
		publicWithScope(upstream.URL(), "lndhub"), balance(upstream.URL(), credential("lndhub"), path("/open"), public),
	}, options{})
	other := bearer(s.token(map[string]any{"scope": "invoices:create"}))
	require.Equal(t, 200, s.do(raw("GET /open", other)).StatusCode)
	for _, target := range []string{"/balance", "/open"} {
		for _, bad := range []string{"garbage", s.token(map[string]any{"exp": now.Unix()}), s.token(map[string]any{"iss": "http://evil.example"})} {
			requireRefused(t, s.do(raw("GET "+target, bearer(bad))), 401, "invalid_token")
		}
		s.denylist.set(denylist.ErrRevoked)
		requireRefused(t, s.do(raw("GET "+target, bearer(s.token(nil)))), 401, "invalid_token")
		s.denylist.set(nil)
	}
	upstream.Only()
}
