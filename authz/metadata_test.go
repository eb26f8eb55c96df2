package authz_test

import (
	"net/http"
	"testing"

	"github.com/lestrrat-go/jwx/v2/jwk"
	"github.com/stretchr/testify/require"

	"gatehouse/authz"
	"gatehouse/authz/client/assertion"
)

func TestTheJWKSIsCacheable(t *testing.T) {
	w := newWorld(t)
	a := w.get("/.well-known/jwks.json")
	require.Equal(t, http.StatusOK, a.StatusCode)
	require.Equal(t, "public, max-age=300", a.Header.Get("Cache-Control"))
	require.Equal(t, "*", a.Header.Get("Access-Control-Allow-Origin"))
	require.Empty(t, a.Header.Get("Pragma"))
	set, err := jwk.ParseString(a.text)
	require.NoError(t, err)
	require.Equal(t, 1, set.Len())
	require.NotContains(t, a.text, `"d"`)
	etag := a.Header.Get("ETag")

	for _, match := range []string{etag, "W/" + etag, `"x", ` + etag, "*"} {
		b := w.get("/.well-known/jwks.json", header("If-None-Match", match))
		require.Equal(t, http.StatusNotModified, b.StatusCode, match)
		require.Empty(t, b.text)
		require.Equal(t, etag, b.Header.Get("ETag"))
	}
	require.Equal(t, http.StatusOK, w.get("/.well-known/jwks.json", header("If-None-Match", `"x"`)).StatusCode)

	require.NoError(t, w.keys.Replace(generate(t, "ES256"), w.keys.Signing()))
	b := w.get("/.well-known/jwks.json", header("If-None-Match", etag))
	require.Equal(t, http.StatusOK, b.StatusCode)
	require.NotEqual(t, etag, b.Header.Get("ETag"))
}

func TestNoScopesAreAnEmptyListAndNotNull(t *testing.T) {
	w := newWorld(t, func(c *authz.Config) { c.Scopes = nil })
	require.Equal(t, "{}", w.get("/oauth/scopes").text)
	require.Equal(t, []any{}, w.get("/.well-known/oauth-authorization-server").json["scopes_supported"])
}

func TestMetadata(t *testing.T) {
	w := newWorld(t)
	a := w.get("/.well-known/oauth-authorization-server")
	require.Equal(t, http.StatusOK, a.StatusCode)
	require.Equal(t, "*", a.Header.Get("Access-Control-Allow-Origin"))
	require.JSONEq(t, `{
		"issuer": "`+w.url+`",
		"authorization_endpoint": "`+w.url+`/oauth/authorize",
		"token_endpoint": "`+w.url+`/oauth/token",
		"pushed_authorization_request_endpoint": "`+w.url+`/oauth/par",
		"jwks_uri": "`+w.url+`/.well-known/jwks.json",
		"revocation_endpoint": "`+w.url+`/oauth/revoke",
		"introspection_endpoint": "`+w.url+`/oauth/introspect",
		"scopes_supported": ["balance:read", "invoices:create", "payments:send"],
		"response_types_supported": ["code"],
		"response_modes_supported": ["query"],
		"grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
		"code_challenge_methods_supported": ["S256", "plain"],
		"token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none", "private_key_jwt"],
		"revocation_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none", "private_key_jwt"],
		"introspection_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "private_key_jwt"],
		"token_endpoint_auth_signing_alg_values_supported": ["ES256", "EdDSA", "Ed25519", "PS256", "RS256"],
		"revocation_endpoint_auth_signing_alg_values_supported": ["ES256", "EdDSA", "Ed25519", "PS256", "RS256"],
		"introspection_endpoint_auth_signing_alg_values_supported": ["ES256", "EdDSA", "Ed25519", "PS256", "RS256"],
		"authorization_response_iss_parameter_supported": true,
		"ui_locales_supported": ["en", "de", "es", "pt"],
		"dpop_signing_alg_values_supported": ["ES256", "EdDSA", "Ed25519", "PS256", "RS256"],
		"prompt_values_supported": ["none", "login", "consent", "select_account"],
		"request_parameter_supported": false,
		"request_uri_parameter_supported": false
	}`, a.text)
	for _, path := range []string{"authorization_endpoint", "token_endpoint", "pushed_authorization_request_endpoint", "jwks_uri", "revocation_endpoint", "introspection_endpoint"} {
		there := w.do(http.MethodGet, a.str(path), "", nil)
		require.NotEqual(t, http.StatusNotFound, there.StatusCode, path)
	}
}

