package authz_test

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/authz"
	"gatehouse/authz/client/assertion"
	"gatehouse/authz/client/document"
	"gatehouse/authz/internal/authztest"
	"gatehouse/keys/jws/jwstest"
	"gatehouse/registry"
)

// signing is a client that proves who it is with a key of its own.
type signing struct {
	*world
	jwstest.Signer
	id, kid string
}

// signs registers a client with one key.
func (w *world) signs(id string) signing { return w.signsBy(id, "ES256") }

func (w *world) signsBy(id, algorithm string) signing {
	w.Helper()
	s := signing{world: w, Signer: jwstest.New(w, algorithm), id: id, kid: "first"}
	require.NoError(w, w.registry.CreateClient(w.Context(), registry.Client{
		ID: id, Name: id, Domain: callback, GrantTypes: []string{"authorization_code", "refresh_token", "client_credentials"}, Keys: s.keySet(),
	}))
	return s
}

// keySet is that of the client.
func (s signing) keySet() string {
	return jwstest.Text(s, map[string]any{"keys": []any{s.JWK(s, map[string]any{"kid": s.kid})}})
}

// assertion is a new one for the token endpoint, with changes.
func (s signing) assertion(header, claims map[string]any) string {
	now := s.clock.Now()
	return s.Compact(s, jwstest.Changed(map[string]any{"alg": s.Algorithm, "kid": s.kid, "typ": "JWT"}, header), jwstest.Changed(map[string]any{
		"iss": s.id, "sub": s.id, "aud": s.url, "jti": rand.Text(), "iat": now.Unix(), "exp": now.Add(time.Minute).Unix(),
	}, claims))
}

// signed is a form with an assertion.
func signed(assertionText string, pairs ...string) url.Values {
	return form(append([]string{"client_assertion_type", assertion.Type, "client_assertion", assertionText}, pairs...)...)
}

// ask asks for a token of the client's own.
func (s signing) ask(assertionText string, pairs ...string) answer {
	s.Helper()
	return s.post("/oauth/token", signed(assertionText, append([]string{"grant_type", "client_credentials", "scope", "balance:read"}, pairs...)...))
}

func TestAClientSignsWhoItIsAtEachEndpoint(t *testing.T) {
	w := newWorld(t)
	s := w.signs("signing")
	code := w.code("signing")
	first := w.post("/oauth/token", signed(s.assertion(nil, nil), "grant_type", "authorization_code", "code", code, "redirect_uri", callback))
	require.Equal(t, http.StatusOK, first.StatusCode, first.text)
	second := w.post("/oauth/token", signed(s.assertion(nil, nil), "grant_type", "refresh_token", "refresh_token", first.str("refresh_token"), "client_id", "signing"))
	require.Equal(t, http.StatusOK, second.StatusCode, second.text)
	require.Equal(t, http.StatusOK, s.ask(s.assertion(nil, nil)).StatusCode)

	access := second.str("access_token")
	for _, aud := range []string{w.url, w.url + "/oauth/token", w.url + "/oauth/introspect"} {
		seen := w.post("/oauth/introspect", signed(s.assertion(nil, map[string]any{"aud": aud}), "token", access))
		require.Equal(t, true, seen.json["active"], "%s: %s", aud, seen.text)
	}
	w.requireError(w.post("/oauth/introspect", signed(s.assertion(nil, map[string]any{"aud": w.url + "/oauth/revoke"}), "token", access)), 401, "invalid_client")
	revoked := w.post("/oauth/revoke", signed(s.assertion(nil, nil), "token", second.str("refresh_token")))
	require.Equal(t, http.StatusOK, revoked.StatusCode, revoked.text)
	w.requireDenied(access)
	require.NotContains(t, w.log.String(), "eyJ", "what was signed is in no log")
}

