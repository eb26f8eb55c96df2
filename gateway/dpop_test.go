package gateway_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/denylist"
	"gatehouse/gateway"
	"gatehouse/keys/dpop"
	"gatehouse/keys/dpop/dpoptest"
)

// sender is a gateway that takes bound tokens, and a client that holds such a key.
type sender struct {
	*system
	*dpoptest.Client
	uses *dpoptest.Uses
}

func boundOnly(r *gateway.Route) { r.DPoP = gateway.DPoPRequired }

func newSender(t *testing.T, uses *dpoptest.Uses, routes []gateway.Route, change ...func(*dpop.Checker)) *sender {
	t.Helper()
	checker := &dpop.Checker{Verifier: dpop.Verifier{Now: func() time.Time { return now }}, Uses: uses}
	for _, apply := range change {
		apply(checker)
	}
	client := dpoptest.New(t)
	client.Now = func() time.Time { return now }
	s := newSystem(t, routes, options{config: func(c *gateway.Config) {
		c.DPoP = gateway.DPoP{Proofs: checker, URLs: []string{issuer, "https://api.example.com/base"}}
	}})
	return &sender{system: s, Client: client, uses: uses}
}

// boundTo is a good token that is bound to a key.
func (s *sender) boundTo(thumbprint string) string {
	return s.token(map[string]any{"cnf": map[string]any{"jkt": thumbprint}})
}

func withProof(token, proof string) []string {
	return []string{"Authorization: DPoP " + token, "DPoP: " + proof}
}

func TestABoundTokenPassesWithItsProof(t *testing.T) {
	upstream := newUpstream(t, answerAll)
	s := newSender(t, &dpoptest.Uses{}, []gateway.Route{balance(upstream.URL())})
	token := s.boundTo(s.Thumbprint)
	for _, uri := range []string{issuer + "/balance", "https://api.example.com/base/balance", "HTTP://LOCALHOST:8081/b%61lance"} {
		a := s.do(raw("GET /balance?x=1", withProof(token, s.Proof("GET", uri, token, nil))...))
		require.Equal(t, 200, a.StatusCode, "%s: %s", uri, a.Body)
		require.Empty(t, a.Header.Get("DPoP-Nonce"))
	}
	a := s.do(raw("GET /balance", "authorization: dpop "+token, "dpop: "+s.Proof("GET", issuer+"/balance", token, nil)))
	require.Equal(t, 200, a.StatusCode, "scheme and name in any case")
	for _, seen := range upstream.Requests() {
		require.NotContains(t, strings.ToLower(fmt.Sprint(seen)), "dpop", "the proof is the gateway's affair")
	}
}

// requireChallenged holds a refusal to the form of RFC 9449 section 7.1.
func requireChallenged(t *testing.T, a answer, status int, code string) {
	t.Helper()
	requireRefused(t, a, status, code)
	challenge := a.Header.Get("WWW-Authenticate")
	require.True(t, strings.HasPrefix(challenge, "DPoP "), challenge)
	require.Contains(t, challenge, `error="`+code+`"`)
	require.Contains(t, challenge, `algs="`+strings.Join(dpop.Algorithms(), " ")+`"`)
}

