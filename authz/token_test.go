package authz_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/authz/client"
	"gatehouse/registry"
)

func TestTheTokenEndpointRefuses(t *testing.T) {
	w := newWorld(t)
	app := basic("app", appSecret)
	service := basic("service", appSecret)
	rawBasic := func(text string) option {
		return header("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(text)))
	}
	other, spa := w.code("other"), w.code("spa", "redirect_uri", callback+"/spa", "code_challenge", s256(verifier), "code_challenge_method", "S256")
	w.change("spa", func(c *registry.Client) { c.GrantTypes = []string{"authorization_code", "client_credentials"} })
	credentials := form("grant_type", "client_credentials", "scope", "balance:read")

	for name, test := range map[string]struct {
		form    url.Values
		options []option
		status  int
		err     string
	}{
		"no grant type":                {form(), []option{app}, 400, "invalid_request"},
		"unknown grant type":           {form("grant_type", "password"), []option{app}, 400, "unsupported_grant_type"},
		"two grant types in one":       {form("grant_type", "refresh_token authorization_code"), []option{app}, 400, "unsupported_grant_type"},
		"no client":                    {redemption("x"), nil, 401, "invalid_client"},
		"unknown client":               {redemption("x"), []option{basic("nobody", appSecret)}, 401, "invalid_client"},
		"unknown client in the form":   {redemption("x", "client_id", "nobody", "client_secret", "s"), nil, 401, "invalid_client"},
		"wrong secret":                 {redemption("x"), []option{basic("app", "wrong")}, 401, "invalid_client"},
		"wrong secret in the form":     {redemption("x", "client_id", "app", "client_secret", "wrong"), nil, 401, "invalid_client"},
		"no secret":                    {redemption("x"), []option{basic("app", "")}, 401, "invalid_client"},
		"undefined secret":             {redemption("x"), []option{basic("app", "undefined")}, 401, "invalid_client"},
		"no secret in the form":        {redemption("x", "client_id", "app"), nil, 401, "invalid_client"},
		"secret without an id":         {redemption("x", "client_secret", appSecret), nil, 401, "invalid_client"},
		"public client with a secret":  {redemption("x"), []option{basic("spa", appSecret)}, 401, "invalid_client"},
		"Basic is not base64":          {redemption("x"), []option{header("Authorization", "Basic app:secret")}, 401, "invalid_client"},
		"Basic without a colon":        {redemption("x"), []option{rawBasic("app")}, 401, "invalid_client"},
		"Basic without an id":          {redemption("x"), []option{rawBasic(":" + appSecret)}, 401, "invalid_client"},
		"Basic with a bad escape":      {redemption("x"), []option{rawBasic("app:%zz")}, 401, "invalid_client"},
		"Basic with NUL":               {redemption("x"), []option{rawBasic("app%00:" + appSecret)}, 401, "invalid_client"},
		"Basic with invalid UTF-8":     {redemption("x"), []option{rawBasic("a\xffp:s")}, 401, "invalid_client"},
		"empty Basic":                  {redemption("x"), []option{header("Authorization", "Basic")}, 401, "invalid_client"},
		"another scheme":               {redemption("x", "client_id", "spa"), []option{header("Authorization", "Bearer x")}, 401, "invalid_client"},
		"two Authorization headers":    {redemption("x"), []option{app, header("Authorization", "Basic YTpi")}, 400, "invalid_request"},
		"header and form differ in id": {redemption("x", "client_id", "other"), []option{app}, 400, "invalid_request"},
		"and in the secret":            {redemption("x", "client_secret", "other"), []option{app}, 400, "invalid_request"},

		"no code":                      {redemption(""), []option{app}, 400, "invalid_request"},
		"unknown code":                 {redemption("unknown"), []option{app}, 400, "invalid_grant"},
		"code of another client":       {redemption(other), []option{app}, 400, "invalid_grant"},
		"code of a public client":      {redemption(spa, "redirect_uri", callback+"/spa", "code_verifier", verifier), []option{app}, 400, "invalid_grant"},
		"no refresh token":             {refreshing(""), []option{app}, 400, "invalid_request"},
		"unknown refresh token":        {refreshing("unknown"), []option{app}, 400, "invalid_grant"},
		"code grant, not registered":   {redemption(other), []option{service}, 400, "unauthorized_client"},
		"refresh, not registered":      {refreshing("x"), []option{basic("once", appSecret)}, 400, "unauthorized_client"},
		"credentials, not registered":  {credentials, []option{app}, 400, "unauthorized_client"},
		"credentials, public client":   {credentials, []option{basic("spa", "")}, 400, "unauthorized_client"},
		"credentials, id of a user":    {credentials, []option{basic("4711", appSecret)}, 400, "unauthorized_client"},
		"credentials, no scope":        {form("grant_type", "client_credentials"), []option{service}, 400, "invalid_scope"},
		"credentials, blank scope":     {form("grant_type", "client_credentials", "scope", "  "), []option{service}, 400, "invalid_scope"},
		"credentials, unknown scope":   {form("grant_type", "client_credentials", "scope", "balance:read all"), []option{service}, 400, "invalid_scope"},
		"credentials, wildcard scope":  {form("grant_type", "client_credentials", "scope", "*"), []option{service}, 400, "invalid_scope"},
		"credentials, scope in a case": {form("grant_type", "client_credentials", "scope", "Balance:read"), []option{service}, 400, "invalid_scope"},

		"NUL in a value":           {redemption("a\x00b"), []option{app}, 400, "invalid_request"},
		"NUL in a name":            {redemption("x", "a\x00b", "c"), []option{app}, 400, "invalid_request"},
		"invalid UTF-8 in a value": {redemption("a\xffb"), []option{app}, 400, "invalid_request"},
		"a duplicate":              {url.Values{"grant_type": {"authorization_code", "authorization_code"}}, []option{app}, 400, "invalid_request"},
		"a duplicate of anything":  {url.Values{"grant_type": {"refresh_token"}, "x": {"1", "2"}}, []option{app}, 400, "invalid_request"},
		"a body over the limit":    {redemption(strings.Repeat("x", 64<<10)), []option{app}, 413, "invalid_request"},
	} {
		t.Run(name, func(t *testing.T) {
			w := *w
			w.T = t
			a := w.post("/oauth/token", test.form, test.options...)
			w.requireError(a, test.status, test.err)
			if test.status == http.StatusUnauthorized {
				triedHeader := a.Request.Header.Get("Authorization") != ""
				require.Equal(t, triedHeader, strings.HasPrefix(a.Header.Get("WWW-Authenticate"), "Basic "))
			}
		})
	}

	a := w.post("/oauth/token", redemption(other), basic("other", appSecret))
	require.Equal(t, http.StatusOK, a.StatusCode, "what another client tried changes nothing")
}

func TestNoClientHasATokenThatAnUpstreamCouldTakeForAUsers(t *testing.T) {
	w := newWorld(t)
	for id, status := range map[string]int{
		"0815": http.StatusBadRequest, "+5": http.StatusBadRequest, "5.0": http.StatusBadRequest, "5a": http.StatusOK, "A": http.StatusOK,
	} {
		require.NoError(t, w.registry.CreateClient(t.Context(), registry.Client{
			ID: id, Name: "Service", GrantTypes: []string{"client_credentials"}, SecretHash: client.HashGenerated(appSecret),
		}))
		a := w.post("/oauth/token", form("grant_type", "client_credentials", "scope", "balance:read"), basic(id, appSecret))
		require.Equal(t, status, a.StatusCode, "%s: %s", id, a.text)
	}
}

func TestTheTokenEndpointRefusesOtherFormsOfRequest(t *testing.T) {
	w := newWorld(t)
	app := basic("app", appSecret)
	good := redemption(w.code("app"))
	const formType = "application/x-www-form-urlencoded"

	for name, test := range map[string]struct {
		query, contentType, body string
	}{
		"no parameters at all":             {"", formType, ""},
		"JSON":                             {"", "application/json", `{"grant_type":"authorization_code"}`},
		"no content type":                  {"", "", good.Encode()},
		"multipart":                        {"", "multipart/form-data; boundary=x", "--x--"},
		"a broken escape":                  {"", formType, good.Encode() + "&x=%zz"},
		"a semicolon":                      {"", formType, good.Encode() + ";x=1"},
		"one name in query and body":       {"?code=y", formType, good.Encode()},
		"a broken query":                   {"?%zz", formType, good.Encode()},
		"a duplicate in the query":         {"?grant_type=refresh_token&grant_type=refresh_token", formType, ""},
		"the secret in the query":          {"?client_secret=" + url.QueryEscape(appSecret), formType, good.Encode()},
		"the secret in the query, no body": {"?client_secret=x&" + good.Encode(), formType, ""},
		"NUL in the query":                 {"?x=%00&" + good.Encode(), formType, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := *w
			w.T = t
			a := w.do(http.MethodPost, w.url+"/oauth/token"+test.query, test.contentType, strings.NewReader(test.body), app)
			w.requireError(a, http.StatusBadRequest, "invalid_request")
		})
	}
	require.Equal(t, http.StatusOK, w.post("/oauth/token", good, app).StatusCode, "none of them spent the code")
}

