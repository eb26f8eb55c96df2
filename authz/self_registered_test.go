package authz_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/authz"
	"gatehouse/authz/admin"
	"gatehouse/registry"
)

// manages sends a request about its registration as the client; for PUT with what it says about itself then, by changes.
func (g *registering) manages(method string, a answer, changes map[string]any, options ...option) answer {
	g.Helper()
	options = append([]option{header("Authorization", "Bearer "+a.str("registration_access_token"))}, options...)
	at := a.str("registration_client_uri")
	if method != http.MethodPut {
		return g.do(method, at, "", nil, options...)
	}
	said := metadata(map[string]any{"client_id": a.str("client_id")})
	if s, signs := g.signers[a.str("client_id")]; signs {
		said["token_endpoint_auth_method"], said["jwks"] = "private_key_jwt", json.RawMessage(s.keySet())
	}
	maps.Copy(said, changes)
	maps.DeleteFunc(said, func(_ string, value any) bool { return value == nil })
	return g.sendJSON(method, at, said, options...)
}

// asks is where the client sends the user's browser.
func (g *registering) asks(a answer, pairs ...string) string {
	return request(a.str("client_id"), append(append([]string{"scope", "balance:read"}, pkce...), pairs...)...)
}

// proves sends a form as the client, with what that proves itself with.
func (g *registering) proves(a answer, endpoint string, form url.Values) answer {
	g.Helper()
	id := a.str("client_id")
	if s, signs := g.signers[id]; signs {
		maps.Copy(form, signed(s.assertion(nil, nil)))
		return g.post(endpoint, form)
	}
	if secret := a.str("client_secret"); secret != "" {
		return g.post(endpoint, form, basic(id, secret))
	}
	return g.post(endpoint, form)
}

func (g *registering) redeems(a answer, code string, pairs ...string) answer {
	g.Helper()
	pairs = append([]string{"client_id", a.str("client_id"), "code_verifier", strings.Repeat("v", 43)}, pairs...)
	return g.proves(a, "/oauth/token", redemption(code, pairs...))
}

func (g *registering) refreshes(a answer, token string) answer {
	g.Helper()
	return g.proves(a, "/oauth/token", refreshing(token, "client_id", a.str("client_id")))
}

// allowed are the tokens of a client that the user has allowed to read.
func (g *registering) allowed(b *browser, a answer) answer {
	g.Helper()
	b.open(g.asks(a))
	token := g.redeems(a, b.sent(b.press("allow")).Get("code"))
	require.Equal(g, http.StatusOK, token.StatusCode, token.text)
	return token
}

var authMethods = []string{"none", "client_secret_basic", "client_secret_post", "private_key_jwt"}

func TestAUserAllowsAClientThatHasRegisteredItself(t *testing.T) {
	for _, method := range authMethods {
		g := newRegistering(t)
		a := g.registered(map[string]any{"token_endpoint_auth_method": method})
		b := g.signedIn()
		requirePage(t, b.open(g.asks(a)), http.StatusOK)
		require.Contains(t, b.page.text, "An app asks for access to your account")
		require.Contains(t, b.page.text, "Nobody at "+strings.TrimPrefix(g.url, "http://")+" has checked this application. It has registered itself")
		require.Contains(t, b.page.text, "Its answer goes to <strong>localhost:8080</strong>")
		code := b.sent(b.press("allow")).Get("code")
		if method != "none" {
			g.requireError(g.post("/oauth/token", redemption(code, "client_id", a.str("client_id"), "code_verifier", strings.Repeat("v", 43))),
				http.StatusUnauthorized, "invalid_client")
		}
		token := g.redeems(a, code)
		require.Equal(t, http.StatusOK, token.StatusCode, token.text)
		require.Equal(t, a.str("client_id"), g.claims(token.str("access_token")).ClientID)
		connections := g.get("/clients", header("Authorization", "Bearer "+g.userJWT(map[string]any{"id": 12345, "exp": g.clock.Now().Add(time.Hour).Unix()})))
		require.Contains(t, connections.text, `"name":"An app"`)
		require.Contains(t, connections.text, `"domain":"localhost:8080"`)
		refreshed := g.refreshes(a, token.str("refresh_token"))
		require.Equal(t, http.StatusOK, refreshed.StatusCode, refreshed.text)
	}
}

