package gateway_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/denylist"
	"gatehouse/gateway"
)

// opaque is a token as oauth2server makes them.
const opaque = "OTM5NWVHZWQTZMQXMC0ZMTJJLWI5ODQTODBIZTIZYTA5ZTQ0"

// fakeTokens has one token and counts how often it was asked.
type fakeTokens struct {
	mu    sync.Mutex
	fails error
	asked []string
	ends  time.Time
}

func (f *fakeTokens) LookUp(_ context.Context, hash string) (denylist.OpaqueToken, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, hash)
	sum := sha256.Sum256([]byte(opaque))
	switch {
	case f.fails != nil:
		return denylist.OpaqueToken{}, f.fails
	case hash != hex.EncodeToString(sum[:]):
		return denylist.OpaqueToken{}, denylist.ErrNoToken
	}
	return denylist.OpaqueToken{
		Hash: hash, ID: "jti-1", GrantID: "grant-1", ClientID: "app", Subject: "7", Scopes: []string{"balance:read"},
		IssuedAt: now.Add(-time.Hour), ExpiresAt: f.ends,
	}, nil
}

func (f *fakeTokens) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fails = err
}

func (f *fakeTokens) times() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.asked)
}

// withOpaque is a gateway that takes opaque tokens and remembers so many.
func withOpaque(tokens *fakeTokens, remembered int) options {
	return options{config: func(c *gateway.Config) {
		c.OpaqueTokens, c.Issuer, c.OpaqueCache = tokens, issuer, remembered
	}}
}

func TestAnOpaqueTokenPassesAsItsUsers(t *testing.T) {
	upstream := newUpstream(t, answerAll)
	tokens := &fakeTokens{ends: now.Add(time.Hour)}
	s := newSystem(t, []gateway.Route{
		balance(upstream.URL(), credential("headers")),
		balance(upstream.URL(), path("/invoices"), func(r *gateway.Route) { r.Scope = "invoices:create" }),
		balance(upstream.URL(), path("/forward"), credential("forward")),
	}, withOpaque(tokens, 10))

	require.Equal(t, 200, s.do(raw("GET /balance", bearer(opaque))).StatusCode)
	require.Equal(t, []string{"7"}, upstream.Only().Values("X-Gatehouse-Subject"))
	want := denylist.Query{TokenID: "jti-1", GrantID: "grant-1", ClientID: "app"}
	require.Equal(t, []denylist.Query{want}, s.denylist.queries(), "it can be revoked by each of its names")
	requireRefused(t, s.do(raw("GET /invoices", bearer(opaque))), 403, "insufficient_scope")
	require.Equal(t, 200, s.do(raw("GET /forward", bearer(opaque))).StatusCode)
	require.Equal(t, 200, s.do(raw("GET /balance", bearer(s.token(nil)))).StatusCode, "a JWT as ever")
	require.Equal(t, 1, tokens.times(), "looked up once, and no JWT is")

	s.denylist.set(denylist.ErrRevoked)
	requireRefused(t, s.do(raw("GET /balance", bearer(opaque))), 401, "invalid_token")
	s.denylist.set(denylist.ErrUnknown)
	requireRefused(t, s.do(raw("GET /balance", bearer(opaque))), 503, "temporarily_unavailable")
}

func TestOpaqueTokensThatAreRefused(t *testing.T) {
	upstream := newUpstream(t, answerAll)
	tokens := &fakeTokens{ends: now.Add(time.Hour)}
	s := newSystem(t, []gateway.Route{
		balance(upstream.URL(), func(r *gateway.Route) { r.OnUnavailable = gateway.Allow }),
		balance(upstream.URL(), public, path("/public")),
	}, withOpaque(tokens, 10))

	for _, token := range []string{strings.ToLower(opaque), opaque[1:], opaque + "=", "A", strings.Repeat("A", 512)} {
		requireRefused(t, s.do(raw("GET /balance", bearer(token))), 401, "invalid_token")
		requireRefused(t, s.do(raw("GET /public", bearer(token))), 401, "invalid_token")
	}
	require.Equal(t, 10, tokens.times(), "that there is none is never remembered")
	for _, token := range []string{strings.Repeat("A", 513), "a.b.c", opaque + "*", ""} {
		requireRefused(t, s.do(raw("GET /balance", bearer(token))), 401, "invalid_token")
	}
	require.Equal(t, 10, tokens.times(), "what cannot be one is not looked up")

	tokens.fail(fmt.Errorf("%w: connection refused", denylist.ErrUnknown))
	for range 3 { // also where the route allows: nobody knows whose it is
		a := s.do(raw("GET /balance", bearer(opaque)))
		requireRefused(t, a, 503, "temporarily_unavailable")
		require.Equal(t, "1", a.Header.Get("Retry-After"))
	}
	require.Equal(t, 1, strings.Count(s.log.String(), "an opaque token cannot be looked up"))
	require.NotContains(t, s.log.String(), opaque)
	tokens.fail(nil)
	require.Equal(t, 200, s.do(raw("GET /balance", bearer(opaque))).StatusCode)
	require.Len(t, upstream.Requests(), 1)
}