func TestAProofThatIsNotForTheRequestIsRefused(t *testing.T) {
	upstream := newUpstream(t, answerAll)
	s := newSender(t, &dpoptest.Uses{}, []gateway.Route{balance(upstream.URL())})
	token, uri := s.boundTo(s.Thumbprint), issuer+"/balance"
	stranger := dpoptest.New(t)
	stranger.Now = s.Now
	good := s.Proof("GET", uri, token, nil)

	for name, test := range map[string]struct{ proof, code string }{
		"another method":      {s.Proof("POST", uri, token, nil), "invalid_dpop_proof"},
		"another path":        {s.Proof("GET", issuer+"/other", token, nil), "invalid_dpop_proof"},
		"another host":        {s.Proof("GET", "http://evil.example/balance", token, nil), "invalid_dpop_proof"},
		"another scheme":      {s.Proof("GET", "https://localhost:8081/balance", token, nil), "invalid_dpop_proof"},
		"another token":       {s.Proof("GET", uri, s.token(nil), nil), "invalid_dpop_proof"},
		"no token":            {s.Proof("GET", uri, "", nil), "invalid_dpop_proof"},
		"another key":         {stranger.Proof("GET", uri, token, nil), "invalid_token"},
		"made too long ago":   {s.Proof("GET", uri, token, map[string]any{"iat": now.Add(-dpop.DefaultMaxAge).Unix()}), "invalid_dpop_proof"},
		"made in the future":  {s.Proof("GET", uri, token, map[string]any{"iat": now.Add(time.Minute).Unix()}), "invalid_dpop_proof"},
		"no jti":              {s.Proof("GET", uri, token, map[string]any{"jti": nil}), "invalid_dpop_proof"},
		"a changed signature": {good[:len(good)-8] + "AAAAAAAA", "invalid_dpop_proof"},
		"an access token":     {token, "invalid_dpop_proof"},
		"nothing":             {"", "invalid_dpop_proof"},
	} {
		t.Run(name, func(t *testing.T) {
			requireChallenged(t, s.do(raw("GET /balance", withProof(token, test.proof)...)), 401, test.code)
		})
	}
	requireChallenged(t, s.do(raw("GET /balance", "Authorization: DPoP "+token)), 401, "invalid_dpop_proof")
	requireChallenged(t, s.do(raw("GET /balance", append(withProof(token, good), "DPoP: "+good)...)), 401, "invalid_dpop_proof")
	require.Empty(t, upstream.Requests())
	require.Equal(t, 200, s.do(raw("GET /balance", withProof(token, good)...)).StatusCode, "which was not used up by any of that")
}

// A proof for another host is worth nothing here, whatever the request says about its own.
func TestTheHostFieldDoesNotDecideWhatAProofIsFor(t *testing.T) {
	upstream := newUpstream(t, answerAll)
	s := newSender(t, &dpoptest.Uses{}, []gateway.Route{balance(upstream.URL())})
	token := s.boundTo(s.Thumbprint)
	overheard := s.Proof("GET", "http://evil.example/balance", token, nil)
	request := strings.Replace(raw("GET /balance", append(withProof(token, overheard), "X-Forwarded-Host: evil.example")...),
		"Host: ", "Host: evil.example\r\nX-Was: ", 1)
	requireChallenged(t, s.do(request), 401, "invalid_dpop_proof")
}

func TestAProofIsUsedOnceAtAllGateways(t *testing.T) {
	upstream, uses := newUpstream(t, answerAll), &dpoptest.Uses{}
	here := newSender(t, uses, []gateway.Route{balance(upstream.URL())})
	there := newSender(t, uses, []gateway.Route{balance(upstream.URL())})
	token := here.boundTo(here.Thumbprint)
	proof := here.Proof("GET", issuer+"/balance", token, nil)
	require.Equal(t, 200, here.do(raw("GET /balance", withProof(token, proof)...)).StatusCode)
	requireChallenged(t, here.do(raw("GET /balance", withProof(token, proof)...)), 401, "invalid_dpop_proof")

	token = there.boundTo(here.Thumbprint)
	proof = here.Proof("GET", issuer+"/balance", token, map[string]any{"jti": "told to both"})
	require.Equal(t, 200, there.do(raw("GET /balance", withProof(token, proof)...)).StatusCode)
	token = here.boundTo(here.Thumbprint)
	proof = here.Proof("GET", issuer+"/balance", token, map[string]any{"jti": "told to both"})
	requireChallenged(t, here.do(raw("GET /balance", withProof(token, proof)...)), 401, "invalid_dpop_proof")
}

func TestABoundTokenIsNoBearerToken(t *testing.T) {
	upstream := newUpstream(t, answerAll)
	s := newSender(t, &dpoptest.Uses{}, []gateway.Route{
		balance(upstream.URL()), balance(upstream.URL(), public, path("/public")),
		balance(upstream.URL(), webSocket, tokenFrom("query:access_token", "subprotocol"), path("/socket")),
	})
	token := s.boundTo(s.Thumbprint)
	requireChallenged(t, s.do(raw("GET /balance", bearer(token))), 401, "invalid_token")
	requireChallenged(t, s.do(raw("GET /public", bearer(token))), 401, "invalid_token")
	requireChallenged(t, s.do(raw("GET /balance", bearer(token), "DPoP: "+s.Proof("GET", issuer+"/balance", token, nil))), 401, "invalid_token")
	opening := []string{
		"Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
	}
	requireChallenged(t, s.do(raw("GET /socket?access_token="+token, opening...)), 401, "invalid_token")
	requireChallenged(t, s.do(raw("GET /socket", append(opening, "Sec-WebSocket-Protocol: access_token."+token)...)), 401, "invalid_token")
	require.Empty(t, upstream.Requests())
}