func TestAnAssertionIsUsedOnceAtEveryProcess(t *testing.T) {
	w := newWorld(t)
	s := w.signs("signing")
	other, err := authz.New(w.config)
	require.NoError(t, err)
	there := httptest.NewServer(other.Public())
	t.Cleanup(there.Close)
	elsewhere := *w
	elsewhere.url = there.URL
	at := signing{world: &elsewhere}
	for name, claims := range map[string]map[string]any{"with a jti": nil, "without": {"jti": nil}} {
		used := s.assertion(nil, claims)
		require.Equal(t, http.StatusOK, s.ask(used).StatusCode)
		again := s.ask(used)
		w.requireError(again, http.StatusUnauthorized, "invalid_client")
		require.Contains(t, again.str("error_description"), "used before", name)
		w.requireError(at.ask(used), http.StatusUnauthorized, "invalid_client")
		respelled := jwstest.OtherES256(t, used) // is as good a signature
		for _, replay := range []answer{s.ask(respelled), at.ask(respelled)} {
			w.requireError(replay, http.StatusUnauthorized, "invalid_client")
			require.Contains(t, replay.str("error_description"), "used before", name)
		}
	}
	respelled := jwstest.OtherES256(t, s.assertion(nil, map[string]any{"jti": nil, "iat": nil}))
	require.Equal(t, http.StatusOK, s.ask(respelled).StatusCode, "what nobody has used yet")

	id := map[string]any{"jti": "the same"}
	require.Equal(t, http.StatusOK, s.ask(s.assertion(nil, id)).StatusCode)
	w.requireError(s.ask(s.assertion(nil, id)), http.StatusUnauthorized, "invalid_client")
	o := w.signs("another")
	require.Equal(t, http.StatusOK, o.ask(o.assertion(nil, id)).StatusCode, "whose jti is the same by chance")
}

// What nobody has proven uses nothing up: a thief who guesses a jti keeps no client from its own.
func TestAnAssertionThatIsRefusedUsesNothingUp(t *testing.T) {
	w := newWorld(t)
	s, thief := w.signs("signing"), jwstest.New(t, "ES256")
	forged := s
	forged.Signer = thief
	id := map[string]any{"jti": "guessed"}
	w.requireError(s.ask(forged.assertion(nil, id)), http.StatusUnauthorized, "invalid_client")
	require.NotContains(t, strings.Join(w.redis.Keys(), " "), "assertion", "nothing was noted")
	require.Equal(t, http.StatusOK, s.ask(s.assertion(nil, id)).StatusCode)
}

func TestNoAssertionPassesWhileItCannotBeToldWhetherItWasUsed(t *testing.T) {
	w := newWorld(t)
	s := w.signs("signing")
	good := s.assertion(nil, nil)
	w.redis.SetError("LOADING")
	a := s.ask(good)
	w.requireError(a, http.StatusServiceUnavailable, "temporarily_unavailable")
	require.Equal(t, "1", a.Header.Get("Retry-After"))
	w.requireError(w.post("/oauth/revoke", signed(s.assertion(nil, nil), "token", "x")), http.StatusInternalServerError, "server_error")
	w.redis.SetError("")
	require.Equal(t, http.StatusOK, s.ask(good).StatusCode)
}

