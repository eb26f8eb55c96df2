package authz_test

import (
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/authz"
	"gatehouse/denylist"
	"gatehouse/keys/dpop"
	"gatehouse/keys/dpop/dpoptest"
	"gatehouse/registry"
)

const spaVerifier = "0123456789012345678901234567890123456789abc"

func (w *world) newKey() *dpoptest.Client {
	c := dpoptest.New(w)
	c.Now = w.clock.Now
	return c
}

// proving sends a proof for the token endpoint, changed by changes.
func (w *world) proving(c *dpoptest.Client, changes map[string]any) option {
	return header("DPoP", c.Proof(http.MethodPost, w.url+"/oauth/token", "", changes))
}

// spaCode lets the user allow the client without a secret.
func (w *world) spaCode(pairs ...string) url.Values {
	w.Helper()
	pairs = append([]string{"redirect_uri", callback + "/spa", "code_challenge", spaVerifier, "code_challenge_method", "plain"}, pairs...)
	return redemption(w.code("spa", pairs...), "redirect_uri", callback+"/spa", "client_id", "spa", "code_verifier", spaVerifier)
}

// requireBound holds an answer to be one with tokens that are bound to the key.
func (w *world) requireBound(a answer, c *dpoptest.Client) {
	w.Helper()
	require.Equal(w, http.StatusOK, a.StatusCode, a.text)
	require.Equal(w, "DPoP", a.str("token_type"))
	require.Equal(w, c.Thumbprint, w.claims(a.str("access_token")).BoundTo)
}

func TestAProofBindsTheTokensOfEachGrant(t *testing.T) {
	w := newWorld(t)
	c := w.newKey()
	first := w.post("/oauth/token", redemption(w.code("app")), basic("app", appSecret), w.proving(c, nil))
	w.requireBound(first, c)
	w.requireBound(w.post("/oauth/token", refreshing(first.str("refresh_token")), basic("app", appSecret), w.proving(c, nil)), c)
	own := form("grant_type", "client_credentials", "scope", "balance:read")
	w.requireBound(w.post("/oauth/token", own, basic("service", appSecret), w.proving(c, nil)), c)

	bearer := w.post("/oauth/token", own, basic("service", appSecret))
	require.Equal(t, "Bearer", bearer.str("token_type"), "who sends no proof gets what there was before")
	require.Empty(t, w.claims(bearer.str("access_token")).BoundTo)
	require.NotContains(t, decodePart(t, bearer.str("access_token"), 1), "cnf")
}

func TestAProofThatIsNotForTheTokenEndpointSpendsNothing(t *testing.T) {
	w := newWorld(t)
	c := w.newKey()
	code := redemption(w.code("app"))
	uri := w.url + "/oauth/token"
	good := c.Proof(http.MethodPost, uri, "", nil)
	for name, proof := range map[string]string{
		"another method": c.Proof(http.MethodGet, uri, "", nil),
		"another path":   c.Proof(http.MethodPost, w.url+"/oauth/revoke", "", nil),
		"another host":   c.Proof(http.MethodPost, "https://evil.example/oauth/token", "", nil),
		"too old":        c.Proof(http.MethodPost, uri, "", map[string]any{"iat": w.clock.Now().Add(-dpop.DefaultMaxAge).Unix()}),
		"of tomorrow":    c.Proof(http.MethodPost, uri, "", map[string]any{"iat": w.clock.Now().Add(24 * time.Hour).Unix()}),
		"no jti":         c.Proof(http.MethodPost, uri, "", map[string]any{"jti": nil}),
		"not signed":     good[:strings.LastIndexByte(good, '.')+1],
		"not one":        "Bearer",
		"empty":          "",
	} {
		a := w.post("/oauth/token", code, basic("app", appSecret), header("DPoP", proof))
		w.requireError(a, http.StatusBadRequest, "invalid_dpop_proof")
		require.Empty(t, a.Header.Get("WWW-Authenticate"), name)
	}
	w.requireError(w.post("/oauth/token", code, basic("app", appSecret), header("DPoP", good), header("DPoP", good)), 400, "invalid_dpop_proof")
	w.requireBound(w.post("/oauth/token", code, basic("app", appSecret), header("DPoP", good)), c)
}

