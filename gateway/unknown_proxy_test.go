package gateway_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"gatehouse/gateway"
)

const unknownProxy = "from a peer that is not in trusted_proxies"

func TestAnUnknownProxyIsWarnedOf(t *testing.T) {
	chain := "X-Forwarded-For: 203.0.113.77"
	for name, test := range map[string]struct {
		requests []string
		proxies  gateway.TrustedProxies
		warns    bool
	}{
		"a route":           {requests: []string{raw("GET /balance", chain), raw("GET /balance", chain), raw("GET /balance", chain)}, warns: true},
		"an endpoint":       {requests: []string{raw("POST /oauth/token", chain)}, warns: true},
		"nobody behind it":  {requests: []string{raw("GET /balance"), raw("POST /oauth/token"), raw("GET /balance", "X-Real-Ip: 203.0.113.77")}},
		"a trusted proxy":   {requests: []string{raw("GET /balance", chain), raw("POST /oauth/token", chain)}, proxies: loopback},
		"another's address": {requests: []string{raw("GET /balance", chain)}, proxies: gateway.TrustedProxies{netip.MustParsePrefix("203.0.113.0/24")}, warns: true},
	} {
		t.Run(name, func(t *testing.T) {
			upstream := newUpstream(t, answerAll)
			s := newSystem(t, []gateway.Route{balance(upstream.URL(), public)}, options{config: func(c *gateway.Config) {
				c.TrustedProxies = test.proxies
				c.Reserved = map[string]fasthttp.RequestHandler{"oauth": func(*fasthttp.RequestCtx) {}}
			}})
			for _, request := range test.requests {
				require.Equal(t, 200, s.do(request).StatusCode)
			}
			log := s.log.String()
			require.NotContains(t, log, "203.0.113", "what anybody can say is not logged")
			if !test.warns {
				require.NotContains(t, log, unknownProxy)
				return
			}
			require.Equal(t, 1, strings.Count(log, unknownProxy), "once in a while: %s", log)
			require.Contains(t, log, "peer=127.0.0.1 times=1")
		})
	}
}

var loopback = gateway.TrustedProxies{netip.MustParsePrefix("127.0.0.0/8")}