// forgeries are assertions that prove nothing, with what they lack.
func (s signing) forgeries(other signing) map[string]string {
	public := s.JWK(s, nil)
	input := func(alg string) string {
		return jwstest.Encode(s, map[string]any{"alg": alg, "kid": s.kid}) + "." + strings.Split(s.assertion(nil, nil), ".")[1]
	}
	good := s.assertion(nil, nil)
	of := func(changes map[string]any) string { return s.assertion(nil, changes) }
	with := func(changes map[string]any) string { return s.assertion(changes, nil) }
	stolen := other
	stolen.id = s.id
	return map[string]string{
		"another server's":               of(map[string]any{"aud": "https://other.example"}),
		"for this and another server":    of(map[string]any{"aud": []string{s.url, "https://other.example"}}),
		"for an endpoint of another":     of(map[string]any{"aud": "https://other.example/oauth/token"}),
		"by another client's key":        stolen.assertion(nil, nil),
		"another client's name":          of(map[string]any{"iss": "another", "sub": "another"}),
		"about another":                  of(map[string]any{"sub": "another"}),
		"an unknown client's":            of(map[string]any{"iss": "nobody", "sub": "nobody"}),
		"a client's with a secret":       of(map[string]any{"iss": "app", "sub": "app"}),
		"a public client's":              of(map[string]any{"iss": "spa", "sub": "spa"}),
		"expired":                        of(map[string]any{"exp": s.clock.Now().Unix() - 1}),
		"of yesterday":                   of(map[string]any{"iat": s.clock.Now().Add(-24 * time.Hour).Unix(), "exp": s.clock.Now().Add(time.Hour).Unix()}),
		"for a day":                      of(map[string]any{"iat": nil, "exp": s.clock.Now().Add(24 * time.Hour).Unix()}),
		"without an end":                 of(map[string]any{"exp": nil}),
		"with an empty jti":              of(map[string]any{"jti": ""}),
		"not signed":                     input("none") + ".",
		"signed with the public key":     jwstest.HS256([]byte(jwstest.Text(s, public)), input("HS256")),
		"signed with the key's x":        jwstest.HS256([]byte(public["x"].(string)), input("HS256")),
		"of another algorithm":           with(map[string]any{"alg": "RS256"}),
		"kid of another":                 with(map[string]any{"kid": "second"}),
		"kid that is a path":             with(map[string]any{"kid": "../../dev/null"}),
		"kid that is SQL":                with(map[string]any{"kid": "' OR 1=1 --"}),
		"an access token's typ":          with(map[string]any{"typ": "at+jwt"}),
		"a proof's typ":                  with(map[string]any{"typ": "dpop+jwt"}),
		"critical extension":             with(map[string]any{"crit": []string{"exp"}}),
		"a NUL in its name":              of(map[string]any{"iss": "a\x00", "sub": "a\x00"}),
		"huge":                           of(map[string]any{"x": strings.Repeat("x", assertion.MaxSize)}),
		"with its signature cut":         good[:len(good)-8],
		"with padding":                   good + "=",
		"claims of another":              strings.Split(good, ".")[0] + "." + strings.Split(of(nil), ".")[1] + "." + strings.Split(good, ".")[2],
		"not one":                        "x",
		"two":                            good + " " + good,
		"a member twice":                 s.Sign(s, strings.Split(good, ".")[0]+"."+jwstest.Raw(`{"iss":"x",`+jwstest.Text(s, map[string]any{"iss": s.id})[1:])),
		"brings its own key":             stolen.assertion(map[string]any{"kid": s.kid, "jwk": stolen.JWK(s, nil)}, nil),
		"says where its key is":          stolen.assertion(map[string]any{"kid": s.kid, "jku": s.url + "/keys", "x5u": s.url + "/keys"}, nil),
		"brings a certificate":           stolen.assertion(map[string]any{"kid": s.kid, "x5c": []string{"AAAA"}}, nil),
		"an empty signature of its kind": strings.TrimSuffix(good, strings.Split(good, ".")[2]),
	}
}

func TestWhatProvesNothingIsRefusedAtEachEndpoint(t *testing.T) {
	w := newWorld(t)
	s, other := w.signs("signing"), w.signs("another")
	w.change("another", func(c *registry.Client) { c.Keys = strings.Replace(c.Keys, "first", "second", 1) })
	other.kid = "second"
	require.Equal(t, http.StatusOK, other.ask(other.assertion(nil, nil)).StatusCode)
	for name, forged := range s.forgeries(other) {
		for _, endpoint := range []string{"/oauth/token", "/oauth/revoke", "/oauth/introspect"} {
			a := w.post(endpoint, signed(forged, "grant_type", "client_credentials", "scope", "balance:read", "token", "x"))
			require.Contains(t, []int{400, 401}, a.StatusCode, "%s at %s: %s", name, endpoint, a.text)
			require.Contains(t, []string{"invalid_client", "invalid_request"}, a.str("error"), name)
		}
	}
	require.Equal(t, http.StatusOK, s.ask(s.assertion(nil, nil)).StatusCode)
}