func TestAProofIsUsedOnceAtTheTokenEndpoint(t *testing.T) {
	w := newWorld(t)
	c := w.newKey()
	own := form("grant_type", "client_credentials", "scope", "balance:read")
	proof := w.proving(c, nil)
	w.requireBound(w.post("/oauth/token", own, basic("service", appSecret), proof), c)
	w.requireError(w.post("/oauth/token", own, basic("service", appSecret), proof), 400, "invalid_dpop_proof")
}

// Whoever is refused for another reason has not used up a proof, and so nobody can use up those of others.
func TestARequestThatIsRefusedUsesUpNoProof(t *testing.T) {
	w := newWorld(t)
	c := w.newKey()
	proof := w.proving(c, nil)
	w.requireError(w.post("/oauth/token", redemption("made up"), basic("app", appSecret), proof), 400, "invalid_grant")
	w.requireError(w.post("/oauth/token", redemption(w.code("app")), basic("app", "wrong"), proof), 401, "invalid_client")
	w.requireBound(w.post("/oauth/token", redemption(w.code("app")), basic("app", appSecret), proof), c)
}

func TestARefreshTokenOfAPublicClientIsBoundToItsKey(t *testing.T) {
	w := newWorld(t)
	c, thief := w.newKey(), w.newKey()
	first := w.post("/oauth/token", w.spaCode(), w.proving(c, nil))
	w.requireBound(first, c)
	refresh := refreshing(first.str("refresh_token"), "client_id", "spa")

	w.requireError(w.post("/oauth/token", refresh), 400, "invalid_dpop_proof")
	w.requireError(w.post("/oauth/token", refresh, w.proving(thief, nil)), 400, "invalid_grant")
	second := w.post("/oauth/token", refresh, w.proving(c, nil))
	w.requireBound(second, c)

	next := refreshing(second.str("refresh_token"), "client_id", "spa")
	w.requireError(w.post("/oauth/token", next), 400, "invalid_dpop_proof")
	w.requireError(w.post("/oauth/token", next, w.proving(thief, nil)), 400, "invalid_grant")
	w.requireBound(w.post("/oauth/token", next, w.proving(c, nil)), c)
}

// A refresh token that was used can be used again within its grace, and never for another key.
func TestTheAnswerToAReplayStaysBound(t *testing.T) {
	w := newWorld(t)
	c, thief := w.newKey(), w.newKey()
	first := w.post("/oauth/token", w.spaCode(), w.proving(c, nil))
	refresh := refreshing(first.str("refresh_token"), "client_id", "spa")
	second := w.post("/oauth/token", refresh, w.proving(c, nil))
	w.requireBound(second, c)
	w.requireError(w.post("/oauth/token", refresh), 400, "invalid_dpop_proof")
	w.requireError(w.post("/oauth/token", refresh, w.proving(thief, nil)), 400, "invalid_grant")
	again := w.post("/oauth/token", refresh, w.proving(c, nil))
	w.requireBound(again, c)
	require.Equal(t, second.str("access_token"), again.str("access_token"))
	require.Equal(t, second.str("refresh_token"), again.str("refresh_token"))
}

// The token that a client with a secret was given for one key is not given for another, nor as a bearer token.
func TestAReplayForAnotherKeyIsAnotherAnswer(t *testing.T) {
	w := newWorld(t)
	c, changed := w.newKey(), w.newKey()
	refresh := refreshing(w.tokens().str("refresh_token"))
	w.requireBound(w.post("/oauth/token", refresh, basic("app", appSecret), w.proving(c, nil)), c)
	w.requireBound(w.post("/oauth/token", refresh, basic("app", appSecret), w.proving(changed, nil)), changed)
	a := w.post("/oauth/token", refresh, basic("app", appSecret))
	require.Equal(t, "Bearer", a.str("token_type"), a.text)
	require.Empty(t, w.claims(a.str("access_token")).BoundTo)
}