func TestAClientWithoutANameIsShownByItsID(t *testing.T) {
	g := newRegistering(t)
	a := g.registered(map[string]any{"client_name": nil})
	b := g.signedIn()
	require.Contains(t, b.open(g.asks(a)).text, a.str("client_id")+" asks for access")
}

func TestAUserIsWarnedOfAClientOnTheOwnDevice(t *testing.T) {
	const warning = "It runs on your own device"
	g := newRegistering(t)
	b := g.signedIn()
	a := g.registered(map[string]any{"redirect_uris": []string{"http://127.0.0.1/back"}})
	b.open(g.asks(a, "redirect_uri", "http://127.0.0.1:5000/back"))
	require.Contains(t, b.page.text, warning)
	require.Contains(t, b.page.text, "Its answer goes to <strong>127.0.0.1:5000</strong>")
	a = g.registered(map[string]any{"redirect_uris": []string{"https://app.example/back"}})
	require.NotContains(t, b.open(g.asks(a, "redirect_uri", "https://app.example/back")).text, warning)
	a = g.registered(map[string]any{"redirect_uris": []string{"com.example.app:/back"}})
	b.open(g.asks(a, "redirect_uri", "com.example.app:/back"))
	require.NotContains(t, b.page.text, warning)
	require.Contains(t, b.page.text, "Its answer goes to <strong>com.example.app:</strong>")
}

func TestAPictureOfARegisteredStrangerIsNotShown(t *testing.T) {
	g := newRegistering(t)
	a := g.registered(map[string]any{"logo_uri": "https://tracker.example/pixel.png"})
	require.NotContains(t, a.json, "logo_uri")
	b := g.signedIn()
	b.open(g.asks(a))
	require.NotContains(t, b.page.text, "tracker.example")
	require.NotContains(t, b.page.Header.Get("Content-Security-Policy"), "tracker.example")
}

// Elsewhere than on our page nobody sees that it has registered itself.
func TestARegisteredStrangerIsAllowedOnThePageOnly(t *testing.T) {
	for _, method := range authMethods {
		g := newRegistering(t)
		a := g.registered(map[string]any{"token_endpoint_auth_method": method})
		asked := authorization(a.str("client_id"), append([]string{"scope", "balance:read"}, pkce...)...)
		g.requireError(g.post("/oauth/authorize", asked), http.StatusBadRequest, "unauthorized_client")
		host := g.userJWT(map[string]any{"id": 12345, "exp": g.clock.Now().Add(time.Hour).Unix()})
		g.requireError(g.get(g.asks(a), header("Authorization", "Bearer "+host)), http.StatusBadRequest, "unauthorized_client")
	}
}

// What a stranger registers leads nobody anywhere who has not decided about it.
func TestARegisteredStrangerLeadsNobodyAnywhere(t *testing.T) {
	g := newRegistering(t)
	a := g.registered(nil)
	for _, b := range []*browser{g.browser(), g.signedIn()} {
		for _, pairs := range [][]string{{"prompt", "none"}, {"scope", "no:such"}, {"response_type", "token"}, {"request", "x"}, {"max_age", "soon"}} {
			page := b.open(g.asks(a, pairs...))
			require.Empty(t, page.Header.Get("Location"), pairs)
			require.GreaterOrEqual(t, page.StatusCode, 400, pairs)
		}
	}
	b := g.signedIn()
	b.open(g.asks(a))
	require.Equal(t, "access_denied", b.sent(b.press("deny")).Get("error"))
	g.allowed(b, a)
	require.Equal(t, "consent_required", b.sent(b.open(g.asks(a, "prompt", "none", "scope", everything))).Get("error"))
}

func TestARegisteredStrangerNeedsPKCE(t *testing.T) {
	for _, method := range authMethods {
		g := newRegistering(t)
		a := g.registered(map[string]any{"token_endpoint_auth_method": method})
		b := g.signedIn()
		for _, pairs := range [][]string{
			{"code_challenge", "", "code_challenge_method", ""}, {"code_challenge", strings.Repeat("v", 43), "code_challenge_method", "plain"},
		} {
			requirePage(t, b.open(g.asks(a, pairs...)), http.StatusBadRequest)
		}
	}
}