// Nobody is told by a refusal whether a client exists, or how it proves who it is.
func TestRefusalsOfAssertionsReadTheSame(t *testing.T) {
	w := newWorld(t)
	s, thief := w.signs("signing"), jwstest.New(t, "ES256")
	texts := map[string]bool{}
	for _, id := range []string{"signing", "nobody", "app", "spa"} {
		forged := s
		forged.Signer, forged.id = thief, id
		a := s.ask(forged.assertion(nil, nil))
		w.requireError(a, http.StatusUnauthorized, "invalid_client")
		texts[a.text] = true
	}
	for _, way := range []option{basic("signing", "secret"), basic("nobody", "secret")} {
		texts[w.post("/oauth/token", redemption("x"), way).text] = true
	}
	require.Len(t, texts, 1, texts)
}

func TestAClientProvesWhoItIsInOneWay(t *testing.T) {
	w := newWorld(t)
	s := w.signs("signing")
	grant := []string{"grant_type", "client_credentials", "scope", "balance:read"}
	for name, test := range map[string]struct {
		form    url.Values
		options []option
		status  int
	}{
		"with a secret":        {signed(s.assertion(nil, nil), append(grant, "client_secret", "x")...), nil, 400},
		"with Basic":           {signed(s.assertion(nil, nil), grant...), []option{basic("signing", "x")}, 400},
		"with Bearer":          {signed(s.assertion(nil, nil), grant...), []option{header("Authorization", "Bearer x")}, 400},
		"as another client":    {signed(s.assertion(nil, nil), append(grant, "client_id", "app")...), nil, 400},
		"without its type":     {form(append(grant, "client_assertion", s.assertion(nil, nil))...), nil, 400},
		"the type alone":       {form(append(grant, "client_assertion_type", assertion.Type, "client_id", "signing")...), nil, 400},
		"of another type":      {signed(s.assertion(nil, nil), append(grant, "client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer")...), nil, 401},
		"its name alone":       {form(append(grant, "client_id", "signing")...), nil, 401},
		"a secret instead":     {form(append(grant, "client_id", "signing", "client_secret", "x")...), nil, 401},
		"an empty secret":      {form(grant...), []option{basic("signing", "")}, 401},
		"undefined, as Basic":  {form(grant...), []option{basic("signing", "undefined")}, 401},
		"its key set, as text": {form(append(grant, "client_id", "signing", "client_secret", s.keySet())...), nil, 401},
	} {
		a := w.post("/oauth/token", test.form, test.options...)
		require.Equal(t, test.status, a.StatusCode, "%s: %s", name, a.text)
	}
	twice := signed(s.assertion(nil, nil), grant...).Encode() + "&client_assertion=" + s.assertion(nil, nil)
	a := w.do(http.MethodPost, w.url+"/oauth/token", "application/x-www-form-urlencoded", strings.NewReader(twice))
	w.requireError(a, http.StatusBadRequest, "invalid_request")
	a = w.post("/oauth/token?client_assertion="+s.assertion(nil, nil), form(append(grant, "client_assertion_type", assertion.Type)...))
	w.requireError(a, http.StatusBadRequest, "invalid_request")
	require.Contains(t, a.str("error_description"), "query")

	w.change("signing", func(c *registry.Client) { c.SecretHash = chosen(t, "left over") })
	a = w.post("/oauth/token", form(grant...), basic("signing", "left over"))
	w.requireError(a, http.StatusUnauthorized, "invalid_client")
}

