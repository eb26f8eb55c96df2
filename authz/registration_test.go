package authz_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/authz"
	"gatehouse/keys/jws/jwstest"
	"gatehouse/registry"
)

// registering is a world in which clients register themselves.
type registering struct {
	*world
	from string // the address that requests come from
	// signers sign for the clients that were registered with private_key_jwt, by their client_id.
	signers map[string]signing
}

func newRegistering(t *testing.T, change ...func(*authz.Config)) *registering {
	t.Helper()
	g := &registering{from: "192.0.2.1", signers: map[string]signing{}}
	open := func(c *authz.Config) {
		c.Registration = &authz.Registration{}
		c.Caller = func(*http.Request) netip.Addr { return netip.MustParseAddr(g.from) }
	}
	g.world = newWorld(t, append([]func(*authz.Config){open}, change...)...)
	return g
}

// metadata is what a client says about itself, with changes; nil removes.
func metadata(changes map[string]any) map[string]any {
	said := map[string]any{
		"client_name": "An app", "redirect_uris": []string{callback}, "grant_types": []string{"authorization_code", "refresh_token"},
		"token_endpoint_auth_method": "none",
	}
	maps.Copy(said, changes)
	maps.DeleteFunc(said, func(_ string, value any) bool { return value == nil })
	return said
}

func (g *registering) sendJSON(method, target string, body any, options ...option) answer {
	g.Helper()
	text, err := json.Marshal(body)
	require.NoError(g, err)
	return g.do(method, target, "application/json", bytes.NewReader(text), options...)
}

func (g *registering) registers(changes map[string]any, options ...option) answer {
	g.Helper()
	return g.sendJSON(http.MethodPost, g.url+"/oauth/register", metadata(changes), options...)
}

// registered is a client that has registered itself. One with private_key_jwt has a key, unless changes name others.
func (g *registering) registered(changes map[string]any) answer {
	g.Helper()
	var s signing
	if changes["token_endpoint_auth_method"] == "private_key_jwt" && changes["jwks"] == nil && changes["jwks_uri"] == nil {
		s = signing{world: g.world, Signer: jwstest.New(g, "ES256"), kid: "first"}
		changes = maps.Clone(changes)
		changes["jwks"] = json.RawMessage(s.keySet())
	}
	a := g.registers(changes)
	require.Equal(g, http.StatusCreated, a.StatusCode, a.text)
	if s.world != nil {
		s.id = a.str("client_id")
		g.signers[s.id] = s
	}
	return a
}

