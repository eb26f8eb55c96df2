package authz_test

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/lestrrat-go/jwx/v2/jwk"
	"github.com/lestrrat-go/jwx/v2/jws"
	"github.com/stretchr/testify/require"

	"gatehouse/authz"
	"gatehouse/authz/client/document"
	"gatehouse/authz/internal/authztest"
	"gatehouse/keys/jws/jwstest"
)

// TestTheMetadataSaysOnlyWhatWorks goes to every URL of the metadata and uses every value in it, on a server that has everything
// turned on. A member that nothing here uses fails the test.
func TestTheMetadataSaysOnlyWhatWorks(t *testing.T) {
	documents := authztest.NewDocuments(t)
	documents.Says(map[string]any{"client_name": "An agent", "redirect_uris": []string{callback}})
	w := newWorld(t, withBudgets(), func(c *authz.Config) {
		c.FindResource = func(indicator string) (authz.Resource, bool) {
			return authz.Resource{URL: indicator}, indicator == tools || indicator == c.Issuer
		}
		c.ProtectedResources = []string{c.Issuer, tools}
		c.Registration = &authz.Registration{}
		c.Documents = documents.Source(t, func(d *document.Config) { d.Scopes, d.Now = c.Scopes, c.Now })
	})
	m := &walk{world: w, said: w.get("/.well-known/oauth-authorization-server").json}
	m.signedIn = w.signedIn()
	uses := map[string]func(value string){
		"issuer":                 m.useIssuer,
		"authorization_endpoint": m.useAuthorization,
		"token_endpoint":         m.useToken,

		"pushed_authorization_request_endpoint": m.usePushedRequests,

		"jwks_uri":               m.useJWKS,
		"revocation_endpoint":    m.useRevocation,
		"introspection_endpoint": m.useIntrospection,
		"registration_endpoint":  m.useRegistration,

		"scopes_supported":                      m.useScope,
		"response_types_supported":              m.useResponseType,
		"response_modes_supported":              m.useResponseMode,
		"grant_types_supported":                 m.useGrant,
		"code_challenge_methods_supported":      m.useChallenge,
		"authorization_details_types_supported": m.useDetails,
		"prompt_values_supported":               m.usePrompt,
		"ui_locales_supported":                  m.useLocale,
		"protected_resources":                   m.useResource,
		"dpop_signing_alg_values_supported":     m.useProof,

		"token_endpoint_auth_methods_supported":         func(method string) { m.authenticate("token_endpoint", method) },
		"revocation_endpoint_auth_methods_supported":    func(method string) { m.authenticate("revocation_endpoint", method) },
		"introspection_endpoint_auth_methods_supported": func(method string) { m.authenticate("introspection_endpoint", method) },

		"token_endpoint_auth_signing_alg_values_supported":         func(alg string) { m.signsAt("token_endpoint", alg) },
		"revocation_endpoint_auth_signing_alg_values_supported":    func(alg string) { m.signsAt("revocation_endpoint", alg) },
		"introspection_endpoint_auth_signing_alg_values_supported": func(alg string) { m.signsAt("introspection_endpoint", alg) },

		"authorization_response_iss_parameter_supported": m.useIssuerOfAnswers,
		"client_id_metadata_document_supported":          func(string) { m.comesAs(documents.At) },
		"request_parameter_supported":                    func(is string) { m.useRequestObject("request", is) },
		"request_uri_parameter_supported":                func(is string) { m.useRequestObject("request_uri", is) },
	}
	for name, said := range m.said {
		require.Contains(t, uses, name, "the metadata says it, and nothing here shows that it works")
		for _, value := range valuesOf(said) {
			t.Log(name, value)
			uses[name](value)
		}
		delete(uses, name)
	}
	require.Empty(t, uses, "what the metadata does not say")
}

// valuesOf are those of one member, each as text.
func valuesOf(said any) (values []string) {
	if list, ok := said.([]any); ok {
		for _, one := range list {
			values = append(values, valuesOf(one)...)
		}
		return values
	}
	if text, ok := said.(string); ok {
		return []string{text}
	}
	text, err := json.Marshal(said)
	if err != nil {
		panic(err)
	}
	return []string{string(text)}
}

// walk is a client that knows nothing of the server but its metadata.
type walk struct {
	*world
	said     map[string]any
	signedIn *browser
}

func (m *walk) at(endpoint string) string {
	m.Helper()
	at, ok := m.said[endpoint].(string)
	require.True(m, ok, endpoint)
	path, below := strings.CutPrefix(at, m.url)
	require.True(m, below, at)
	return path
}

func (m *walk) usePushedRequests(string) {
	name := m.pushed(m.post(m.at("pushed_authorization_request_endpoint"), pushing("app"), basic("app", appSecret)))
	m.signedIn.open(m.at("authorization_endpoint") + "?" + form("client_id", "app", "request_uri", name).Encode())
	require.NotEmpty(m, m.signedIn.sent(m.signedIn.press("allow")).Get("code"))
}