// oauth2server read both, and did not care which parameter was where.
func TestATokenRequestMayBeSplitBetweenQueryAndForm(t *testing.T) {
	w := newWorld(t)
	code := w.code("app", "code_challenge", s256(verifier), "code_challenge_method", "S256")
	split := func(query, body url.Values, options ...option) answer {
		return w.post("/oauth/token?"+query.Encode(), body, options...)
	}
	w.requireError(split(form("grant_type", "authorization_code", "code", code), form("redirect_uri", callback), basic("app", appSecret)),
		http.StatusBadRequest, "invalid_grant")
	w.requireError(split(form("client_id", "other", "grant_type", "authorization_code"), form("code", code, "redirect_uri", callback), basic("app", appSecret)),
		http.StatusBadRequest, "invalid_request")
	tokens := split(form("grant_type", "authorization_code", "code", code, "client_id", "app"),
		form("redirect_uri", callback, "code_verifier", verifier, "client_secret", appSecret))
	require.Equal(t, http.StatusOK, tokens.StatusCode, tokens.text)
	refreshed := split(form("grant_type", "refresh_token"), form("refresh_token", tokens.str("refresh_token")), basic("app", appSecret))
	require.Equal(t, http.StatusOK, refreshed.StatusCode, refreshed.text)
}