// A gateway that checks no proofs takes none of those tokens, rather than take them without.
func TestAGatewayWithoutProofsTakesNoBoundToken(t *testing.T) {
	upstream := newUpstream(t, answerAll)
	s := newSystem(t, []gateway.Route{balance(upstream.URL())}, options{})
	client := dpoptest.New(t)
	token := s.token(map[string]any{"cnf": map[string]any{"jkt": client.Thumbprint}})
	requireChallenged(t, s.do(raw("GET /balance", bearer(token))), 401, "invalid_token")
	requireChallenged(t, s.do(raw("GET /balance", withProof(token, client.Proof("GET", issuer+"/balance", token, nil))...)), 401, "invalid_token")
	require.Empty(t, upstream.Requests())
}

func TestABearerTokenHasNoProof(t *testing.T) {
	upstream := newUpstream(t, answerAll)
	s := newSender(t, &dpoptest.Uses{}, []gateway.Route{balance(upstream.URL())})
	token := s.token(nil)
	proof := s.Proof("GET", issuer+"/balance", token, nil)
	requireChallenged(t, s.do(raw("GET /balance", withProof(token, proof)...)), 401, "invalid_token")
	requireRefused(t, s.do(raw("GET /balance", bearer(token), "DPoP: "+proof)), 400, "invalid_request")
	require.Empty(t, upstream.Requests())
	require.Equal(t, 200, s.do(raw("GET /balance", bearer(token))).StatusCode)
}

func TestARouteMayTakeBoundTokensOnly(t *testing.T) {
	upstream := newUpstream(t, answerAll)
	s := newSender(t, &dpoptest.Uses{}, []gateway.Route{
		balance(upstream.URL(), boundOnly), balance(upstream.URL(), boundOnly, public, path("/public")),
	})
	requireChallenged(t, s.do(raw("GET /balance", bearer(s.token(nil)))), 401, "invalid_token")
	requireChallenged(t, s.do(raw("GET /public", bearer(s.token(nil)))), 401, "invalid_token")
	a := s.do(raw("GET /balance"))
	requireRefused(t, a, 401, "invalid_token")
	require.True(t, strings.HasPrefix(a.Header.Get("WWW-Authenticate"), `DPoP realm="gatehouse", algs=`), a.Header.Get("WWW-Authenticate"))
	require.Empty(t, upstream.Requests())

	token := s.boundTo(s.Thumbprint)
	require.Equal(t, 200, s.do(raw("GET /balance", withProof(token, s.Proof("GET", issuer+"/balance", token, nil))...)).StatusCode)
	require.Equal(t, 200, s.do(raw("GET /public")).StatusCode, "who has no token needs no proof")
}

func TestABoundTokenThatIsRefusedIsChallengedInItsScheme(t *testing.T) {
	upstream := newUpstream(t, answerAll)
	s := newSender(t, &dpoptest.Uses{}, []gateway.Route{balance(upstream.URL())})
	expired := s.token(map[string]any{"exp": now.Unix(), "cnf": map[string]any{"jkt": s.Thumbprint}})
	requireChallenged(t, s.do(raw("GET /balance", withProof(expired, s.Proof("GET", issuer+"/balance", expired, nil))...)), 401, "invalid_token")
	narrow := s.token(map[string]any{"scope": "other", "cnf": map[string]any{"jkt": s.Thumbprint}})
	requireChallenged(t, s.do(raw("GET /balance", withProof(narrow, s.Proof("GET", issuer+"/balance", narrow, nil))...)), 403, "insufficient_scope")

	s.denylist.set(denylist.ErrRevoked)
	token := s.boundTo(s.Thumbprint)
	requireChallenged(t, s.do(raw("GET /balance", withProof(token, s.Proof("GET", issuer+"/balance", token, nil))...)), 401, "invalid_token")
	require.Zero(t, s.uses.Len(), "a token that is refused uses up no proof")
}