func TestARegisteredStrangerGetsNothingForItself(t *testing.T) {
	for _, method := range authMethods[1:] {
		g := newRegistering(t)
		a := g.registered(map[string]any{"grant_types": []string{"authorization_code", "client_credentials"}, "token_endpoint_auth_method": method})
		token := g.proves(a, "/oauth/token", form("grant_type", "client_credentials", "scope", "balance:read"))
		g.requireError(token, http.StatusBadRequest, "unauthorized_client")
		other := g.tokens()
		asked := g.proves(a, "/oauth/introspect", form("token", other.str("access_token")))
		g.requireError(asked, http.StatusBadRequest, "unauthorized_client")
		require.NotContains(t, asked.text, subject)
	}
}

// A secret proves which client it is, and not where the user was led by it.
func TestARegisteredStrangerLeadsUnaskedOnlyWhereTheUserWent(t *testing.T) {
	const here, there = "https://app.example/back", "https://other.example/back"
	for _, method := range authMethods {
		g := newRegistering(t)
		a := g.registered(map[string]any{"redirect_uris": []string{here, there}, "token_endpoint_auth_method": method})
		b := g.signedIn()
		b.open(g.asks(a, "redirect_uri", here))
		location, err := b.press("allow").Location()
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, g.redeems(a, location.Query().Get("code"), "redirect_uri", here).StatusCode)
		require.Contains(t, b.open(g.asks(a, "redirect_uri", here, "prompt", "none")).Header.Get("Location"), "code=")
		require.Contains(t, b.open(g.asks(a, "redirect_uri", there, "prompt", "none")).Header.Get("Location"), "error=consent_required", method)
	}
}

func TestAUserAllowsFewStrangers(t *testing.T) {
	g := newRegistering(t)
	for i := range 100 {
		id := "https://agent.example/" + strings.Repeat("a", i+1)
		c := registry.Client{ID: id, Name: id, Public: true, Fingerprint: "f"}
		require.NoError(t, g.registry.KeepDocumentClient(t.Context(), c, subject, 100))
		_, err := g.registry.Authorize(t.Context(), registry.Grant{ID: id, ClientID: id, Subject: subject, Fingerprint: "f", CreatedAt: g.clock.Now()},
			registry.Code{Hash: id, ExpiresAt: g.clock.Now().Add(time.Minute)}, 50)
		require.NoError(t, err)
	}
	b := g.signedIn()
	b.open(g.asks(g.registered(nil)))
	require.Equal(t, "access_denied", b.sent(b.press("allow")).Get("error"))
}

func TestAClientReadsItsRegistration(t *testing.T) {
	g := newRegistering(t)
	a := g.registered(map[string]any{"token_endpoint_auth_method": "client_secret_basic", "contacts": []string{"ann@app.example"}})
	shown := g.manages(http.MethodGet, a, nil)
	require.Equal(t, http.StatusOK, shown.StatusCode, shown.text)
	want := maps.Clone(a.json)
	delete(want, "client_secret")
	require.Equal(t, want, shown.json, "all but the secret, of which nothing is stored that tells it")
	require.Equal(t, "no-store", shown.Header.Get("Cache-Control"))
}

// Whoever has not the token learns nothing, and changes nothing.
func TestARegistrationIsItsClientsOwn(t *testing.T) {
	g := newRegistering(t)
	a, other := g.registered(nil), g.registered(nil)
	token := g.allowed(g.signedIn(), a)
	unknown := g.url + "/oauth/register/nobody"
	require.NoError(t, second(g.operator().Revoke(t.Context(), admin.Target{ClientID: g.registered(nil).str("client_id")})))
	var first string
	for _, at := range []string{a.str("registration_client_uri"), unknown, g.url + "/oauth/register/app", g.url + "/oauth/register/%00"} {
		for name, options := range map[string][]option{
			"none":             nil,
			"another client's": {header("Authorization", "Bearer "+other.str("registration_access_token"))},
			"the client's ID":  {header("Authorization", "Bearer "+a.str("client_id"))},
			"an access token":  {header("Authorization", "Bearer "+token.str("access_token"))},
			"empty":            {header("Authorization", "Bearer ")},
			"twice":            {header("Authorization", "Bearer "+a.str("registration_access_token")), header("Authorization", "Bearer x")},
		} {
			for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodDelete} {
				got := g.sendJSON(method, at, metadata(map[string]any{"client_id": a.str("client_id")}), options...)
				g.requireError(got, http.StatusUnauthorized, "invalid_token")
				require.Contains(t, got.Header.Get("WWW-Authenticate"), "Bearer ", name)
				if first == "" {
					first = got.text
				}
				require.Equal(t, first, got.text, "%s %s %s", method, at, name)
			}
		}
	}
	require.Equal(t, http.StatusOK, g.manages(http.MethodGet, a, nil).StatusCode)
	require.NotContains(t, g.log.String(), a.str("registration_access_token"))
	g.requireError(g.post("/oauth/token", refreshing(token.str("refresh_token"), "client_id", a.str("client_id"), "client_secret", a.str("registration_access_token"))),
		http.StatusUnauthorized, "invalid_client")
}