func TestBasicCredentialsAreFormEncoded(t *testing.T) {
	w := newWorld(t)
	const secret = "a+b c%d:e&ü"
	require.NoError(t, w.registry.SetClientSecret(t.Context(), "app", chosen(t, secret)))
	a := w.post("/oauth/token", redemption(w.code("app")), basic("app", secret))
	require.Equal(t, http.StatusOK, a.StatusCode, a.text)
	a = w.post("/oauth/token", redemption(w.code("app"), "client_id", "app", "client_secret", secret))
	require.Equal(t, http.StatusOK, a.StatusCode, a.text)
}

func TestAnExpiredCodeIsRefused(t *testing.T) {
	w := newWorld(t)
	code := w.code("app")
	w.clock.Advance(10 * time.Minute)
	w.requireError(w.redeem(code), http.StatusBadRequest, "invalid_grant")
}

func TestAClientWithoutTheRefreshGrantGetsNoRefreshToken(t *testing.T) {
	w := newWorld(t)
	a := w.post("/oauth/token", redemption(w.code("once")), basic("once", appSecret))
	require.Equal(t, http.StatusOK, a.StatusCode, a.text)
	require.NotContains(t, a.json, "refresh_token")
}

func TestMethodsAndPathsThatDoNotExist(t *testing.T) {
	w := newWorld(t)
	for path, allow := range map[string]string{
		"/oauth/token":           "POST",
		"/oauth/revoke":          "POST",
		"/oauth/introspect":      "POST",
		"/clients/x":             "DELETE",
		"/oauth/authorize":       "GET, HEAD, POST",
		"/oauth/scopes":          "GET, HEAD",
		"/.well-known/jwks.json": "GET, HEAD",
	} {
		a := w.do(http.MethodPatch, w.url+path, "", nil)
		w.requireError(a, http.StatusMethodNotAllowed, "method_not_allowed")
		require.Equal(t, allow, a.Header.Get("Allow"), path)
	}
	for _, path := range []string{"/", "/oauth", "/oauth/", "/oauth/token/", "/Clients", "/admin/clients"} {
		w.requireError(w.get(path), http.StatusNotFound, "not_found")
	}
}
