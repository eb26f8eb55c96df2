package app_test

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/app/config"
	"gatehouse/gateway/gatewaytest"
)

const ownPage, otherPage = "https://app.example", "https://evil.example"

// outspokenUpstream says of CORS the opposite of what is configured.
func outspokenUpstream(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for _, name := range []string{
			"Access-Control-Allow-Origin", "Access-Control-Allow-Credentials", "Access-Control-Allow-Methods",
			"Access-Control-Allow-Headers", "Access-Control-Expose-Headers", "Access-Control-Max-Age", "access-control-allow-private-network",
		} {
			w.Header().Set(name, "upstream")
		}
		w.Header().Set("Vary", "Accept")
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func corsConfig(t *testing.T, origins ...string) config.Config {
	cfg := testConfig(outspokenUpstream(t))
	cfg.Routes[0].Methods = []string{"GET", "DELETE"}
	cfg.CORS.Origins, cfg.CORS.Headers, cfg.CORS.ExposedHeaders = origins, []string{"X-Own"}, []string{"X-Shown"}
	return cfg
}

func (r *running) preflight(path, origin, method string) answer {
	r.t.Helper()
	return r.do(http.MethodOptions, r.public+path, nil, http.Header{
		"Origin": {origin}, "Access-Control-Request-Method": {method}, "Access-Control-Request-Headers": {"authorization,x-own"},
	})
}

func TestAPreflightIsAnsweredBeforeAnyoneIsAsked(t *testing.T) {
	r := start(t, corsConfig(t, ownPage, "http://localhost:5173"))
	for path, methods := range map[string]string{
		"/balance": "GET, HEAD, DELETE", "/payments/bolt11": "POST", "/oauth/token": "POST", "/oauth/par": "POST", "/oauth/revoke": "POST",
		"/oauth/introspect": "POST", "/oauth/token/introspect": "GET, HEAD", "/oauth/scopes": "GET, HEAD", "/oauth/budget": "GET, HEAD", "/oauth/register": "POST",
		"/.well-known/jwks.json": "GET, HEAD", "/.well-known/oauth-authorization-server": "GET, HEAD",
		"/.well-known/openid-configuration": "GET, HEAD",
	} {
		for _, origin := range []string{ownPage, "http://localhost:5173"} {
			a := r.preflight(path, origin, "POST")
			require.Equal(t, http.StatusNoContent, a.status, "%s %s", path, a.body)
			require.Equal(t, []string{origin}, a.header["Access-Control-Allow-Origin"])
			require.Equal(t, []string{methods}, a.header["Access-Control-Allow-Methods"], path)
			require.Equal(t, []string{"Authorization, Content-Type, DPoP, X-Own"}, a.header["Access-Control-Allow-Headers"])
			require.Equal(t, []string{"600"}, a.header["Access-Control-Max-Age"])
			require.Contains(t, a.header["Vary"], "Origin")
			require.NotContains(t, a.header, "Access-Control-Allow-Credentials")
		}
		for _, origin := range []string{otherPage, "null", ownPage + ":8080", ownPage + ".evil.example", "http://app.example", strings.ToUpper(ownPage)} {
			a := r.preflight(path, origin, "POST")
			require.Equal(t, http.StatusForbidden, a.status, origin)
			require.Equal(t, "forbidden_origin", a.json(t)["error"], origin)
			require.NotContains(t, a.header, "Access-Control-Allow-Origin", origin)
			require.NotContains(t, a.header, "Access-Control-Allow-Methods", origin)
			require.Contains(t, a.header["Vary"], "Origin")
		}
	}
	require.Equal(t, http.StatusNotFound, r.preflight("/nowhere", ownPage, "GET").status)
	require.Equal(t, http.StatusBadRequest, r.preflight("/balance//", ownPage, "GET").status)
}

func TestAPageReadsEveryAnswer(t *testing.T) {
	r := start(t, corsConfig(t, ownPage))
	token := r.consent(r.register(), 1, "balance:read").access
	for _, test := range []struct {
		name, method, path, token string
		status                    int
	}{
		{"a route", "GET", "/balance", token, 200},
		{"without a token", "GET", "/balance", "", 401},
		{"with a bad one", "GET", "/balance", "bad", 401},
		{"without the scope", "POST", "/payments/bolt11", token, 403},
		{"another method", "PUT", "/balance", token, 405},
		{"an unknown method", "BREW", "/balance", token, 405},
		{"nowhere", "GET", "/nowhere", token, 404},
		{"an ambiguous path", "GET", "/balance/..%2f", token, 400},
		{"the token endpoint", "POST", "/oauth/token", "", 400},
		{"the token endpoint, wrongly", "GET", "/oauth/token", "", 405},
		{"pushed requests", "POST", "/oauth/par", "", 401},
		{"revocation", "POST", "/oauth/revoke", "", 401},
		{"introspection", "POST", "/oauth/introspect", "", 401},
		{"one's own token", "GET", "/oauth/token/introspect", token, 200},
		{"scopes", "GET", "/oauth/scopes", "", 200},
		{"one's own budget", "GET", "/oauth/budget", token, 200},
		{"one's own budget, without a token", "GET", "/oauth/budget", "", 401},
		{"metadata", "GET", "/.well-known/oauth-authorization-server", "", 200},
		{"JWKS", "GET", "/.well-known/jwks.json", "", 200},
	} {
		t.Run(test.name, func(t *testing.T) {
			header := http.Header{"Origin": {ownPage}}
			if test.token != "" {
				header.Set("Authorization", "Bearer "+test.token)
			}
			a := r.do(test.method, r.public+test.path, nil, header)
			require.Equal(t, test.status, a.status, a.body)
			require.Equal(t, []string{ownPage}, a.header["Access-Control-Allow-Origin"])
			require.Equal(t, []string{"WWW-Authenticate, X-Request-Id, Retry-After, Unconfirmed-Gateways, DPoP-Nonce, X-Shown"}, a.header["Access-Control-Expose-Headers"])
			require.Contains(t, a.header["Vary"], "Origin")
			requireNoOtherSharing(t, a.header)
			for _, origin := range []string{otherPage, ""} {
				header["Origin"] = []string{origin}
				a := r.do(test.method, r.public+test.path, nil, header)
				require.Equal(t, test.status, a.status, "CORS is between a browser and a page")
				require.NotContains(t, []string{ownPage, otherPage}, a.header.Get("Access-Control-Allow-Origin"))
				require.Contains(t, a.header["Vary"], "Origin", "or a cache would give it to %s", ownPage)
				requireNoOtherSharing(t, a.header)
			}
		})
	}
	require.Contains(t, r.do(http.MethodGet, r.public+"/balance", nil, bearer(token)).header["Vary"], "Accept", "the upstream's own")
}

func requireNoOtherSharing(t *testing.T, header http.Header) {
	t.Helper()
	for name := range header {
		if strings.HasPrefix(name, "Access-Control-") {
			require.Contains(t, []string{"Access-Control-Allow-Origin", "Access-Control-Expose-Headers"}, name)
		}
	}
}

func TestPagesThatUsersTrustAreForNoOtherOrigin(t *testing.T) {
	for _, origins := range [][]string{{ownPage}, {"*"}} {
		r := start(t, corsConfig(t, origins...))
		for _, path := range []string{"/oauth/authorize", "/oauth/authorize?client_id=a", "/clients", "/clients/a", "/admin/clients", "/OAuth/authorize", "/oauth/authorize/"} {
			for _, a := range []answer{
				r.preflight(path, ownPage, "POST"),
				r.do(http.MethodGet, r.public+path, nil, http.Header{"Origin": {ownPage}}),
				r.do(http.MethodPost, r.public+path, nil, http.Header{"Origin": {ownPage}}),
			} {
				require.NotContains(t, a.header, "Access-Control-Allow-Origin", path)
				require.NotContains(t, a.header, "Access-Control-Allow-Methods", path)
				require.NotEqual(t, http.StatusNoContent, a.status)
			}
		}
	}
}

func TestAnyOriginIsOneAnswerForAll(t *testing.T) {
	r := start(t, corsConfig(t, "*"))
	token := r.consent(r.register(), 1, "balance:read").access
	require.Equal(t, []string{"*"}, r.preflight("/balance", otherPage, "GET").header["Access-Control-Allow-Origin"])
	a := r.do(http.MethodGet, r.public+"/balance", nil, http.Header{"Origin": {otherPage}, "Authorization": {"Bearer " + token}})
	require.Equal(t, []string{"*"}, a.header["Access-Control-Allow-Origin"])
	require.Equal(t, []string{"Accept"}, a.header["Vary"])
	requireNoOtherSharing(t, a.header)
}

func TestWithoutOriginsUpstreamsSayWhatTheyLike(t *testing.T) {
	cfg := corsConfig(t)
	cfg.Routes[0].Methods, cfg.Routes[0].Public = []string{"GET", "OPTIONS"}, true
	r := start(t, cfg)
	a := r.preflight("/balance", ownPage, "GET")
	require.Equal(t, http.StatusOK, a.status)
	require.Equal(t, []string{"upstream"}, a.header["Access-Control-Allow-Origin"])
	require.Equal(t, http.StatusMethodNotAllowed, r.preflight("/oauth/token", ownPage, "POST").status)
}

func TestAPreflightIsNotTheUpstreams(t *testing.T) {
	cfg := corsConfig(t, ownPage)
	cfg.Routes[0].Methods, cfg.Routes[0].Public = []string{"GET", "OPTIONS"}, true
	r := start(t, cfg)
	require.Equal(t, http.StatusNoContent, r.preflight("/balance", ownPage, "GET").status)
	plain := r.do(http.MethodOptions, r.public+"/balance", nil, http.Header{"Origin": {ownPage}})
	require.Equal(t, http.StatusOK, plain.status, "which is no preflight")
	plain = r.do(http.MethodOptions, r.public+"/balance", nil, http.Header{"Access-Control-Request-Method": {"GET"}})
	require.Equal(t, http.StatusOK, plain.status, "nor is what comes from no page")
}

// TestTheBodyOfAPreflightIsNoRequest is about a body that nobody reads, because nobody wants it.
func TestTheBodyOfAPreflightIsNoRequest(t *testing.T) {
	upstream := gatewaytest.NewUpstream(t, gatewaytest.AnswerAll)
	cfg := testConfig(upstream.URL())
	cfg.CORS.Origins = []string{ownPage}
	r := start(t, cfg)
	inner := strings.Replace(getHead, "TOKEN", r.consent(r.register(), 1, "balance:read").access, 1) + "\r\n"
	for _, origin := range []string{ownPage, otherPage} {
		for _, path := range []string{"/balance", "/oauth/token"} {
			head := "OPTIONS " + path + " HTTP/1.1\r\nHost: h\r\nOrigin: " + origin + "\r\nAccess-Control-Request-Method: GET\r\n"
			for _, body := range []string{
				fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(inner), inner),
				fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(inner), inner),
				"Content-Length: 2000000\r\n\r\n" + strings.Repeat(inner, 20),
			} {
				answers, err := exchange(t, r.app.Addr().String(), head+body, 1<<20)
				require.NoError(t, err)
				require.Len(t, answers, 1, "%s %s", origin, body)
			}
		}
	}
	require.Empty(t, upstream.Requests())
}