func TestAnAssertionIsNoTokenAndATokenIsNoAssertion(t *testing.T) {
	w := newWorld(t)
	s := w.signs("signing")
	shown := header("Authorization", "Bearer "+s.assertion(map[string]any{"typ": "at+jwt"}, nil))
	w.requireError(w.get("/oauth/token/introspect", shown), http.StatusUnauthorized, "invalid_token")
	own := s.ask(s.assertion(nil, nil)).str("access_token")
	require.NotEmpty(t, own)
	w.requireError(s.ask(own), http.StatusUnauthorized, "invalid_client")
	w.requireError(s.ask(w.newKey().Proof(http.MethodPost, w.url+"/oauth/token", "", map[string]any{
		"iss": s.id, "sub": s.id, "aud": w.url, "exp": w.clock.Now().Add(time.Minute).Unix(),
	})), http.StatusUnauthorized, "invalid_client")
	require.Equal(t, false, w.post("/oauth/introspect", signed(s.assertion(nil, nil), "token", s.assertion(nil, nil))).json["active"])
}

// signsAt registers a client whose keys are at the documents' URL.
func signsAt(t *testing.T) (signing, *authztest.Documents) {
	t.Helper()
	there := authztest.NewDocuments(t)
	w := newWorld(t, func(c *authz.Config) {
		c.ClientKeys = there.Source(t, func(d *document.Config) { d.Now = c.Now })
	})
	s := signing{world: w, Signer: jwstest.New(t, "ES256"), id: "signing", kid: "first"}
	require.NoError(t, w.registry.CreateClient(t.Context(), registry.Client{
		ID: "signing", Name: "signing", GrantTypes: []string{"client_credentials"}, KeysURL: there.At,
	}))
	publish(there, s.keySet())
	return s, there
}

func publish(there *authztest.Documents, keys string) {
	there.Answers(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(keys))
	})
}

func TestKeysAtAURLAreFetchedOnceAndAgainForANewKey(t *testing.T) {
	s, there := signsAt(t)
	for range 3 {
		require.Equal(t, http.StatusOK, s.ask(s.assertion(nil, nil)).StatusCode)
	}
	require.Equal(t, 1, there.Fetches())

	next := s
	next.Signer, next.kid = jwstest.New(t, "EdDSA"), "second"
	publish(there, next.keySet())
	s.requireError(s.ask(next.assertion(nil, nil)), http.StatusUnauthorized, "invalid_client")
	require.Equal(t, 1, there.Fetches(), "they were read just now")
	s.clock.Advance(time.Minute)
	require.Equal(t, http.StatusOK, s.ask(next.assertion(nil, nil)).StatusCode)
	s.requireError(s.ask(s.assertion(nil, nil)), http.StatusUnauthorized, "invalid_client")
	require.Equal(t, 2, there.Fetches(), "a key that is gone is not looked for again at once")
}

// A thousand forged assertions are one fetch, and no memory.
func TestAFloodOfForgedAssertionsIsCheap(t *testing.T) {
	s, there := signsAt(t)
	require.Equal(t, http.StatusOK, s.ask(s.assertion(nil, nil)).StatusCode)
	noted := len(s.redis.Keys())
	s.clock.Advance(time.Minute)
	forged := s
	forged.Signer = jwstest.New(t, "ES256")
	for i := range 100 {
		s.requireError(s.ask(forged.assertion(map[string]any{"kid": "of " + strconv.Itoa(i)}, nil)), http.StatusUnauthorized, "invalid_client")
		s.requireError(s.ask(forged.assertion(nil, nil)), http.StatusUnauthorized, "invalid_client")
	}
	require.Equal(t, 2, there.Fetches())
	require.Len(t, s.redis.Keys(), noted)
	require.Equal(t, http.StatusOK, s.ask(s.assertion(nil, nil)).StatusCode)
}

func TestKeysThatCannotBeReadAreNoReasonToForgetTheClient(t *testing.T) {
	s, there := signsAt(t)
	there.Answers(http.NotFound)
	a := s.ask(s.assertion(nil, nil))
	s.requireError(a, http.StatusServiceUnavailable, "temporarily_unavailable")
	require.NotContains(t, a.text, "localhost", "nothing is told of the network here")
	publish(there, s.keySet())
	s.clock.Advance(10 * time.Second)
	require.Equal(t, http.StatusOK, s.ask(s.assertion(nil, nil)).StatusCode)
	publish(there, `{"keys":[]}`)
	s.clock.Advance(24 * time.Hour)
	s.requireError(s.ask(s.assertion(nil, nil)), http.StatusUnauthorized, "invalid_client")
}