func TestACodeIsBoundToTheKeyOfItsRequest(t *testing.T) {
	w := newWorld(t)
	c, thief := w.newKey(), w.newKey()
	code := w.spaCode("dpop_jkt", c.Thumbprint)
	w.requireError(w.post("/oauth/token", code), 400, "invalid_dpop_proof")
	w.requireError(w.post("/oauth/token", code, w.proving(thief, nil)), 400, "invalid_grant")
	w.requireBound(w.post("/oauth/token", code, w.proving(c, nil)), c)

	a := w.post("/oauth/authorize", authorization("app", "dpop_jkt", "no thumbprint"))
	location, err := a.Location()
	require.NoError(t, err)
	require.Equal(t, "invalid_request", location.Query().Get("error"))
}

func TestAClientMayGetBoundTokensOnly(t *testing.T) {
	w := newWorld(t)
	c := w.newKey()
	for _, id := range []string{"app", "service"} {
		w.change(id, func(c *registry.Client) { c.DPoPBound = true })
	}
	code, own := redemption(w.code("app")), form("grant_type", "client_credentials", "scope", "balance:read")
	w.requireError(w.post("/oauth/token", code, basic("app", appSecret)), 400, "invalid_dpop_proof")
	w.requireError(w.post("/oauth/token", own, basic("service", appSecret)), 400, "invalid_dpop_proof")
	first := w.post("/oauth/token", code, basic("app", appSecret), w.proving(c, nil))
	w.requireBound(first, c)
	refresh := refreshing(first.str("refresh_token"))
	w.requireError(w.post("/oauth/token", refresh, basic("app", appSecret)), 400, "invalid_dpop_proof")
	changed := w.newKey()
	w.requireBound(w.post("/oauth/token", refresh, basic("app", appSecret), w.proving(changed, nil)), changed)
}

func TestNothingIsSpentWhileUsesOfProofsAreUnknown(t *testing.T) {
	w := newWorld(t)
	c := w.newKey()
	code := redemption(w.code("app"))
	w.redis.SetError("away")
	a := w.post("/oauth/token", code, basic("app", appSecret), w.proving(c, nil))
	w.requireError(a, http.StatusServiceUnavailable, "temporarily_unavailable")
	require.Equal(t, "1", a.Header.Get("Retry-After"))
	w.redis.SetError("")
	w.requireBound(w.post("/oauth/token", code, basic("app", appSecret), w.proving(c, nil)), c)
}

func newWorldOfNonces(t *testing.T) *world {
	t.Helper()
	return newWorld(t, func(c *authz.Config) {
		secrets := denylist.NewNonceSecrets(c.Denylist.(*denylist.Store))
		require.NoError(t, secrets.Refresh(t.Context()))
		c.Proofs.NonceRequired = true
		c.Proofs.Verifier.Nonces = &dpop.Nonces{Secret: secrets.At, Now: c.Now}
	})
}

func TestTheTokenEndpointAsksForANonce(t *testing.T) {
	w := newWorldOfNonces(t)
	c := w.newKey()
	early := w.proving(c, nil)
	code := redemption(w.code("app"))
	a := w.post("/oauth/token", code, basic("app", appSecret), early)
	w.requireError(a, http.StatusBadRequest, "use_dpop_nonce")
	nonce := a.Header.Get("DPoP-Nonce")
	require.NotEmpty(t, nonce)
	a = w.post("/oauth/token", code, basic("app", appSecret), w.proving(c, map[string]any{"nonce": nonce}))
	w.requireBound(a, c)
	require.Equal(t, nonce, a.Header.Get("DPoP-Nonce"))
	require.Empty(t, w.tokens().Header.Get("DPoP-Nonce"), "who sends no proof has no use for it")

	w.clock.Advance(2 * dpop.NonceWindow)
	a = w.post("/oauth/token", redemption(w.code("app")), basic("app", appSecret), w.proving(c, map[string]any{"nonce": nonce}))
	w.requireError(a, http.StatusBadRequest, "use_dpop_nonce")
	require.NotEqual(t, nonce, a.Header.Get("DPoP-Nonce"))
}

