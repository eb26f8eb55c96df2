package authz_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/authz"
	"gatehouse/authz/client/assertion"
	"gatehouse/authz/client/document"
	"gatehouse/authz/internal/text"
	"gatehouse/registry"
)

const requestURIPrefix = "urn:ietf:params:oauth:request_uri:"

// pushing is a good authorization request of the client, changed by pairs, without what proves who the user is.
func pushing(client string, pairs ...string) url.Values {
	return authorization(client, append([]string{"login", "", "password", "", "state", "pushed"}, pairs...)...)
}

// push sends a request of app ahead.
func (w *world) push(pairs ...string) (requestURI string) {
	w.Helper()
	return w.pushed(w.post("/oauth/par", pushing("app", pairs...), basic("app", appSecret)))
}

// pushed is the name of a request that was taken.
func (w *world) pushed(a answer) (requestURI string) {
	w.Helper()
	require.Equal(w, http.StatusCreated, a.StatusCode, a.text)
	require.Equal(w, "no-store", a.Header.Get("Cache-Control"))
	require.Contains(w, a.Header.Get("Content-Type"), "application/json")
	return a.str("request_uri")
}

// byName is where the client sends the user's browser.
func byName(client, requestURI string, pairs ...string) string {
	return "/oauth/authorize?" + form(append([]string{"client_id", client, "request_uri", requestURI}, pairs...)...).Encode()
}

func TestAPushedRequestIsAllowed(t *testing.T) {
	w := newWorld(t)
	a := w.post("/oauth/par", pushing("app", "scope", "balance:read"), basic("app", appSecret))
	require.EqualValues(t, 60, a.json["expires_in"])
	require.Len(t, a.json, 2)
	require.Regexp(t, `^`+requestURIPrefix+`[A-Za-z0-9_-]{43}$`, w.pushed(a), "256 bits")
	require.NotEqual(t, w.push(), w.push())

	b := w.signedIn()
	requirePage(t, b.open(byName("app", a.str("request_uri"))), http.StatusOK)
	require.Regexp(t, `^/oauth/authorize/[a-z0-9]+$`, b.page.Request.URL.RequestURI(), "the address holds the ID and nothing else")
	require.NotContains(t, b.page.Request.URL.String(), strings.TrimPrefix(a.str("request_uri"), requestURIPrefix))
	require.Contains(t, b.page.text, "Read your balance.")
	require.NotContains(t, b.page.text, "Create invoices")
	sent := b.sent(b.press("allow"))
	require.Equal(t, "pushed", sent.Get("state"))
	require.Equal(t, w.url, sent.Get("iss"))
	token := w.redeem(sent.Get("code"))
	require.Equal(t, http.StatusOK, token.StatusCode, token.text)
	require.Equal(t, "balance:read", token.str("scope"))
	require.Equal(t, subject, w.claims(token.str("access_token")).Subject)
}

func TestWhoPushesProvesItselfAsAtTheTokenEndpoint(t *testing.T) {
	w := newWorld(t)
	inForm := pushing("app", "client_secret", appSecret)
	w.pushed(w.post("/oauth/par", inForm))
	w.pushed(w.post("/oauth/par", pushing("", "client_id", ""), basic("app", appSecret)))
	public := pushing("spa", "redirect_uri", callback+"/spa", "code_challenge", verifier)
	w.pushed(w.post("/oauth/par", public))
	w.pushed(w.post("/oauth/par", public, basic("spa", "")))

	for name, a := range map[string]answer{
		"nobody":           w.post("/oauth/par", pushing("", "client_id", "")),
		"no secret":        w.post("/oauth/par", pushing("app")),
		"a wrong one":      w.post("/oauth/par", pushing("app"), basic("app", "wrong")),
		"in the query":     w.post("/oauth/par?client_secret="+appSecret, pushing("app")),
		"unknown":          w.post("/oauth/par", pushing("nobody"), basic("nobody", appSecret)),
		"public, a secret": w.post("/oauth/par", public, basic("spa", appSecret)),
		"an assertion":     w.post("/oauth/par", pushing("app", "client_assertion", "e30.", "client_assertion_type", "x")),
	} {
		require.Equal(t, http.StatusUnauthorized, a.StatusCode, "%s: %s", name, a.text)
		require.Equal(t, "invalid_client", a.str("error"), name)
	}
	require.NoError(t, w.registry.DisableClient(t.Context(), "app", w.clock.Now().Add(time.Hour)))
	w.requireError(w.post("/oauth/par", pushing("app"), basic("app", appSecret)), http.StatusUnauthorized, "invalid_client")
	w.requireError(w.post("/oauth/par", pushing("app"), basic("other", appSecret)), http.StatusBadRequest, "invalid_request")
	require.NotContains(t, w.log.String(), appSecret)
}