func TestAClientChangesItsRegistration(t *testing.T) {
	g := newRegistering(t)
	a := g.registered(map[string]any{
		"token_endpoint_auth_method": "client_secret_basic", "contacts": []string{"ann@app.example"}, "scope": "balance:read payments:send",
	})
	changed := g.manages(http.MethodPut, a, map[string]any{
		"client_name": "Another", "redirect_uris": []string{"https://app.example/back"}, "token_endpoint_auth_method": "client_secret_post",
		"grant_types": nil, "client_secret": a.str("client_secret"),
	})
	require.Equal(t, http.StatusOK, changed.StatusCode, changed.text)
	require.Equal(t, "Another", changed.str("client_name"))
	require.Equal(t, []any{"https://app.example/back"}, changed.json["redirect_uris"])
	require.Equal(t, "client_secret_post", changed.str("token_endpoint_auth_method"))
	require.Equal(t, []any{"authorization_code"}, changed.json["grant_types"], "what is left out is as if it was never said")
	require.NotContains(t, changed.json, "contacts")
	require.Equal(t, "balance:read invoices:create payments:send", changed.str("scope"))
	require.Equal(t, a.str("registration_access_token"), changed.str("registration_access_token"))
	require.Equal(t, a.json["client_id_issued_at"], changed.json["client_id_issued_at"])
	require.Equal(t, changed.json, g.manages(http.MethodGet, a, nil).json)

	for name, test := range map[string]struct {
		said map[string]any
		want string
	}{
		"no client_id":           {map[string]any{"client_id": nil}, "invalid_client_metadata"},
		"another client_id":      {map[string]any{"client_id": "app"}, "invalid_client_metadata"},
		"another secret":         {map[string]any{"client_secret": "another"}, "invalid_client_metadata"},
		"no secret any more":     {map[string]any{"token_endpoint_auth_method": "none"}, "invalid_client_metadata"},
		"a token":                {map[string]any{"registration_access_token": a.str("registration_access_token")}, "invalid_client_metadata"},
		"a place":                {map[string]any{"registration_client_uri": a.str("registration_client_uri")}, "invalid_client_metadata"},
		"a time":                 {map[string]any{"client_id_issued_at": 1}, "invalid_client_metadata"},
		"an expiry":              {map[string]any{"client_secret_expires_at": 0}, "invalid_client_metadata"},
		"a bad redirect URI":     {map[string]any{"redirect_uris": []string{"http://app.example/"}}, "invalid_redirect_uri"},
		"a name that deceives":   {map[string]any{"client_name": "P\u0430ypal"}, "invalid_client_metadata"},
		"a software statement":   {map[string]any{"software_statement": "x"}, "unapproved_software_statement"},
		"a grant for itself":     {map[string]any{"grant_types": []string{"client_credentials"}}, "invalid_client_metadata"},
		"no redirect URI at all": {map[string]any{"redirect_uris": nil}, "invalid_redirect_uri"},
	} {
		said := map[string]any{"token_endpoint_auth_method": "client_secret_basic"}
		maps.Copy(said, test.said)
		t.Log(name)
		g.requireError(g.manages(http.MethodPut, a, said), http.StatusBadRequest, test.want)
		g.clock.Advance(time.Minute) // it may change as often as that
	}
	require.Equal(t, changed.json, g.manages(http.MethodGet, a, nil).json, "nothing of these has changed anything")
	public := g.registered(nil)
	g.requireError(g.manages(http.MethodPut, public, map[string]any{"token_endpoint_auth_method": "client_secret_basic"}), http.StatusBadRequest, "invalid_client_metadata")
}

func TestOneAddressChangesRegistrationsAtAPace(t *testing.T) {
	g := newRegistering(t)
	a := g.registered(nil)
	for range 19 {
		require.Equal(t, http.StatusOK, g.manages(http.MethodPut, a, nil).StatusCode)
	}
	g.requireError(g.manages(http.MethodPut, a, nil), http.StatusTooManyRequests, "too_many_requests")
	require.Equal(t, http.StatusOK, g.manages(http.MethodGet, a, nil).StatusCode)
}