// allows is the code that the user of the browser gives to app, without a page.
func (m *walk) allows(pairs ...string) string {
	m.Helper()
	a := m.post(m.at("authorization_endpoint"), authorization("app", pairs...))
	require.Equal(m, http.StatusFound, a.StatusCode, a.text)
	location, err := a.Location()
	require.NoError(m, err)
	require.NotEmpty(m, location.Query().Get("code"), location)
	return location.Query().Get("code")
}

func (m *walk) redeems(code string, pairs ...string) answer {
	m.Helper()
	a := m.post(m.at("token_endpoint"), redemption(code, pairs...), basic("app", appSecret))
	require.Equal(m, http.StatusOK, a.StatusCode, a.text)
	return a
}

func (m *walk) useIssuer(issuer string) {
	a := m.do(http.MethodGet, issuer+"/.well-known/oauth-authorization-server", "", nil)
	require.Equal(m, issuer, a.str("issuer"), "RFC 8414 section 3.3")
}

func (m *walk) useAuthorization(at string) {
	page := m.signedIn.open(strings.Replace(request("app"), "/oauth/authorize", m.at("authorization_endpoint"), 1))
	requirePage(m.T, page, http.StatusOK)
	require.NotEmpty(m, m.signedIn.sent(m.signedIn.press("allow")).Get("code"), at)
}

func (m *walk) useToken(string) { m.redeems(m.allows()) }

func (m *walk) useJWKS(at string) {
	set, err := jwk.ParseString(m.do(http.MethodGet, at, "", nil).text)
	require.NoError(m, err)
	_, err = jws.Verify([]byte(m.redeems(m.allows()).str("access_token")), jws.WithKeySet(set))
	require.NoError(m, err)
}

func (m *walk) useRevocation(string) {
	tokens := m.redeems(m.allows())
	a := m.post(m.at("revocation_endpoint"), form("token", tokens.str("refresh_token")), basic("app", appSecret))
	require.Equal(m, http.StatusOK, a.StatusCode, a.text)
	m.requireDenied(tokens.str("access_token"))
}

func (m *walk) useIntrospection(string) {
	a := m.post(m.at("introspection_endpoint"), form("token", m.redeems(m.allows()).str("access_token")), basic("app", appSecret))
	require.Equal(m, true, a.json["active"], a.text)
}

func (m *walk) useRegistration(at string) {
	a := m.do(http.MethodPost, at, "application/json", strings.NewReader(`{"redirect_uris":["`+callback+`"],"token_endpoint_auth_method":"none"}`))
	require.Equal(m, http.StatusCreated, a.StatusCode, a.text)
	m.comesAs(a.str("client_id"))
}

func (m *walk) useScope(scope string) {
	require.Equal(m, scope, m.redeems(m.allows("scope", scope)).str("scope"))
}

func (m *walk) useResponseType(kind string) { m.allows("response_type", kind) }

// A mode is used by asking for it: the answer is where it says.
func (m *walk) useResponseMode(mode string) {
	require.Equal(m, "query", mode)
	m.allows("response_mode", mode)
}

func (m *walk) useGrant(grant string) {
	asked, as := form("grant_type", grant), basic("app", appSecret)
	switch grant {
	case "authorization_code":
		asked = redemption(m.allows())
	case "refresh_token":
		asked = refreshing(m.redeems(m.allows()).str("refresh_token"))
	case "client_credentials":
		asked.Set("scope", "balance:read")
		as = basic("service", appSecret)
	}
	a := m.post(m.at("token_endpoint"), asked, as)
	require.Equal(m, http.StatusOK, a.StatusCode, "%s: %s", grant, a.text)
	require.NotEmpty(m, a.str("access_token"))
}

func (m *walk) useChallenge(method string) {
	challenge := verifier
	if method == "S256" {
		challenge = s256(verifier)
	}
	m.redeems(m.allows("code_challenge", challenge, "code_challenge_method", method), "code_verifier", verifier)
	code := m.allows("code_challenge", challenge, "code_challenge_method", method)
	a := m.post(m.at("token_endpoint"), redemption(code, "code_verifier", strings.Repeat("x", 43)), basic("app", appSecret))
	m.requireError(a, http.StatusBadRequest, "invalid_grant")
}

func (m *walk) useDetails(kind string) {
	asked := strings.Replace(asks("5000", "month"), `"spend"`, `"`+kind+`"`, 1)
	require.Contains(m, details(m.redeems(m.allows("scope", everything, "authorization_details", asked))), kind)
}

func (m *walk) usePrompt(prompt string) {
	a := m.signedIn.open(request("app", "prompt", prompt))
	if prompt == "none" {
		require.Equal(m, "consent_required", m.signedIn.sent(a).Get("error"))
		return
	}
	requirePage(m.T, a, http.StatusOK)
	asks := map[string]string{"login": `name="password"`, "select_account": `id="not-you"`, "consent": `id="allow"`}
	require.Contains(m, asks, prompt)
	require.Contains(m, a.text, asks[prompt], prompt)
}

func (m *walk) useLocale(language string) {
	requireLanguage(m.T, m.signedIn.open(request("app", "ui_locales", language)), language)
}