// The request is held to the rules of the authorization endpoint where it is pushed: nobody's browser is sent with one that is bad.
func TestABadRequestIsRefusedWhereItIsPushed(t *testing.T) {
	w := withResources(t)
	for name, test := range map[string]struct {
		form url.Values
		err  string
	}{
		"another host":           {pushing("app", "redirect_uri", "https://evil.example"), "invalid_request"},
		"no redirect URI":        {pushing("app", "redirect_uri", ""), "invalid_request"},
		"not for users":          {pushing("service"), "invalid_request"},
		"a pushed request":       {pushing("app", "request_uri", requestURIPrefix+"x"), "invalid_request"},
		"another request URI":    {pushing("app", "request_uri", "https://app.example/r"), "invalid_request"},
		"a request object":       {pushing("app", "request", "e30."), "request_not_supported"},
		"response type token":    {pushing("app", "response_type", "token"), "unsupported_response_type"},
		"fragment":               {pushing("app", "response_mode", "fragment"), "unsupported_response_mode"},
		"unknown scope":          {pushing("app", "scope", "everything"), "invalid_scope"},
		"no scope":               {pushing("app", "scope", ""), "invalid_scope"},
		"public without PKCE":    {pushing("spa", "redirect_uri", callback+"/spa"), "invalid_request"},
		"a method without":       {pushing("app", "code_challenge_method", "S256"), "invalid_request"},
		"no resource of ours":    {pushing("app", "resource", "https://elsewhere.example"), "invalid_target"},
		"expires_in zero":        {pushing("app", "expires_in", "0"), "invalid_request"},
		"details":                {pushing("app", "authorization_details", "x"), "invalid_authorization_details"},
		"no thumbprint":          {pushing("app", "dpop_jkt", "x"), "invalid_request"},
		"prompt none and others": {pushing("app", "prompt", "none login"), "invalid_request"},
		"a max_age that is none": {pushing("app", "max_age", "soon"), "invalid_request"},
		"too long":               {pushing("app", "state", strings.Repeat("x", 16<<10)), "invalid_request"},
		"a name twice":           {url.Values{"client_id": {"app"}, "scope": {"balance:read", "balance:read"}}, "invalid_request"},
	} {
		id := test.form.Get("client_id")
		secret := map[bool]string{true: "", false: appSecret}[id == "spa"]
		a := w.post("/oauth/par", test.form, basic(id, secret))
		require.Equal(t, http.StatusBadRequest, a.StatusCode, "%s: %s", name, a.text)
		require.Equal(t, test.err, a.str("error"), "%s: %s", name, a.text)
		require.Empty(t, a.Header.Get("Location"), name)
	}
	w.requireError(w.post("/oauth/par", pushing("app", "state", strings.Repeat("x", 64<<10)), basic("app", appSecret)), 413, "invalid_request")
	w.requireError(w.get("/oauth/par?"+pushing("app").Encode(), basic("app", appSecret)), 405, "method_not_allowed")
	w.requireError(w.post("/oauth/par?"+pushing("app").Encode(), nil, basic("app", appSecret)), 400, "invalid_request")
}

// Whoever names a client without a secret could be anybody.
func TestStrangersPushAtAPace(t *testing.T) {
	w := newWorld(t)
	public := pushing("spa", "redirect_uri", callback+"/spa", "code_challenge", verifier)
	for range 600 {
		w.pushed(w.post("/oauth/par", public))
	}
	braked := w.post("/oauth/par", public)
	w.requireError(braked, http.StatusTooManyRequests, "too_many_requests")
	require.Equal(t, "1", braked.Header.Get("Retry-After"))
	w.push()
	requirePage(t, w.browser().open(request("app")), http.StatusOK)
	w.clock.Advance(100 * time.Millisecond)
	w.pushed(w.post("/oauth/par", public))
}

// What is pushed beyond what there is room for takes the place of what was pushed first.
func TestPushedRequestsOfAClientAreBounded(t *testing.T) {
	w := newWorld(t)
	first := w.push()
	w.clock.Advance(time.Millisecond)
	second := w.push()
	for range 999 {
		w.clock.Advance(time.Millisecond)
		w.push()
	}
	b := w.signedIn()
	requirePage(t, b.open(byName("app", first)), http.StatusBadRequest)
	requirePage(t, b.open(byName("app", second)), http.StatusOK)
}