func TestKeysOfAClientAreFetchedFromPublicAddressesOnly(t *testing.T) {
	there := authztest.NewDocuments(t)
	w := newWorld(t, func(c *authz.Config) {
		c.ClientKeys = there.Source(t, func(d *document.Config) { d.Allow = func(netip.Addr) bool { return false } })
	})
	s := signing{world: w, Signer: jwstest.New(t, "ES256"), id: "signing", kid: "first"}
	require.NoError(t, w.registry.CreateClient(t.Context(), registry.Client{ID: "signing", Name: "s", KeysURL: there.At}))
	w.requireError(s.ask(s.assertion(nil, nil)), http.StatusServiceUnavailable, "temporarily_unavailable")
	require.Zero(t, there.Fetches())
}

// signsToo makes the agent one that proves who it is with a key.
func (a *agents) signsToo(elsewhere bool) signing {
	s := signing{world: a.world, Signer: jwstest.New(a, "ES256"), id: a.documents.At, kid: "first"}
	a.keys(s, elsewhere)
	return s
}

// keys publishes the key of s, in the document or at another URL.
func (a *agents) keys(s signing, elsewhere bool) {
	members := map[string]any{
		"client_name": "An agent", "redirect_uris": []string{callback}, "grant_types": []string{"authorization_code", "refresh_token", "client_credentials"},
		"token_endpoint_auth_method": "private_key_jwt",
	}
	if elsewhere {
		members["jwks_uri"] = a.documents.At + "?keys"
	} else {
		members["jwks"] = json.RawMessage(s.keySet())
	}
	a.documents.Answers(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "max-age=3600")
		if r.URL.RawQuery == "keys" {
			_, _ = w.Write([]byte(s.keySet()))
			return
		}
		members["client_id"] = "https://" + r.Host + r.RequestURI
		_ = json.NewEncoder(w).Encode(members)
	})
}

func (s signing) redeems(code string) answer {
	return s.post("/oauth/token", signed(s.assertion(nil, nil), "grant_type", "authorization_code", "code", code,
		"redirect_uri", callback, "code_verifier", strings.Repeat("v", 43)))
}

func (s signing) refreshes(token string, options ...option) answer {
	return s.post("/oauth/token", signed(s.assertion(nil, nil), "grant_type", "refresh_token", "refresh_token", token), options...)
}

func TestAnAgentSignsWhoItIs(t *testing.T) {
	for name, elsewhere := range map[string]bool{"keys in its document": false, "keys at a URL": true} {
		t.Run(name, func(t *testing.T) {
			a := newAgents(t)
			s := a.signsToo(elsewhere)
			b := a.signedIn()
			b.open(a.asks())
			require.Contains(t, b.page.text, "An agent asks for access to your account")
			code := b.sent(b.press("allow")).Get("code")
			a.requireError(a.redeems(code), http.StatusUnauthorized, "invalid_client")
			first := s.redeems(code)
			require.Equal(t, http.StatusOK, first.StatusCode, first.text)

			stored, err := a.registry.Client(t.Context(), s.id)
			require.NoError(t, err)
			require.False(t, stored.Public)
			require.False(t, stored.HasKeys(), "its keys are what it says now, not what it said once")

			a.requireError(a.refreshes(first.str("refresh_token")), http.StatusUnauthorized, "invalid_client")
			forged := s
			forged.Signer = jwstest.New(t, "ES256")
			a.requireError(forged.refreshes(first.str("refresh_token")), http.StatusUnauthorized, "invalid_client")
			second := s.refreshes(first.str("refresh_token"), a.proving(a.newKey(), nil))
			require.Equal(t, "DPoP", second.str("token_type"), second.text)
			third := s.refreshes(second.str("refresh_token"))
			require.Equal(t, "Bearer", third.str("token_type"), "its refresh token is good beside what it signs: %s", third.text)

			a.requireError(s.ask(s.assertion(nil, nil)), http.StatusBadRequest, "unauthorized_client")
			seen := a.post("/oauth/introspect", signed(s.assertion(nil, nil), "token", third.str("access_token")))
			a.requireError(seen, http.StatusBadRequest, "unauthorized_client")
			a.requireError(a.post("/oauth/revoke", form("token", third.str("refresh_token"), "client_id", s.id)), 401, "invalid_client")
			gone := a.post("/oauth/revoke", signed(s.assertion(nil, nil), "token", third.str("refresh_token")))
			require.Equal(t, http.StatusOK, gone.StatusCode, gone.text)
			a.requireDenied(third.str("access_token"))
		})
	}
}