func (m *walk) useResource(resource string) {
	own := m.post(m.at("token_endpoint"), form("grant_type", "client_credentials", "scope", "balance:read", "resource", resource), basic("service", appSecret))
	require.Equal(m, []string{resource}, m.audience(own))
}

func (m *walk) useProof(algorithm string) {
	proof := m.proofBy(algorithm)
	a := m.post(m.at("token_endpoint"), redemption(m.allows()), basic("app", appSecret), header("DPoP", proof))
	require.Equal(m, http.StatusOK, a.StatusCode, "%s: %s", algorithm, a.text)
	require.Equal(m, "DPoP", a.str("token_type"))
}

// proofBy is a DPoP proof for the token endpoint with a new key.
func (m *walk) proofBy(algorithm string) string {
	m.Helper()
	key := jwstest.New(m, algorithm)
	return key.Compact(m, map[string]any{"typ": "dpop+jwt", "alg": algorithm, "jwk": key.JWK(m, nil)}, map[string]any{
		"jti": rand.Text(), "htm": http.MethodPost, "htu": m.said["token_endpoint"], "iat": m.clock.Now().Unix(),
	})
}

// signsAt shows that a client which signs who it is by this algorithm is heard at the endpoint, and that another's signature does not do.
func (m *walk) signsAt(endpoint, algorithm string) {
	m.Helper()
	s := m.signsBy("signs-"+rand.Text(), algorithm)
	asked := map[string][]string{
		"token_endpoint":         {"grant_type", "client_credentials", "scope", "balance:read"},
		"revocation_endpoint":    {"token", "x"},
		"introspection_endpoint": {"token", "x"},
	}[endpoint]
	forged := s
	forged.Signer = jwstest.New(m, algorithm)
	m.requireError(m.post(m.at(endpoint), signed(forged.assertion(nil, nil), asked...)), http.StatusUnauthorized, "invalid_client")
	a := m.post(m.at(endpoint), signed(s.assertion(nil, nil), asked...))
	require.Equal(m, http.StatusOK, a.StatusCode, "%s at %s: %s", algorithm, endpoint, a.text)
}

// authenticate shows that a client which authenticates this way is heard at the endpoint, and that another's word does not do.
func (m *walk) authenticate(endpoint, method string) {
	if method == "private_key_jwt" {
		m.signsAt(endpoint, "ES256")
		return
	}
	tokens, as := m.redeems(m.allows()), []option{}
	asked := map[string]string{
		"token_endpoint": "refresh_token", "revocation_endpoint": "token", "introspection_endpoint": "token",
	}[endpoint]
	sent := form(asked, tokens.str("refresh_token"))
	if endpoint == "token_endpoint" {
		sent.Set("grant_type", "refresh_token")
	}
	switch method {
	case "client_secret_basic":
		as = append(as, basic("app", appSecret))
	case "client_secret_post":
		sent.Set("client_id", "app")
		sent.Set("client_secret", appSecret)
	case "none":
		spa := m.post(m.at("token_endpoint"), m.spaCode())
		require.Equal(m, http.StatusOK, spa.StatusCode, spa.text)
		sent.Set(asked, spa.str("refresh_token"))
		sent.Set("client_id", "spa")
	default:
		require.Fail(m, "nothing here authenticates this way", method)
	}
	without := m.post(m.at(endpoint), form(append([]string{"client_id", "app", "client_secret", "wrong"}, flat(sent, "client_id", "client_secret")...)...))
	require.Equal(m, http.StatusUnauthorized, without.StatusCode, without.text)
	a := m.post(m.at(endpoint), sent, as...)
	require.Equal(m, http.StatusOK, a.StatusCode, "%s at %s: %s", method, endpoint, a.text)
}

// flat are the pairs of a form, but those that are left out.
func flat(values map[string][]string, but ...string) (pairs []string) {
	for name, list := range values {
		if !slices.Contains(but, name) {
			pairs = append(pairs, name, list[0])
		}
	}
	return pairs
}

func (m *walk) useIssuerOfAnswers(is string) {
	require.Equal(m, "true", is)
	a := m.post(m.at("authorization_endpoint"), authorization("app"))
	location, err := a.Location()
	require.NoError(m, err)
	require.Equal(m, m.said["issuer"], location.Query().Get("iss"), "RFC 9207 section 2.4")
}

// comesAs lets the user allow a client without a secret that nobody here has registered.
func (m *walk) comesAs(clientID string) {
	m.Helper()
	requirePage(m.T, m.signedIn.open(request(clientID, pkce...)), http.StatusOK)
	code := m.signedIn.sent(m.signedIn.press("allow")).Get("code")
	a := m.post(m.at("token_endpoint"), redemption(code, "client_id", clientID, "code_verifier", strings.Repeat("v", 43)))
	require.Equal(m, http.StatusOK, a.StatusCode, a.text)
}

// useRequestObject shows that what is not supported is refused by its name (OpenID Connect Core section 6).
func (m *walk) useRequestObject(parameter, is string) {
	require.Equal(m, "false", is)
	a := m.post(m.at("authorization_endpoint"), form("client_id", "app", parameter, "e30."))
	m.requireError(a, http.StatusBadRequest, parameter+"_not_supported")
}