func TestAnAgentPushesItsRequest(t *testing.T) {
	a := newAgents(t)
	asked := func(pairs ...string) url.Values {
		return pushing(a.documents.At, append(append([]string{"scope", "balance:read"}, pkce...), pairs...)...)
	}
	b := a.signedIn()
	for range 2 { // before a user has allowed it something, and then
		name := a.pushed(a.post("/oauth/par", asked()))
		requirePage(t, b.open(byName(a.documents.At, name)), http.StatusOK)
		require.Contains(t, b.page.text, "An agent asks for access to your account")
		token := a.redeems(b.sent(b.press("allow")).Get("code"))
		require.Equal(t, http.StatusOK, token.StatusCode, token.text)
	}
	a.requireError(a.post("/oauth/par", asked("client_secret", "guessed")), 401, "invalid_client")
	a.requireError(a.post("/oauth/par", asked("redirect_uri", "https://evil.example")), 400, "invalid_request")
	a.documents.Says(map[string]any{"client_name": "No redirects"})
	a.clock.Advance(24 * time.Hour)
	a.requireError(a.post("/oauth/par", asked()), 401, "invalid_client")

	without := newWorld(t)
	without.requireError(without.post("/oauth/par", asked()), 401, "invalid_client")
}

func TestAnAgentCanAskToPushAlways(t *testing.T) {
	a := newAgents(t, func(c *document.Config) {})
	a.says(map[string]any{"require_pushed_authorization_requests": true})
	b := a.signedIn()
	requirePage(t, b.open(a.asks()), http.StatusBadRequest)
	name := a.pushed(a.post("/oauth/par", pushing(a.documents.At, append([]string{"scope", "balance:read"}, pkce...)...)))
	requirePage(t, b.open(byName(a.documents.At, name)), http.StatusOK)
}

// A proof at the endpoint binds the code (RFC 9449 section 10.1): it is the same as dpop_jkt.
func TestAProofWithAPushedRequestBindsTheCode(t *testing.T) {
	w := newWorld(t)
	c, thief := w.newKey(), w.newKey()
	at := w.url + "/oauth/par"
	proving := func(changes map[string]any) option { return header("DPoP", c.Proof(http.MethodPost, at, "", changes)) }
	public := pushing("spa", "redirect_uri", callback+"/spa", "code_challenge", spaVerifier)
	b := w.signedIn()
	for name, pushed := range map[string]answer{
		"proof":    w.post("/oauth/par", public, proving(nil)),
		"dpop_jkt": w.post("/oauth/par", pushing("spa", "redirect_uri", callback+"/spa", "code_challenge", spaVerifier, "dpop_jkt", c.Thumbprint)),
		"both": w.post("/oauth/par", pushing("spa", "redirect_uri", callback+"/spa", "code_challenge", spaVerifier, "dpop_jkt", c.Thumbprint),
			proving(nil)),
	} {
		b.open(byName("spa", w.pushed(pushed)))
		code := redemption(b.sent(b.press("allow")).Get("code"), "redirect_uri", callback+"/spa", "client_id", "spa", "code_verifier", spaVerifier)
		w.requireError(w.post("/oauth/token", code), 400, "invalid_dpop_proof")
		w.requireError(w.post("/oauth/token", code, w.proving(thief, nil)), 400, "invalid_grant")
		require.Equal(t, c.Thumbprint, w.claims(w.post("/oauth/token", code, w.proving(c, nil)).str("access_token")).BoundTo, name)
	}

	named := pushing("app", "dpop_jkt", thief.Thumbprint)
	proof := proving(nil)
	w.requireError(w.post("/oauth/par", named, basic("app", appSecret), proof), 400, "invalid_request")
	w.requireError(w.post("/oauth/par", pushing("app", "scope", "x"), basic("app", appSecret), proof), 400, "invalid_scope")
	w.requireError(w.post("/oauth/par", pushing("app"), basic("app", "wrong"), proof), 401, "invalid_client")
	w.pushed(w.post("/oauth/par", pushing("app"), basic("app", appSecret), proof)) // whoever is refused has not used it up
	w.requireError(w.post("/oauth/par", pushing("app"), basic("app", appSecret), proof), 400, "invalid_dpop_proof")
	w.requireError(w.post("/oauth/par", pushing("app"), basic("app", appSecret), w.proving(c, nil)), 400, "invalid_dpop_proof")
	w.requireError(w.post("/oauth/par", pushing("app"), basic("app", appSecret), proving(nil), proving(nil)), 400, "invalid_dpop_proof")

	without := newWorld(t, func(c *authz.Config) { c.Proofs = nil })
	without.pushed(without.post("/oauth/par", pushing("app"), basic("app", appSecret), proof))
}