// What on_unavailable allows is a token of which it is not known whether it was revoked, and no proof that may be somebody else's.
func TestNoProofPassesWhileItCannotBeToldWhetherItWasUsed(t *testing.T) {
	upstream := newUpstream(t, answerAll)
	allows := func(r *gateway.Route) { r.OnUnavailable = gateway.Allow }
	for name, cause := range map[string]error{"away": errors.New("connection refused"), "full": denylist.ErrTooManyProofs} {
		uses := &dpoptest.Uses{}
		uses.Fail(cause)
		s := newSender(t, uses, []gateway.Route{balance(upstream.URL(), allows)})
		token := s.boundTo(s.Thumbprint)
		a := s.do(raw("GET /balance", withProof(token, s.Proof("GET", issuer+"/balance", token, nil))...))
		requireRefused(t, a, 503, "temporarily_unavailable")
		require.Equal(t, "1", a.Header.Get("Retry-After"), name)
		require.Empty(t, a.Header.Get("WWW-Authenticate"), "clients would throw their tokens away")
		require.Equal(t, 200, s.do(raw("GET /balance", bearer(s.token(nil)))).StatusCode, "a bearer token needs no proof")
		require.Contains(t, s.log.String(), "cannot tell whether a DPoP proof is good")
	}
}

func TestAWebSocketOpensWithAProof(t *testing.T) {
	upstream := webSocketUpstream(t, echo)
	s := newSender(t, &dpoptest.Uses{}, []gateway.Route{balance(upstream.URL, webSocket, path("/socket"))})
	token := s.boundTo(s.Thumbprint)
	opening := []string{
		"Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
	}
	proof := s.Proof("GET", issuer+"/socket", token, nil)
	a := s.do(raw("GET /socket", slices.Concat(withProof(token, proof), opening)...))
	require.Equal(t, http.StatusSwitchingProtocols, a.StatusCode, a.Body)
	requireChallenged(t, s.do(raw("GET /socket", slices.Concat(withProof(token, proof), opening)...)), 401, "invalid_dpop_proof")
}

func nonceOf(secret string) func(*dpop.Checker) {
	return func(c *dpop.Checker) {
		c.NonceRequired = true
		c.Verifier.Nonces = &dpop.Nonces{Secret: func(time.Time) []byte { return []byte(secret) }, Now: func() time.Time { return now }}
	}
}

func TestANonceIsAskedForWhereItIsRequired(t *testing.T) {
	upstream, secret := newUpstream(t, answerAll), "0123456789abcdef0123456789abcdef"
	s := newSender(t, &dpoptest.Uses{}, []gateway.Route{balance(upstream.URL())}, nonceOf(secret))
	token := s.boundTo(s.Thumbprint)
	a := s.do(raw("GET /balance", withProof(token, s.Proof("GET", issuer+"/balance", token, nil))...))
	requireChallenged(t, a, 401, "use_dpop_nonce")
	nonce := a.Header.Get("DPoP-Nonce")
	require.NotEmpty(t, nonce)

	a = s.do(raw("GET /balance", withProof(token, s.Proof("GET", issuer+"/balance", token, map[string]any{"nonce": nonce}))...))
	require.Equal(t, 200, a.StatusCode, a.Body)
	require.Equal(t, nonce, a.Header.Get("DPoP-Nonce"), "the one of now, before the client's is too old")
	a = s.do(raw("GET /balance", withProof(token, s.Proof("GET", issuer+"/balance", token, map[string]any{"nonce": "made up"}))...))
	requireChallenged(t, a, 401, "use_dpop_nonce")
	require.Empty(t, s.do(raw("GET /balance", bearer(s.token(nil)))).Header.Get("DPoP-Nonce"), "a bearer has no use for it")
}

func TestNoProofPassesWhileNoNonceCanBeGiven(t *testing.T) {
	upstream := newUpstream(t, answerAll)
	s := newSender(t, &dpoptest.Uses{}, []gateway.Route{balance(upstream.URL())}, nonceOf(""))
	token := s.boundTo(s.Thumbprint)
	a := s.do(raw("GET /balance", withProof(token, s.Proof("GET", issuer+"/balance", token, map[string]any{"nonce": "x"}))...))
	requireRefused(t, a, 503, "temporarily_unavailable")
}

func TestADPoPRouteIsConfiguredByOneWord(t *testing.T) {
	_, err := gateway.New(gateway.Config{
		Routes:   []gateway.Route{balance("http://127.0.0.1:1", func(r *gateway.Route) { r.DPoP = "yes" })},
		Verifier: sameClaims{}, Denylist: neverRevoked{},
	})
	require.ErrorContains(t, err, `dpop is "yes", want required`)
}