// TestAPublicClientInABrowser does what a page does that has no secret: it exchanges its code with PKCE, uses its token,
// renews it and signs out, each over CORS.
func TestAPublicClientInABrowser(t *testing.T) {
	cfg := corsConfig(t, ownPage)
	r := start(t, cfg)
	created := r.do(http.MethodPost, r.admin+"/admin/clients",
		strings.NewReader(`{"name":"Page","url":"`+ownPage+`","domain":"`+ownPage+`","public":true}`), http.Header{"Content-Type": {"application/json"}})
	require.Equal(t, http.StatusOK, created.status, created.body)
	client := created.json(t)["clientId"].(string)
	const verifier = "0123456789012345678901234567890123456789012"
	challenge := sha256.Sum256([]byte(verifier))
	allowed := r.do(http.MethodPost, r.public+"/oauth/authorize?"+url.Values{
		"client_id": {client}, "response_type": {"code"}, "redirect_uri": {ownPage + "/back"}, "scope": {"balance:read"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(challenge[:])}, "code_challenge_method": {"S256"},
	}.Encode(), nil, bearer(userJWT(t, 1)))
	require.Equal(t, http.StatusFound, allowed.status, allowed.body)
	location, err := url.Parse(allowed.header.Get("Location"))
	require.NoError(t, err)

	fetch := func(method, path, body, token string) answer {
		if token != "" { // a browser asks first
			require.Equal(t, []string{ownPage}, r.preflight(path, ownPage, method).header["Access-Control-Allow-Origin"])
		}
		header := http.Header{"Origin": {ownPage}}
		if body != "" {
			header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		if token != "" {
			header.Set("Authorization", "Bearer "+token)
		}
		a := r.do(method, r.public+path, strings.NewReader(body), header)
		require.Equal(t, []string{ownPage}, a.header["Access-Control-Allow-Origin"])
		return a
	}
	form := func(values url.Values) string { values.Set("client_id", client); return values.Encode() }
	issued := fetch("POST", "/oauth/token", form(url.Values{
		"grant_type": {"authorization_code"}, "code": {location.Query().Get("code")}, "redirect_uri": {ownPage + "/back"}, "code_verifier": {verifier},
	}), "")
	require.Equal(t, http.StatusOK, issued.status, issued.body)
	require.Equal(t, http.StatusOK, fetch("GET", "/balance", "", issued.json(t)["access_token"].(string)).status)
	renewed := fetch("POST", "/oauth/token", form(url.Values{
		"grant_type": {"refresh_token"}, "refresh_token": {issued.json(t)["refresh_token"].(string)},
	}), "")
	require.Equal(t, http.StatusOK, renewed.status, renewed.body)
	revoked := fetch("POST", "/oauth/revoke", form(url.Values{"token": {renewed.json(t)["refresh_token"].(string)}}), "")
	require.Equal(t, http.StatusOK, revoked.status, revoked.body)
	refused := fetch("GET", "/balance", "", renewed.json(t)["access_token"].(string))
	require.Equal(t, http.StatusUnauthorized, refused.status)
	require.Contains(t, refused.header.Get("WWW-Authenticate"), "invalid_token")
}