func TestAnOperatorDecidesThatAClientPushesAlways(t *testing.T) {
	w := newWorld(t)
	created := w.adminDo("POST", "", `{"name":"N","domain":"`+callback+`","requirePushedAuthorizationRequests":true}`)
	require.Equal(t, http.StatusOK, created.StatusCode, created.text)
	id := created.str("clientId")
	b := w.signedIn()
	refused := b.sent(b.open(request(id, "state", "s")))
	require.Equal(t, []string{"invalid_request", "s"}, []string{refused.Get("error"), refused.Get("state")})
	a := w.post("/oauth/authorize", authorization(id))
	require.Contains(t, a.Header.Get("Location"), "error=invalid_request", "the host application's, too")
	name := w.pushed(w.post("/oauth/par", pushing(id), basic(id, created.str("clientSecret"))))
	requirePage(t, b.open(byName(id, name)), http.StatusOK)
	requirePage(t, b.reload(), http.StatusOK)
	require.NotEmpty(t, b.sent(b.press("allow")).Get("code"))

	require.Equal(t, true, w.adminDo("GET", "/"+id, "").json["requirePushedAuthorizationRequests"])
	require.Equal(t, true, w.adminDo("PUT", "/"+id, `{"name":"M"}`).json["requirePushedAuthorizationRequests"], "what is not given stays")
	require.NotContains(t, w.adminDo("PUT", "/"+id, `{"requirePushedAuthorizationRequests":false}`).json, "requirePushedAuthorizationRequests")
	requirePage(t, b.open(request(id)), http.StatusOK)
}

func TestAServerMayTakePushedRequestsOnly(t *testing.T) {
	const required = "require_pushed_authorization_requests"
	require.NotContains(t, newWorld(t).get("/.well-known/oauth-authorization-server").text, required)
	w := newWorld(t, func(c *authz.Config) { c.PushedRequestsOnly, c.PushedLifespan = true, 5*time.Second })
	metadata := w.get("/.well-known/oauth-authorization-server").json
	require.Equal(t, true, metadata[required])
	require.Equal(t, w.url+"/oauth/par", metadata["pushed_authorization_request_endpoint"])
	b := w.signedIn()
	require.Equal(t, "invalid_request", b.sent(b.open(request("app"))).Get("error"))
	require.Equal(t, "invalid_request", b.sent(b.open(request("app", "prompt", "none"))).Get("error"))
	a := w.post("/oauth/par", pushing("app"), basic("app", appSecret))
	require.EqualValues(t, 5, a.json["expires_in"])
	requirePage(t, b.open(byName("app", w.pushed(a))), http.StatusOK)
	require.ErrorContains(t, second(authz.New(func() authz.Config { c := w.config; c.PushedLifespan = time.Millisecond; return c }())), "pushed")
}

// A client that changes between the two steps is held to what it is then.
func TestAClientThatHasChangedSinceItPushed(t *testing.T) {
	w := newWorld(t)
	b := w.signedIn()
	gone, narrowed, disabled := w.push(), w.push(), w.push()
	w.change("app", func(c *registry.Client) { c.Domain, c.RedirectURIs = "", []string{"https://app.example/cb"} })
	requirePage(t, b.open(byName("app", gone)), http.StatusBadRequest)
	w.change("app", func(c *registry.Client) { c.Domain, c.Scopes = callback, []string{"payments:send"} })
	require.Equal(t, "invalid_scope", b.sent(b.open(byName("app", narrowed))).Get("error"))
	require.NoError(t, w.registry.DisableClient(t.Context(), "app", w.clock.Now().Add(time.Hour)))
	requirePage(t, b.open(byName("app", disabled)), http.StatusBadRequest)
}

// What a client has signed to prove itself is not kept with the request.
func TestAClientThatSignsPushes(t *testing.T) {
	w := newWorld(t)
	s := w.signs("signing")
	for _, aud := range []string{w.url, w.url + "/oauth/token", w.url + "/oauth/par"} {
		asked := pushing("signing", "client_assertion_type", assertion.Type, "client_assertion", s.assertion(nil, map[string]any{"aud": aud}))
		name := w.pushed(w.post("/oauth/par", asked))
		kept, err := w.registry.AuthorizationRequest(t.Context(), text.HashToken(strings.TrimPrefix(name, requestURIPrefix)))
		require.NoError(t, err)
		require.NotContains(t, kept.Parameters, "client_assertion")
		require.NotContains(t, kept.Parameters, "client_assertion_type")
		w.requireError(w.post("/oauth/par", asked), http.StatusUnauthorized, "invalid_client")
	}
	w.requireError(w.post("/oauth/par", pushing("signing")), http.StatusUnauthorized, "invalid_client")
}