// Whatever a user was shown: where it is different, the user is asked again.
func TestConsentIsAskedAgainWhenARegistrationHasChanged(t *testing.T) {
	for name, changes := range map[string]map[string]any{
		"name":          {"client_name": "Your bank"},
		"redirect URIs": {"redirect_uris": []string{callback, "https://app.example/"}},
		"scopes":        {"scope": "balance:read"},
		"grants":        {"grant_types": nil},
	} {
		t.Run(name, func(t *testing.T) {
			g := newRegistering(t)
			a := g.registered(nil)
			b := g.signedIn()
			before := g.allowed(b, a)
			b.open(g.asks(a))
			require.Contains(t, b.page.text, "It asks for nothing new.")

			changed := g.manages(http.MethodPut, a, changes)
			require.Equal(t, http.StatusOK, changed.StatusCode, changed.text)
			b.open(g.asks(a))
			require.Contains(t, b.page.text, changed.str("client_name")+" asks for access")
			require.Contains(t, b.page.text, "It describes itself otherwise now than when you allowed it.")
			require.NotContains(t, b.page.text, "It may do this already")
			require.Empty(t, b.open(g.asks(a, "prompt", "none")).Header.Get("Location"))
			if name != "grants" {
				refreshed := g.refreshes(a, before.str("refresh_token"))
				require.Equal(t, http.StatusOK, refreshed.StatusCode, "what was allowed before goes on: %s", refreshed.text)
			}
			g.allowed(b, a)
			b.open(g.asks(a))
			require.Contains(t, b.page.text, "It asks for nothing new.")
		})
	}
}

func TestARegistrationThatChangesItsRedirectsGainsNothing(t *testing.T) {
	const thief = "https://thief.example/"
	for _, method := range authMethods {
		g := newRegistering(t)
		a := g.registered(map[string]any{"token_endpoint_auth_method": method, "redirect_uris": []string{"https://app.example/back"}})
		b := g.signedIn()
		allow := func() string {
			b.open(g.asks(a, "redirect_uri", "https://app.example/back"))
			location, err := b.press("allow").Location()
			require.NoError(t, err)
			return location.Query().Get("code")
		}
		require.Equal(t, http.StatusOK, g.redeems(a, allow(), "redirect_uri", "https://app.example/back").StatusCode)
		code := allow()
		b.open(g.asks(a, "redirect_uri", "https://app.example/back", "state", "open"))
		require.Equal(t, http.StatusOK, g.manages(http.MethodPut, a, map[string]any{"redirect_uris": []string{thief}, "token_endpoint_auth_method": method}).StatusCode)

		page := b.press("allow")
		requirePage(t, page, http.StatusBadRequest)
		require.Empty(t, page.Header.Get("Location"), "what the user was about to allow goes nowhere")
		g.requireError(g.redeems(a, code, "redirect_uri", thief), http.StatusBadRequest, "invalid_grant")
		page = b.open(g.asks(a, "redirect_uri", thief, "prompt", "none"))
		require.Empty(t, page.Header.Get("Location"), "the user has allowed no such redirect")
	}
}

// Between what the user has seen and the click, the registration may change.
func TestOnlyWhatWasShownOfARegistrationIsAllowed(t *testing.T) {
	g := newRegistering(t)
	a := g.registered(nil)
	b := g.signedIn()
	b.open(g.asks(a))
	require.Equal(t, http.StatusOK, g.manages(http.MethodPut, a, map[string]any{"client_name": "Your bank"}).StatusCode)
	requirePage(t, b.press("allow"), http.StatusConflict)
	require.Contains(t, b.page.text, "has changed meanwhile")
	require.Contains(t, b.page.text, "Your bank asks for access")
	require.NotEmpty(t, b.sent(b.press("allow")).Get("code"))
}

func TestAClientRemovesItself(t *testing.T) {
	g := newRegistering(t)
	a, unused := g.registered(nil), g.registered(nil)
	b := g.signedIn()
	token := g.allowed(b, a)
	for _, one := range []answer{a, unused} {
		gone := g.manages(http.MethodDelete, one, nil)
		require.Equal(t, http.StatusNoContent, gone.StatusCode, gone.text)
		for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodDelete} {
			g.requireError(g.manages(method, one, nil), http.StatusUnauthorized, "invalid_token")
		}
		requirePage(t, b.open(g.asks(one)), http.StatusBadRequest)
	}
	g.requireDenied(token.str("access_token"))
	g.requireError(g.refreshes(a, token.str("refresh_token")), http.StatusUnauthorized, "invalid_client")
	require.Empty(t, g.selfRegistered())
	live, err := g.registry.LiveRevocations(t.Context(), registry.Revocation{}, 100)
	require.NoError(t, err)
	require.Len(t, live, 1, "one that was never used leaves nothing for gateways to remember")
}

