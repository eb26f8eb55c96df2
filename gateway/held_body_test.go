package gateway_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jws"
	"github.com/stretchr/testify/require"

	"gatehouse/denylist"
	"gatehouse/gateway"
	"gatehouse/keys"
)

// removable is a ring whose keys a test can take away.
type removable struct {
	keys.PublicKeys
	gone chan struct{}
}

func (k removable) PublicKey(id string) (keys.PublicKey, error) {
	select {
	case <-k.gone:
		return keys.PublicKey{}, keys.ErrUnknownKey
	default:
		return k.PublicKeys.PublicKey(id)
	}
}

// endings are what can happen to a token while its request lasts, and what a fresh request gets after it.
func endings(s *system, clock *movable, ring removable) map[string]struct {
	happens func()
	status  int
	code    string
	verdict gateway.Verdict
} {
	return map[string]struct {
		happens func()
		status  int
		code    string
		verdict gateway.Verdict
	}{
		"revoked":       {func() { s.denylist.set(denylist.ErrRevoked) }, 401, "invalid_token", gateway.Revoked},
		"cannot tell":   {func() { s.denylist.set(denylist.ErrUnknown) }, 503, "temporarily_unavailable", gateway.RevocationUnknown},
		"expired":       {func() { clock.move(time.Hour) }, 401, "invalid_token", gateway.Expired},
		"key withdrawn": {func() { close(ring.gone) }, 401, "invalid_token", gateway.UnknownKey},
	}
}

// endable is a system in which a token can end in each way.
func endable(t *testing.T, routes []gateway.Route, seen witness) (*system, *movable, removable) {
	clock, ring := &movable{}, removable{gone: make(chan struct{})}
	s := newSystem(t, routes, options{config: func(c *gateway.Config) {
		clock.by(c)
		verifier := c.Verifier.(*keys.Verifier)
		ring.PublicKeys = verifier.Keys
		verifier.Keys = ring
		c.Observer, c.MaxBody = seen, gateway.NoLimit
	}})
	return s, clock, ring
}

var heldBodies = map[string]struct{ framing, begins, ends string }{
	"known length":   {"Content-Length: 10", "012345678", "9"},
	"chunked":        {"Transfer-Encoding: chunked", "a\r", "\n0123456789\r\n0\r\n\r\n"},
	"behind an 100":  {"Content-Length: 10\r\nExpect: 100-continue", "", "0123456789"},
	"part, then 100": {"Transfer-Encoding: chunked\r\nExpect: 100-continue", "a\r", "\n0123456789\r\n0\r\n\r\n"},
}

// What a caller may do is decided when the request goes to the upstream, however long the caller has held its body back.
func TestAHeldBodyIsNotSentForATokenThatHasEnded(t *testing.T) {
	for name := range endings(nil, nil, removable{}) {
		for how, body := range heldBodies {
			t.Run(name+"/"+how, func(t *testing.T) {
				t.Parallel()
				upstream := newUpstream(t, answerAll)
				seen := make(witness, 2)
				s, clock, ring := endable(t, []gateway.Route{balance(upstream.URL(), methods("POST"))}, seen)
				end := endings(s, clock, ring)[name]
				c := s.dial()
				c.Send(raw("POST /balance", bearer(s.token(nil)), body.framing))
				if strings.Contains(body.framing, "Expect") {
					require.Equal(t, 100, c.Receive("POST").StatusCode)
				}
				c.Send(body.begins)
				require.Eventually(t, func() bool { return len(s.denylist.queries()) == 1 }, patience, time.Millisecond, "it was authorized")
				end.happens()
				c.Send(body.ends)
				requireRefused(t, c.Receive("POST"), end.status, end.code)
				require.Equal(t, end.verdict.String(), (<-seen).Verdict.String())
				require.Empty(t, upstream.Requests())
				require.Zero(t, upstream.Connections())
			})
		}
	}
}

// A body that has come with its head is not paid for twice; one that was waited for is asked about once more, and no more.
func TestABodyThatIsThereAtOnceIsAuthorizedOnce(t *testing.T) {
	upstream := newUpstream(t, answerAll)
	s := newSystem(t, []gateway.Route{balance(upstream.URL(), methods("GET", "POST"))}, options{})
	token := bearer(s.token(nil))
	c := s.dial()
	asked := func(request string) int {
		before := len(s.denylist.queries())
		c.Send(request)
		require.Equal(t, 200, c.Receive("GET").StatusCode)
		return len(s.denylist.queries()) - before
	}
	require.Equal(t, 1, asked(raw("GET /balance", token)))
	require.Equal(t, 1, asked(withBody("pay 100", "POST /balance", token)))
	require.Equal(t, 1, asked(raw("POST /balance", token, "Transfer-Encoding: chunked")+chunked("pay", " 100")))
	require.Equal(t, 2, asked(withBody(large[:100_000], "POST /balance", token)))
}

// The connection to an upstream may have to be waited for, too: for one that others use, or for one to be made.
func TestWhoWaitedForAConnectionIsAuthorizedAgain(t *testing.T) {
	upstream := newUpstream(t, func(l *link) {
		if l.ReadRequest() {
			l.Hold()
			l.Say(okAnswer)
		}
	})
	s := newSystem(t, []gateway.Route{balance(upstream.URL())}, options{config: func(c *gateway.Config) {
		c.Upstreams.MaxConns, c.Upstreams.ConnWait = 1, patience
	}})
	first, second := s.dial(), s.dial()
	first.Send(raw("GET /balance", bearer(s.token(nil))))
	upstream.Only()
	second.Send(raw("GET /balance", bearer(s.token(nil))))
	require.Eventually(t, func() bool { return len(s.denylist.queries()) == 2 }, patience, time.Millisecond)
	time.Sleep(100 * time.Millisecond)
	s.denylist.set(denylist.ErrRevoked)
	upstream.Release()
	require.Equal(t, 200, first.Receive("GET").StatusCode)
	requireRefused(t, second.Receive("GET"), 401, "invalid_token")
	upstream.Only()
}

// A credential that was made before the wait may be good no more.
func TestAHeldBodyGoesWithAFreshCredential(t *testing.T) {
	upstream := newUpstream(t, answerAll)
	clock := &movable{}
	s := newSystem(t, []gateway.Route{balance(upstream.URL(), methods("POST"), credential("lndhub"))}, options{config: clock.by})
	c := s.dial()
	c.Send(raw("POST /balance", bearer(s.token(nil)), "Content-Length: 10") + "012345678")
	require.Eventually(t, func() bool { return len(s.denylist.queries()) == 1 }, patience, time.Millisecond)
	clock.move(10 * time.Minute)
	c.Send("9")
	require.Equal(t, 200, c.Receive("POST").StatusCode)
	sent := upstream.Only()
	require.Equal(t, "0123456789", sent.Body)
	require.Len(t, sent.Values("Authorization"), 1)
	payload, err := jws.Verify([]byte(strings.TrimPrefix(sent.Values("Authorization")[0], "Bearer ")), jws.WithKey(jwa.HS256, []byte(jwtSecret)))
	require.NoError(t, err)
	require.Contains(t, string(payload), fmt.Sprintf(`"exp":%d`, clock.now().Add(time.Minute).Unix()))
}