// selfRegistered are the clients that have registered themselves, as far as they are stored.
func (g *registering) selfRegistered() (ids []string) {
	g.Helper()
	clients, err := g.registry.Clients(g.Context())
	require.NoError(g, err)
	for _, c := range clients {
		if c.RegisteredItself() {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

func TestAClientRegistersItself(t *testing.T) {
	g := newRegistering(t)
	require.Equal(t, g.url+"/oauth/register", g.get("/.well-known/oauth-authorization-server").str("registration_endpoint"))
	said := map[string]any{
		"client_uri": "https://app.example/about", "redirect_uris": []string{"https://app.example/back", "https://app.example/other"},
		"scope": "balance:read openid balance:read payments:send", "contacts": []string{"ann@app.example"},
		"tos_uri": "https://app.example/terms", "policy_uri": "https://app.example/privacy", "software_id": "4NRB1-0XZABZI9E6-5SM3R", "software_version": "2.1",
		"grant_types":    []string{"refresh_token", "authorization_code", "client_credentials", "urn:ietf:params:oauth:grant-type:device_code"},
		"response_types": []string{"code", "token"}, "token_endpoint_auth_method": "client_secret_post", "dpop_bound_access_tokens": true,
		"logo_uri": "https://app.example/logo.png", "client_name#de": "Eine Anwendung", "jwks_uri": "https://app.example/keys", "unknown": map[string]any{"a": 1},
	}
	a := g.registered(said)
	require.Equal(t, "no-store", a.Header.Get("Cache-Control"))
	id, secret, token := a.str("client_id"), a.str("client_secret"), a.str("registration_access_token")
	require.Len(t, id, 16)
	require.Len(t, secret, 43)
	require.Len(t, token, 43)
	require.NotEqual(t, secret, token)
	want := map[string]any{
		"client_id": id, "client_id_issued_at": float64(g.clock.Now().Unix()), "client_secret": secret, "client_secret_expires_at": 0.0,
		"registration_client_uri": g.url + "/oauth/register/" + id, "registration_access_token": token,
		"client_name": "An app", "client_uri": "https://app.example/about",
		"redirect_uris": []any{"https://app.example/back", "https://app.example/other"}, "scope": "balance:read payments:send",
		"grant_types": []any{"authorization_code", "refresh_token"}, "response_types": []any{"code"},
		"token_endpoint_auth_method": "client_secret_post", "contacts": []any{"ann@app.example"}, "tos_uri": "https://app.example/terms",
		"policy_uri": "https://app.example/privacy", "software_id": "4NRB1-0XZABZI9E6-5SM3R", "software_version": "2.1", "dpop_bound_access_tokens": true,
	}
	require.Equal(t, want, a.json)

	minimal := g.sendJSON(http.MethodPost, g.url+"/oauth/register", map[string]any{"redirect_uris": []string{callback}})
	require.Equal(t, http.StatusCreated, minimal.StatusCode, minimal.text)
	require.Equal(t, "client_secret_basic", minimal.str("token_endpoint_auth_method"), "the default of RFC 7591")
	require.Equal(t, []any{"authorization_code"}, minimal.json["grant_types"], "likewise")
	require.Equal(t, "balance:read invoices:create payments:send", minimal.str("scope"))
	require.NotContains(t, minimal.json, "client_name")
	public := g.registered(nil)
	require.NotContains(t, public.json, "client_secret")
	require.NotContains(t, public.json, "client_secret_expires_at")
	require.NotEqual(t, minimal.str("client_id"), public.str("client_id"))

	for _, stored := range []string{secret, token} {
		require.NotContains(t, g.log.String(), stored)
	}
	require.Equal(t, 3, g.log.Count("client has registered itself"))
}

func TestNobodyRegistersWhereItIsNotTurnedOn(t *testing.T) {
	w := newWorld(t)
	require.NotContains(t, w.get("/.well-known/oauth-authorization-server").json, "registration_endpoint")
	require.Equal(t, http.StatusNotFound, w.do(http.MethodPost, w.url+"/oauth/register", "application/json", strings.NewReader("{}")).StatusCode)
	require.Equal(t, http.StatusNotFound, w.get("/oauth/register/app").StatusCode)
}

func TestARegistrationThatIsNotAcceptedChangesNothing(t *testing.T) {
	long := strings.Repeat("a", 255)
	for name, test := range map[string]struct {
		said map[string]any
		want string
	}{
		"no redirect URI":              {map[string]any{"redirect_uris": nil}, "invalid_redirect_uri"},
		"one that is none":             {map[string]any{"redirect_uris": []string{callback, "no"}}, "invalid_redirect_uri"},
		"http elsewhere":               {map[string]any{"redirect_uris": []string{"http://app.example/"}}, "invalid_redirect_uri"},
		"a fragment":                   {map[string]any{"redirect_uris": []string{"https://app.example/#a"}}, "invalid_redirect_uri"},
		"a script":                     {map[string]any{"redirect_uris": []string{"javascript:alert(1)"}}, "invalid_redirect_uri"},
		"a scheme of nobody":           {map[string]any{"redirect_uris": []string{"myapp:/back"}}, "invalid_redirect_uri"},
		"too many redirect URIs":       {map[string]any{"redirect_uris": slices.Repeat([]string{callback}, 21)}, "invalid_redirect_uri"},
		"redirect URIs that are none":  {map[string]any{"redirect_uris": "https://app.example/"}, "invalid_client_metadata"},
		"an invisible name":            {map[string]any{"client_name": "An\u202eapp"}, "invalid_client_metadata"},
		"a name that mixes scripts":    {map[string]any{"client_name": "P\u0430ypal"}, "invalid_client_metadata"},
		"a long name":                  {map[string]any{"client_name": long}, "invalid_client_metadata"},
		"a name that is no text":       {map[string]any{"client_name": "a\x00b"}, "invalid_client_metadata"},
		"keys":                         {map[string]any{"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": "https://app.example/"}, "invalid_client_metadata"},
		"another method":               {map[string]any{"token_endpoint_auth_method": "tls_client_auth"}, "invalid_client_metadata"},
		"two places of keys":           {map[string]any{"jwks": map[string]any{"keys": []any{}}, "jwks_uri": "https://app.example/"}, "invalid_client_metadata"},
		"keys that are none":           {map[string]any{"jwks": "keys"}, "invalid_client_metadata"},
		"only for itself":              {map[string]any{"grant_types": []string{"client_credentials"}}, "invalid_client_metadata"},
		"only refresh tokens":          {map[string]any{"grant_types": []string{"refresh_token"}}, "invalid_client_metadata"},
		"the implicit grant":           {map[string]any{"response_types": []string{"token"}}, "invalid_client_metadata"},
		"no scope that there is":       {map[string]any{"scope": "openid profile"}, "invalid_client_metadata"},
		"a software statement":         {map[string]any{"software_statement": "eyJhbGciOiJub25lIn0.e30."}, "unapproved_software_statement"},
		"too many contacts":            {map[string]any{"contacts": slices.Repeat([]string{"a"}, 11)}, "invalid_client_metadata"},
		"a long contact":               {map[string]any{"contacts": []string{long}}, "invalid_client_metadata"},
		"an invisible software":        {map[string]any{"software_id": "a\u202eb"}, "invalid_client_metadata"},
		"a version with a line break":  {map[string]any{"software_version": "a\nb"}, "invalid_client_metadata"},
		"a flag that is none":          {map[string]any{"dpop_bound_access_tokens": "yes"}, "invalid_client_metadata"},
		"several that are not theirs":  {map[string]any{"client_name": 1, "scope": []string{}}, "invalid_client_metadata"},
		"more than a client can mean":  {map[string]any{"unknown": strings.Repeat("a", 17<<10)}, "invalid_request"},
		"more than anybody could mean": {map[string]any{"unknown": strings.Repeat("a", 65<<10)}, "invalid_request"},
	} {
		t.Run(name, func(t *testing.T) {
			g := newRegistering(t)
			a := g.registers(test.said)
			status := http.StatusBadRequest
			if test.want == "invalid_request" {
				status = http.StatusRequestEntityTooLarge
			}
			g.world.T = t
			g.requireError(a, status, test.want)
			require.Empty(t, g.selfRegistered())
		})
	}
}

func TestARegistrationIsOneJSONObject(t *testing.T) {
	g := newRegistering(t)
	for _, body := range []string{
		"", "null", "[]", `{"redirect_uris":["http://localhost:8080"]}{}`, `{"redirect_uris":["http://localhost:8080"],"redirect_uris":["https://app.example"]}`, "{\"a\":\"\xff\"}",
	} {
		a := g.do(http.MethodPost, g.url+"/oauth/register", "application/json", strings.NewReader(body))
		g.requireError(a, http.StatusBadRequest, "invalid_client_metadata")
	}
	a := g.do(http.MethodPost, g.url+"/oauth/register", "text/plain", strings.NewReader(`{"redirect_uris":["http://localhost:8080"]}`))
	g.requireError(a, http.StatusBadRequest, "invalid_client_metadata")
	require.Empty(t, g.selfRegistered())
}

// It would get no token at all.
func TestNoClientIsBoundToAKeyWhereThereAreNoProofs(t *testing.T) {
	g := newRegistering(t, func(c *authz.Config) { c.Proofs = nil })
	g.requireError(g.registers(map[string]any{"dpop_bound_access_tokens": true}), http.StatusBadRequest, "invalid_client_metadata")
	g.registered(map[string]any{"dpop_bound_access_tokens": false})
}

// A client cannot say that it comes from somebody else's site.
func TestASiteIsShownOnlyWhereEveryRedirectLeadsThere(t *testing.T) {
	for _, test := range []struct {
		redirects []string
		site      string
		isShown   bool
	}{
		{[]string{"https://app.example/back"}, "https://app.example/", true},
		{[]string{"https://app.example/back", "https://thief.example/back"}, "https://app.example/", false},
		{[]string{"https://thief.example/back"}, "https://app.example/", false},
		{[]string{"https://app.example:8443/back"}, "https://app.example/", false},
		{[]string{"http://localhost/back"}, "https://app.example/", false},
		{[]string{"http://localhost/back"}, "http://localhost/", false},
		{[]string{"com.example.app:/back"}, "https://app.example/", false},
	} {
		g := newRegistering(t)
		a := g.registered(map[string]any{"redirect_uris": test.redirects, "client_uri": test.site, "tos_uri": "javascript:1", "policy_uri": "http://app.example/"})
		require.Equal(t, test.isShown, a.str("client_uri") != "", "%+v", test)
		require.NotContains(t, a.json, "tos_uri")
		require.NotContains(t, a.json, "policy_uri")
		b := g.signedIn()
		b.open(request(a.str("client_id"), append(slices.Clone(pkce), "redirect_uri", test.redirects[0], "scope", "balance:read")...))
		require.Equal(t, test.isShown, strings.Contains(b.page.text, test.site), b.page.text)
	}
}

func TestWhoRegistersNeedsAnInitialTokenWhereThereAreSome(t *testing.T) {
	tokens := []string{strings.Repeat("a", 32), strings.Repeat("b", 32)}
	g := newRegistering(t, func(c *authz.Config) { c.Registration.Tokens = tokens })
	for name, options := range map[string][]option{
		"none":    nil,
		"wrong":   {header("Authorization", "Bearer "+strings.Repeat("c", 32))},
		"empty":   {header("Authorization", "Bearer ")},
		"a part":  {header("Authorization", "Bearer "+strings.Repeat("a", 31))},
		"basic":   {basic("a", tokens[0])},
		"in two":  {header("Authorization", "Bearer "+tokens[0]), header("Authorization", "Bearer "+tokens[0])},
		"a JWT":   {header("Authorization", "Bearer "+g.userJWT(map[string]any{"id": 1}))},
		"joined":  {header("Authorization", "Bearer "+tokens[0]+tokens[1])},
		"in JSON": {},
	} {
		for range 25 {
			a := g.registers(map[string]any{"token": tokens[0]}, options...)
			g.requireError(a, http.StatusUnauthorized, "invalid_token")
			require.Contains(t, a.Header.Get("WWW-Authenticate"), "Bearer ", name)
		}
	}
	require.Empty(t, g.selfRegistered())
	for _, token := range tokens {
		a := g.registers(nil, header("Authorization", "Bearer "+token))
		require.Equal(t, http.StatusCreated, a.StatusCode, "who fails uses up nobody's turn: %s", a.text)
		require.NotContains(t, g.log.String(), token)
	}
}

func TestOneAddressRegistersFewClients(t *testing.T) {
	g := newRegistering(t)
	for range 20 {
		g.registered(nil)
	}
	a := g.registers(nil)
	g.requireError(a, http.StatusTooManyRequests, "too_many_requests")
	require.Equal(t, "60", a.Header.Get("Retry-After"))
	require.Len(t, g.selfRegistered(), 20)
	g.from = "192.0.2.2"
	g.registered(nil)
	for i := range 20 {
		g.from = fmt.Sprintf("2001:db8::%x", i)
		g.registered(nil)
	}
	g.from = "2001:db8::ffff"
	require.Equal(t, http.StatusTooManyRequests, g.registers(nil).StatusCode, "a household of IPv6 is one address")
	g.clock.Advance(time.Minute)
	g.registered(nil)
}

func TestAllTogetherRegisterClientsAtAPace(t *testing.T) {
	g := newRegistering(t)
	for i := range 200 {
		g.from = fmt.Sprintf("192.0.2.%d", i)
		g.registered(nil)
	}
	g.from = "198.51.100.1"
	a := g.registers(nil)
	g.requireError(a, http.StatusTooManyRequests, "too_many_requests")
	require.Equal(t, "1", a.Header.Get("Retry-After"))
	g.clock.Advance(time.Second)
	g.registered(nil)
}

// Strangers fill nothing: those that no user has allowed anything give way, but not at once.
func TestFewClientsAreKeptThatNobodyUses(t *testing.T) {
	g := newRegistering(t, func(c *authz.Config) { c.Registration.MaxUnused = 3 })
	first := g.registered(nil).str("client_id")
	g.registered(nil)
	g.registered(nil)
	a := g.registers(nil)
	g.requireError(a, http.StatusServiceUnavailable, "temporarily_unavailable")
	require.Equal(t, "600", a.Header.Get("Retry-After"))
	g.clock.Advance(time.Hour)
	last := g.registered(nil).str("client_id")
	require.Len(t, g.selfRegistered(), 3)
	require.NotContains(t, g.selfRegistered(), first)
	requirePage(t, g.signedIn().open(request(first, pkce...)), http.StatusBadRequest)
	require.Equal(t, http.StatusCreated, g.registers(nil).StatusCode, "the next one is as old")
	require.Contains(t, g.selfRegistered(), last)
}

func TestAClientThatNobodyUsesExpires(t *testing.T) {
	g := newRegistering(t)
	id := g.registered(nil).str("client_id")
	purge := func() {
		_, err := g.registry.Purge(t.Context(), 0, 100)
		require.NoError(t, err)
	}
	g.clock.Advance(24 * time.Hour)
	purge()
	require.Contains(t, g.selfRegistered(), id)
	g.clock.Advance(time.Second)
	purge()
	require.Empty(t, g.selfRegistered())
	requirePage(t, g.signedIn().open(request(id, pkce...)), http.StatusBadRequest)
}

func TestClientsThatRegisterHaveTheScopesOfTheConfiguration(t *testing.T) {
	g := newRegistering(t, func(c *authz.Config) { c.Registration.Scopes = []string{"balance:read"} })
	require.Equal(t, "balance:read", g.registered(map[string]any{"scope": "balance:read payments:send"}).str("scope"))
	g.requireError(g.registers(map[string]any{"scope": "payments:send"}), http.StatusBadRequest, "invalid_client_metadata")
	a := g.registered(nil)
	require.Equal(t, "balance:read", a.str("scope"))
	page := g.signedIn().open(request(a.str("client_id"), append(slices.Clone(pkce), "scope", "payments:send")...))
	requirePage(t, page, http.StatusBadRequest)

	_, err := authz.New(authz.Config{Issuer: "http://localhost", Scopes: routeScopes, Registration: &authz.Registration{Scopes: []string{"no:such"}, MaxUnused: -1}})
	require.ErrorContains(t, err, `"no:such"`)
	require.ErrorContains(t, err, "must not be negative")
}

// Nobody fills the audit who has no part in it.
func TestClientsThatRegisterLeaveNoAudit(t *testing.T) {
	g := newRegistering(t)
	a := g.registered(nil)
	g.manages(http.MethodPut, a, map[string]any{"client_name": "Another"})
	require.Equal(t, http.StatusNoContent, g.manages(http.MethodDelete, a, nil).StatusCode)
	records, err := g.registry.Audit(t.Context(), registry.AuditRecord{}, 100)
	require.NoError(t, err)
	for _, record := range records {
		require.False(t, strings.HasPrefix(record.Action, "client."), record)
	}
}