func TestAClientThatRemovesItselfIsToldWhatIsNotCertain(t *testing.T) {
	g := newRegistering(t)
	a := g.registered(nil)
	token := g.allowed(g.signedIn(), a)
	g.redis.SetError("LOADING")
	g.requireError(g.manages(http.MethodDelete, a, nil), http.StatusServiceUnavailable, "temporarily_unavailable")
	g.redis.SetError("")
	for more := true; more; {
		var err error
		more, err = g.relay.DeliverNext(t.Context())
		require.NoError(t, err)
	}
	g.requireDenied(token.str("access_token"))
}

func TestAnOperatorSeesAndBarsWhoHasRegisteredItself(t *testing.T) {
	for name, bar := range map[string]func(*admin.Operator, string) error{
		"disabled": func(o *admin.Operator, id string) error {
			return second(o.Revoke(t.Context(), admin.Target{ClientID: id}))
		},
		"deleted": func(o *admin.Operator, id string) error { return second(o.DeleteClient(t.Context(), id)) },
	} {
		t.Run(name, func(t *testing.T) {
			g := newRegistering(t)
			a := g.registered(nil)
			b := g.signedIn()
			token := g.allowed(b, a)
			id := a.str("client_id")
			shown := g.adminDo(http.MethodGet, "/"+id, "")
			require.Equal(t, g.clock.Now().UTC().Truncate(time.Microsecond).Format(time.RFC3339Nano), shown.json["registeredItselfAt"], shown.text)
			require.NotContains(t, shown.json, "document")
			require.NotContains(t, g.adminDo(http.MethodGet, "/app", "").json, "registeredItselfAt")
			changed := g.adminDo(http.MethodPut, "/"+id, `{"name":"Other"}`)
			require.Equal(t, http.StatusBadRequest, changed.StatusCode, "nobody else says what it is: %s", changed.text)
			require.Contains(t, changed.text, "has registered itself")

			require.NoError(t, bar(g.operator(), id))
			g.requireDenied(token.str("access_token"))
			g.requireError(g.refreshes(a, token.str("refresh_token")), http.StatusUnauthorized, "invalid_client")
			requirePage(t, b.open(g.asks(a)), http.StatusBadRequest)
			for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodDelete} {
				g.requireError(g.manages(method, a, nil), http.StatusUnauthorized, "invalid_token")
			}
		})
	}
}

// Who is let in stays in where registering is turned off again.
func TestWhoHasRegisteredStaysWhenOthersCannotAnyMore(t *testing.T) {
	g := newRegistering(t)
	a := g.registered(nil)
	token := g.allowed(g.signedIn(), a)
	after := g.config
	after.Registration = nil
	server, err := authz.New(after)
	require.NoError(t, err)
	later := httptest.NewServer(server.Public())
	t.Cleanup(later.Close)
	g.url = later.URL
	require.Equal(t, http.StatusNotFound, g.registers(nil).StatusCode)
	refreshed := g.refreshes(a, token.str("refresh_token"))
	require.Equal(t, http.StatusOK, refreshed.StatusCode, refreshed.text)
}

func TestUnusedRegistrationsAreKeptFromWhenAUserAllowsThem(t *testing.T) {
	g := newRegistering(t)
	a := g.registered(nil)
	g.clock.Advance(23 * time.Hour)
	g.allowed(g.signedIn(), a)
	_, err := g.registry.EndGrants(t.Context(), subject, a.str("client_id"), "user")
	require.NoError(t, err)
	g.clock.Advance(24 * time.Hour)
	_, err = g.registry.Purge(t.Context(), 0, 100)
	require.NoError(t, err)
	require.Equal(t, []string{a.str("client_id")}, g.selfRegistered(), "it is kept for a day from when a user has allowed it something")
	g.clock.Advance(time.Hour)
	_, err = g.registry.Purge(t.Context(), 0, 100)
	require.NoError(t, err)
	require.Empty(t, g.selfRegistered())
}