// A client that is told to send its request again with a nonce sends the same assertion again, as that of bluesky-social/indigo does. Nothing
// has been proven by the first.
func TestWhoLacksANonceHasUsedUpNoAssertion(t *testing.T) {
	w := newWorldOfNonces(t)
	s, c := w.signs("signing"), w.newKey()
	for path, request := range map[string]url.Values{
		"/oauth/token": form("grant_type", "client_credentials", "scope", "balance:read"), "/oauth/par": pushing("signing"),
	} {
		maps.Copy(request, signed(s.assertion(nil, nil)))
		send := func(nonce any) answer {
			return w.post(path, request, header("DPoP", c.Proof(http.MethodPost, w.url+path, "", map[string]any{"nonce": nonce})))
		}
		var last answer
		for _, nonce := range []any{nil, "", "made up"} {
			last = send(nonce)
			w.requireError(last, http.StatusBadRequest, "use_dpop_nonce")
		}
		good := last.Header.Get("DPoP-Nonce")
		a := send(good)
		require.Less(t, a.StatusCode, 300, "%s: %s", path, a.text)
		w.requireError(send(good), http.StatusUnauthorized, "invalid_client")
	}
}

// The endpoints that tell the holder of an access token something about it hold him to what a gateway does.
func TestABoundTokenIsShownWithItsProof(t *testing.T) {
	w := newWorld(t)
	c, thief := w.newKey(), w.newKey()
	token := w.post("/oauth/token", redemption(w.code("app")), basic("app", appSecret), w.proving(c, nil)).str("access_token")
	unbound := w.tokens().str("access_token")
	for _, path := range []string{"/oauth/token/introspect", "/oauth/budget"} {
		show := func(token string, proof ...string) answer {
			options := []option{header("Authorization", "DPoP "+token)}
			for _, p := range proof {
				options = append(options, header("DPoP", p))
			}
			return w.get(path, options...)
		}
		uri := w.url + path
		proof := c.Proof(http.MethodGet, uri, token, nil)
		require.Equal(t, 200, show(token, proof).StatusCode)
		require.Equal(t, 200, w.get(path, header("Authorization", "Bearer "+unbound)).StatusCode)
		for name, refused := range map[string]answer{
			"bearer":           w.get(path, header("Authorization", "Bearer "+token)),
			"bare":             w.get(path, header("Authorization", token)),
			"bearer and proof": w.get(path, header("Authorization", "Bearer "+token), header("DPoP", c.Proof(http.MethodGet, uri, token, nil))),
			"no proof":         show(token),
			"used":             show(token, proof),
			"two":              show(token, c.Proof(http.MethodGet, uri, token, nil), c.Proof(http.MethodGet, uri, token, nil)),
			"another token":    show(token, c.Proof(http.MethodGet, uri, unbound, nil)),
			"another key":      show(token, thief.Proof(http.MethodGet, uri, token, nil)),
			"another path":     show(token, c.Proof(http.MethodGet, w.url+"/oauth/token", token, nil)),
			"not bound":        show(unbound, c.Proof(http.MethodGet, uri, unbound, nil)),
		} {
			require.Equal(t, 401, refused.StatusCode, "%s: %s", name, refused.text)
			require.Regexp(t, `^DPoP realm="gatehouse", error="invalid_(token|dpop_proof)", algs="ES256 `, refused.Header.Get("WWW-Authenticate"), name)
		}
		a := w.get(path, header("Authorization", "Bearer "+unbound), header("DPoP", c.Proof(http.MethodGet, uri, unbound, nil)))
		w.requireError(a, 400, "invalid_request")
	}
}