// An agent is the same client at every server, and one of those may pass on here what the agent has signed for it.
func TestWhatAnAgentSignsIsForOneIssuer(t *testing.T) {
	a := newAgents(t)
	s := a.signsToo(false)
	a.open(s)
	for _, aud := range []any{a.url + "/oauth/token", a.url + "/oauth/revoke", []string{a.url, a.url + "/oauth/revoke"}, a.url + "/"} {
		refused := a.post("/oauth/revoke", signed(s.assertion(nil, map[string]any{"aud": aud}), "token", "x"))
		a.requireError(refused, http.StatusUnauthorized, "invalid_client")
	}
	good := a.post("/oauth/revoke", signed(s.assertion(nil, nil), "token", "x"))
	require.Equal(t, http.StatusOK, good.StatusCode, good.text)
}

// open lets the user allow a signing agent.
func (a *agents) open(s signing) answer {
	a.Helper()
	b := a.signedIn()
	b.open(a.asks())
	first := s.redeems(b.sent(b.press("allow")).Get("code"))
	require.Equal(a, http.StatusOK, first.StatusCode, first.text)
	return first
}

func TestAnAgentChangesItsKey(t *testing.T) {
	for name, elsewhere := range map[string]bool{"in its document": false, "at a URL": true} {
		t.Run(name, func(t *testing.T) {
			a := newAgents(t)
			s := a.signsToo(elsewhere)
			first := a.open(s)
			next := s
			next.Signer, next.kid = jwstest.New(t, "ES256"), "second"
			a.keys(next, elsewhere)
			a.clock.Advance(time.Minute)
			second := next.refreshes(first.str("refresh_token"))
			require.Equal(t, http.StatusOK, second.StatusCode, second.text)
			a.requireError(s.refreshes(second.str("refresh_token")), http.StatusUnauthorized, "invalid_client")
		})
	}
}

// Somebody may have found a key that the agent has replaced since: without its document nobody knows.
func TestAnAgentThatSignsWaitsForItsDocument(t *testing.T) {
	a := newAgents(t)
	s := a.signsToo(false)
	first := a.open(s)
	a.documents.Answers(http.NotFound)
	a.clock.Advance(2 * time.Hour)
	a.requireError(s.refreshes(first.str("refresh_token")), http.StatusServiceUnavailable, "temporarily_unavailable")
	a.requireError(a.refreshes(first.str("refresh_token")), http.StatusServiceUnavailable, "temporarily_unavailable")
	a.keys(s, false)
	a.clock.Advance(time.Minute)
	require.Equal(t, http.StatusOK, s.refreshes(first.str("refresh_token")).StatusCode)
}

// Whose requests are counted together is who sends them: those of other networks do not wait.
func TestFetchesAtTheTokenEndpointCountForTheCaller(t *testing.T) {
	var from []netip.Addr
	a := newAgents(t, func(d *document.Config) {
		d.Pace = func(caller netip.Addr) error { from = append(from, caller); return nil }
	})
	s := a.signsToo(true)
	first := a.open(s)
	a.clock.Advance(2 * time.Hour)
	require.Equal(t, http.StatusOK, s.refreshes(first.str("refresh_token")).StatusCode)
	require.NotEmpty(t, from)
	for _, caller := range from {
		require.Equal(t, "127.0.0.1", caller.String())
	}
}