func TestWithoutAssertionsTheMetadataNamesNone(t *testing.T) {
	w := newWorld(t, func(c *authz.Config) { c.Assertions = nil })
	a := w.get("/.well-known/oauth-authorization-server")
	require.NotContains(t, a.text, "private_key_jwt")
	require.NotContains(t, a.text, "auth_signing_alg_values_supported")
	w.requireError(w.post("/oauth/token", form("grant_type", "client_credentials", "client_assertion", "x", "client_assertion_type", assertion.Type)), 401, "invalid_client")
}

func TestTheMetadataIsWhereClientsLook(t *testing.T) {
	w := newWorld(t)
	want := w.get("/.well-known/oauth-authorization-server").text
	a := w.get("/.well-known/openid-configuration")
	require.Equal(t, http.StatusOK, a.StatusCode)
	require.JSONEq(t, want, a.text)
	require.Equal(t, "*", a.Header.Get("Access-Control-Allow-Origin"))
	require.Equal(t, "public, max-age=300", a.Header.Get("Cache-Control"))
	w.requireError(w.get("/.well-known/openid-configuration/"), http.StatusNotFound, "not_found")
	w.requireError(w.get("/.well-known/oauth-authorization-server/auth"), http.StatusNotFound, "not_found")

	for _, path := range []string{"/auth", "/auth/v2", "/%7Btenant%7D/a%20b"} {
		below := newWorld(t, func(c *authz.Config) { c.Issuer += path })
		for _, place := range []string{
			"/.well-known/oauth-authorization-server" + path, "/.well-known/openid-configuration" + path,
			"/.well-known/oauth-authorization-server", "/.well-known/openid-configuration", // as a proxy that takes the path away asks
		} {
			a := below.get(place)
			require.Equal(t, http.StatusOK, a.StatusCode, "%s: %s", place, a.text)
			require.Equal(t, below.url+path, a.str("issuer"), "RFC 8414 section 3.3")
			require.Equal(t, "*", a.Header.Get("Access-Control-Allow-Origin"))
		}
	}
}

func TestPlainPKCECanBeTurnedOff(t *testing.T) {
	w := newWorld(t, func(c *authz.Config) { c.RefusePlainPKCE = true })
	require.Equal(t, []any{"S256"}, w.get("/.well-known/oauth-authorization-server").json["code_challenge_methods_supported"])
	for _, method := range []string{"", "plain"} {
		a := w.post("/oauth/authorize", authorization("app", "code_challenge", verifier, "code_challenge_method", method))
		location, err := a.Location()
		require.NoError(t, err)
		require.Equal(t, "invalid_request", location.Query().Get("error"), location)
		require.Contains(t, location.Query().Get("error_description"), "S256")
	}
	require.NotEmpty(t, w.code("app", "code_challenge", s256(verifier), "code_challenge_method", "S256"))
	require.NotEmpty(t, w.code("app"), "a client with a secret may go without")
}

func TestScopes(t *testing.T) {
	w := newWorld(t)
	a := w.get("/oauth/scopes")
	require.Equal(t, http.StatusOK, a.StatusCode)
	require.JSONEq(t, `{"balance:read":"Read your balance.","invoices:create":"Create invoices on your behalf.",
		"payments:send":"Send payments from your account."}`, a.text)
	require.Equal(t, http.StatusOK, w.do(http.MethodHead, w.url+"/oauth/scopes", "", nil).StatusCode)
}
