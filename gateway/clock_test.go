package gateway_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/gateway"
	"gatehouse/keys"
)

func TestAWrongClockIsToleratedALittleAndThenReported(t *testing.T) {
	upstream := newUpstream(t, answerAll)
	s := newSystem(t, []gateway.Route{balance(upstream.URL())}, options{config: func(c *gateway.Config) {
		c.Verifier.(*keys.Verifier).Leeway = 30 * time.Second
	}})
	issued := func(ahead time.Duration) string {
		return raw("GET /balance", bearer(s.token(map[string]any{"iat": now.Add(ahead).Unix()})))
	}
	require.Equal(t, 200, s.do(issued(30*time.Second)).StatusCode)
	require.NotContains(t, s.log.String(), "level=WARN")

	for range 3 {
		requireRefused(t, s.do(issued(time.Hour)), 401, "invalid_token")
	}
	require.Equal(t, 1, strings.Count(s.log.String(), "is the clock here or at the authorization server wrong?"),
		"once in a while, not for every request")
}