func TestIntrospectionTellsTheKey(t *testing.T) {
	w := newWorld(t)
	c := w.newKey()
	tokens := w.post("/oauth/token", w.spaCode(), w.proving(c, nil))
	a := w.post("/oauth/introspect", form("token", tokens.str("access_token")), basic("service", appSecret))
	require.Equal(t, "DPoP", a.str("token_type"))
	require.Equal(t, map[string]any{"jkt": c.Thumbprint}, a.json["cnf"])
	a = w.post("/oauth/introspect", form("token", w.tokens().str("access_token")), basic("service", appSecret))
	require.Equal(t, "Bearer", a.str("token_type"))
	require.NotContains(t, a.json, "cnf")
}

func TestMetadataTellsTheAlgorithmsOfProofs(t *testing.T) {
	w := newWorld(t)
	algorithms, _ := w.get("/.well-known/oauth-authorization-server").json["dpop_signing_alg_values_supported"].([]any)
	require.Len(t, algorithms, len(dpop.Algorithms()))
	require.Contains(t, algorithms, "ES256")

	without := newWorld(t, func(c *authz.Config) { c.Proofs = nil })
	require.NotContains(t, without.get("/.well-known/oauth-authorization-server").json, "dpop_signing_alg_values_supported")
}

// A server that checks no proofs gives what is bound to a key to nobody.
func TestWithoutProofsNothingThatIsBoundIsGivenAway(t *testing.T) {
	w := newWorld(t, func(c *authz.Config) { c.Proofs = nil })
	c := w.newKey()
	code := w.spaCode("dpop_jkt", c.Thumbprint)
	w.requireError(w.post("/oauth/token", code, w.proving(c, nil)), 503, "temporarily_unavailable")
	w.requireError(w.post("/oauth/token", code), 400, "invalid_dpop_proof")
}

func TestAnOperatorDecidesThatAClientGetsBoundTokensOnly(t *testing.T) {
	w := newWorld(t)
	created := w.adminDo("POST", "", `{"name":"N","grantTypes":["client_credentials"],"dpopBoundAccessTokens":true}`)
	require.Equal(t, http.StatusOK, created.StatusCode, created.text)
	id := created.str("clientId")
	ask := func() answer {
		return w.post("/oauth/token", form("grant_type", "client_credentials", "scope", "balance:read"), basic(id, created.str("clientSecret")))
	}
	w.requireError(ask(), 400, "invalid_dpop_proof")
	require.Equal(t, true, w.adminDo("GET", "/"+id, "").json["dpopBoundAccessTokens"])
	require.Equal(t, true, w.adminDo("PUT", "/"+id, `{"name":"M"}`).json["dpopBoundAccessTokens"], "what is not given stays")
	require.NotContains(t, w.adminDo("PUT", "/"+id, `{"dpopBoundAccessTokens":false}`).json, "dpopBoundAccessTokens")
	require.Equal(t, 200, ask().StatusCode)
}

// A client that nobody has registered says itself, in its document, that its tokens are to be bound.
func TestTheDocumentOfAClientCanAskForBoundTokens(t *testing.T) {
	a := newAgents(t)
	a.says(map[string]any{"dpop_bound_access_tokens": true})
	b := a.signedIn()
	b.open(a.asks())
	code := b.sent(b.press("allow")).Get("code")
	a.requireError(a.redeems(code), 400, "invalid_dpop_proof")
	c := a.newKey()
	redeeming := redemption(code, "client_id", a.documents.At, "code_verifier", strings.Repeat("v", 43))
	a.requireBound(a.post("/oauth/token", redeeming, a.proving(c, nil)), c)
}