func TestAnOpaqueTokenExpires(t *testing.T) {
	for name, remembered := range map[string]int{"remembered": 10, "looked up each time": 0} {
		t.Run(name, func(t *testing.T) {
			upstream := newUpstream(t, answerAll)
			tokens := &fakeTokens{ends: now.Add(time.Hour)}
			clock := &movable{}
			opts := withOpaque(tokens, remembered)
			s := newSystem(t, []gateway.Route{balance(upstream.URL())}, options{config: func(c *gateway.Config) {
				opts.config(c)
				c.Now = clock.now
			}})
			require.Equal(t, 200, s.do(raw("GET /balance", bearer(opaque))).StatusCode)
			require.Equal(t, 200, s.do(raw("GET /balance", bearer(opaque))).StatusCode)
			require.Equal(t, map[int]int{10: 1, 0: 2}[remembered], tokens.times())
			clock.move(time.Hour)
			a := s.do(raw("GET /balance", bearer(opaque)))
			requireRefused(t, a, 401, "invalid_token")
			require.Contains(t, a.Body, "expired")
		})
	}
}

// TestOpaqueTokensAreOffUnlessWanted: garbage is refused without asking anybody.
func TestOpaqueTokensAreOffUnlessWanted(t *testing.T) {
	s := newSystem(t, []gateway.Route{balance(newUpstream(t, answerAll).URL())}, options{})
	requireRefused(t, s.do(raw("GET /balance", bearer(opaque))), 401, "invalid_token")
	require.Empty(t, s.denylist.queries())
}

// TestAWebSocketStaysOpenUnderAnOpaqueToken: no key has signed it that could be withdrawn. Its revocation ends it.
func TestAWebSocketStaysOpenUnderAnOpaqueToken(t *testing.T) {
	tokens := &fakeTokens{ends: now.Add(time.Hour)}
	s := newSystem(t, []gateway.Route{balance(webSocketUpstream(t, echo).URL, webSocket)}, withOpaque(tokens, 10))
	c := s.open("/balance", withToken(opaque))
	s.awaitLooks()
	says(t, c, "still here")
	s.denylist.set(denylist.ErrRevoked)
	require.Equal(t, "token revoked", requireClosed(t, c, 4401))
}

// TestAnUploadUnderAnOpaqueTokenIsAuthorizedAgain: its body had to be waited for.
func TestAnUploadUnderAnOpaqueTokenIsAuthorizedAgain(t *testing.T) {
	upstream := newUpstream(t, answerAll)
	tokens := &fakeTokens{ends: now.Add(time.Hour)}
	s := newSystem(t, []gateway.Route{balance(upstream.URL(), func(r *gateway.Route) { r.Methods = []string{"POST"} })}, withOpaque(tokens, 10))
	caller := s.dial()
	caller.Send("POST /balance HTTP/1.1\r\nHost: x\r\n" + bearer(opaque) + "\r\nContent-Length: 4\r\n\r\nab")
	require.Eventually(t, func() bool { return len(s.denylist.queries()) == 1 }, patience, time.Millisecond)
	caller.Send("cd")
	require.Equal(t, 200, caller.Receive("POST").StatusCode)
	require.Len(t, s.denylist.queries(), 2)
	require.Equal(t, 1, tokens.times())
}
