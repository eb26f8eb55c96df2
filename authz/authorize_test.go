package authz_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/registry"
)

func TestAnAuthorizationRequestThatIsNeverRedirected(t *testing.T) {
	w := newWorld(t)
	for name, test := range map[string]struct {
		form   url.Values
		status int
		err    string
	}{
		"no client":                    {authorization("", "client_id", ""), 400, "invalid_request"},
		"unknown client":               {authorization("nobody"), 400, "invalid_client"},
		"no redirect URI":              {authorization("app", "redirect_uri", ""), 400, "invalid_request"},
		"another host":                 {authorization("app", "redirect_uri", "http://localhost.evil.example:8080"), 400, "invalid_request"},
		"another port":                 {authorization("app", "redirect_uri", "http://localhost:8081"), 400, "invalid_request"},
		"another scheme":               {authorization("app", "redirect_uri", "https://localhost:8080"), 400, "invalid_request"},
		"a user name":                  {authorization("app", "redirect_uri", "http://localhost:8080@evil.example"), 400, "invalid_request"},
		"a fragment":                   {authorization("app", "redirect_uri", callback+"/#a"), 400, "invalid_request"},
		"a code of its own":            {authorization("app", "redirect_uri", callback+"/?code=mine"), 400, "invalid_request"},
		"not the exact one":            {authorization("spa", "redirect_uri", callback+"/spa/"), 400, "invalid_request"},
		"a wrong one and a bad scope":  {authorization("app", "redirect_uri", "https://evil.example", "scope", "x"), 400, "invalid_request"},
		"a wrong one and a denial":     {authorization("app", "redirect_uri", "https://evil.example", "decision", "deny"), 400, "invalid_request"},
		"a wrong one, wrong password":  {authorization("app", "redirect_uri", "https://evil.example", "password", "x"), 400, "invalid_request"},
		"a client without redirect":    {authorization("service"), 400, "invalid_request"},
		"NUL":                          {authorization("app", "state", "a\x00b"), 400, "invalid_request"},
		"NUL in the client id":         {authorization("ap\x00p"), 400, "invalid_request"},
		"invalid UTF-8":                {authorization("app", "state", "\xff"), 400, "invalid_request"},
		"a duplicate":                  {url.Values{"client_id": {"app", "app"}, "redirect_uri": {callback}}, 400, "invalid_request"},
		"a duplicate of anything else": {url.Values{"client_id": {"app"}, "redirect_uri": {callback}, "x": {"", ""}}, 400, "invalid_request"},
		"a body over the limit":        {authorization("app", "state", strings.Repeat("x", 64<<10)), 413, "invalid_request"},
	} {
		t.Run(name, func(t *testing.T) {
			w := *w
			w.T = t
			a := w.post("/oauth/authorize", test.form)
			w.requireError(a, test.status, test.err)
			require.Empty(t, a.Header.Get("Location"))
			if test.status == http.StatusBadRequest && !strings.Contains(name, "denial") {
				a = w.get("/oauth/authorize?" + test.form.Encode())
				require.Equal(t, http.StatusBadRequest, a.StatusCode)
				require.Empty(t, a.Header.Get("Location"))
			}
		})
	}
}

// oauth2server answered a GET of the host application as its POST.
func TestTheHostApplicationMayAskByGET(t *testing.T) {
	w := newWorld(t)
	ask := "/oauth/authorize?" + authorization("app", "login", "", "password", "", "state", "s").Encode()
	token := w.userJWT(map[string]any{"id": 12345, "exp": w.clock.Now().Add(time.Minute).Unix()})
	for _, proof := range []string{"Bearer " + token, token} {
		a := w.get(ask, header("Authorization", proof))
		require.Equal(t, http.StatusFound, a.StatusCode, a.text)
		require.Equal(t, subject, w.subjectOf(a))
	}
	w.requireError(w.get(ask, header("Authorization", "Bearer x.y.z")), http.StatusUnauthorized, "access_denied")
	head := w.do(http.MethodHead, w.url+ask, "", nil, header("Authorization", "Bearer "+token))
	require.NotContains(t, head.Header.Get("Location"), "code=", "a HEAD makes none")
	page := w.get(ask, asBrowser, basic("login", "password")) // a browser may send it by itself
	require.Equal(t, http.StatusSeeOther, page.StatusCode)
	require.True(t, strings.HasPrefix(page.Header.Get("Location"), "/oauth/authorize/"))
}

func TestTheClientIsToldByRedirectWhatIsWrong(t *testing.T) {
	w := newWorld(t)
	w.change("other", func(c *registry.Client) { c.GrantTypes = []string{"refresh_token"} })
	for name, test := range map[string]struct {
		form url.Values
		err  string
	}{
		"no response type":        {authorization("app", "response_type", ""), "unsupported_response_type"},
		"response type token":     {authorization("app", "response_type", "token"), "unsupported_response_type"},
		"two response types":      {authorization("app", "response_type", "code token"), "unsupported_response_type"},
		"no scope":                {authorization("app", "scope", ""), "invalid_scope"},
		"blank scope":             {authorization("app", "scope", "  "), "invalid_scope"},
		"unknown scope":           {authorization("app", "scope", "balance:read everything"), "invalid_scope"},
		"a part of a scope":       {authorization("app", "scope", "balance"), "invalid_scope"},
		"a wildcard":              {authorization("app", "scope", "*"), "invalid_scope"},
		"a scope it may not have": {authorization("narrow", "scope", "balance:read payments:send"), "invalid_scope"},
		"a scope without a route": {authorization("narrow", "scope", "no:route"), "invalid_scope"},
		"fragment":                {authorization("app", "response_mode", "fragment"), "unsupported_response_mode"},
		"form_post":               {authorization("app", "response_mode", "form_post"), "unsupported_response_mode"},
		"unknown response mode":   {authorization("app", "response_mode", "carrier.pigeon"), "unsupported_response_mode"},
		"a request object":        {authorization("app", "request", "e30."), "request_not_supported"},
		"a request URI":           {authorization("app", "request_uri", "https://evil.example/r"), "request_uri_not_supported"},
		"registration":            {authorization("app", "registration", "{}"), "registration_not_supported"},
		"another audience":        {authorization("app", "audience", "https://elsewhere.example"), "invalid_request"},
		"public without PKCE":     {authorization("spa", "redirect_uri", callback+"/spa"), "invalid_request"},
		"unknown method":          {authorization("app", "code_challenge", verifier, "code_challenge_method", "S512"), "invalid_request"},
		"method in a case":        {authorization("app", "code_challenge", s256(verifier), "code_challenge_method", "s256"), "invalid_request"},
		"method alone":            {authorization("app", "code_challenge_method", "S256"), "invalid_request"},
		"S256 too short":          {authorization("app", "code_challenge", s256(verifier)[1:], "code_challenge_method", "S256"), "invalid_request"},
		"S256 padded":             {authorization("app", "code_challenge", s256(verifier)+"=", "code_challenge_method", "S256"), "invalid_request"},
		"plain too short":         {authorization("app", "code_challenge", verifier[1:]), "invalid_request"},
		"plain too long":          {authorization("app", "code_challenge", strings.Repeat("v", 129)), "invalid_request"},
		"plain, bad characters":   {authorization("app", "code_challenge", verifier+"+"), "invalid_request"},
		"expires_in zero":         {authorization("app", "expires_in", "0"), "invalid_request"},
		"expires_in zeros":        {authorization("app", "expires_in", "000"), "invalid_request"},
		"expires_in negative":     {authorization("app", "expires_in", "-5"), "invalid_request"},
		"expires_in signed":       {authorization("app", "expires_in", "+5"), "invalid_request"},
		"expires_in a fraction":   {authorization("app", "expires_in", "1.5"), "invalid_request"},
		"expires_in a word":       {authorization("app", "expires_in", "1h"), "invalid_request"},
		"not for users":           {authorization("other"), "unauthorized_client"},
		"denied":                  {authorization("app", "decision", "deny"), "access_denied"},
	} {
		t.Run(name, func(t *testing.T) {
			w := *w
			w.T = t
			for _, state := range []string{"", "s", "long enough for fosite", "a b+c&d=e%20;#\r\n\"€<x>"} {
				test.form.Del("state")
				if state != "" {
					test.form.Set("state", state)
				}
				a := w.post("/oauth/authorize", test.form)
				require.Equal(t, http.StatusFound, a.StatusCode, a.text)
				location, err := a.Location()
				require.NoError(t, err)
				require.Equal(t, "localhost:8080", location.Host)
				query := location.Query()
				require.Equal(t, test.err, query.Get("error"), location)
				require.NotEmpty(t, query.Get("error_description"))
				require.Equal(t, state, query.Get("state"))
				require.Equal(t, w.url, query.Get("iss"))
				require.Empty(t, query.Get("code"))
			}
		})
	}
}

// A client that signs its requests (RFC 9101) sends nothing beside the signed one.
func TestWhatIsNotSupportedIsNamed(t *testing.T) {
	w := newWorld(t)
	for parameter, code := range map[string]string{"request": "request_not_supported", "request_uri": "request_uri_not_supported"} {
		asked := form("client_id", "app", parameter, "e30.")
		w.requireError(w.post("/oauth/authorize", asked), http.StatusBadRequest, code)
		page := w.get("/oauth/authorize?"+asked.Encode(), asBrowser)
		requirePage(t, page, http.StatusBadRequest)
		require.Empty(t, page.Header.Get("Location"))
	}
	a := w.post("/oauth/token", form("grant_type", "urn:ietf:params:oauth:grant-type:device_code"), basic("app", appSecret))
	w.requireError(a, http.StatusBadRequest, "unsupported_grant_type")
	require.Contains(t, a.str("error_description"), "device_code")
	a = w.post("/oauth/token", redemption("x", "client_assertion", "e30.", "client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"))
	w.requireError(a, http.StatusUnauthorized, "invalid_client")
	require.Contains(t, a.str("error_description"), "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
}

func TestTheAnswerKeepsTheQueryOfTheRedirectURI(t *testing.T) {
	w := newWorld(t)
	for redirectURI, prefix := range map[string]string{
		callback:                       callback + "?code=",
		callback + "/":                 callback + "/?code=",
		callback + "/cb?":              callback + "/cb?code=",
		callback + "/cb?b=2&a=%2F&a=1": callback + "/cb?b=2&a=%2F&a=1&code=",
		callback + "/c%2Fb/%C3%BC":     callback + "/c%2Fb/%C3%BC?code=",
	} {
		a := w.post("/oauth/authorize", authorization("app", "redirect_uri", redirectURI))
		require.Equal(t, http.StatusFound, a.StatusCode, a.text)
		require.True(t, strings.HasPrefix(a.Header.Get("Location"), prefix), a.Header.Get("Location"))
	}
}

func TestNativeApplicationsGetTheCodeAtTheirOwnScheme(t *testing.T) {
	w := newWorld(t)
	for _, redirectURI := range []string{"com.example.app:/callback", "app://callback", "com.example.app:callback?x=1"} {
		w.change("spa", func(c *registry.Client) { c.RedirectURIs = []string{redirectURI} })
		a := w.post("/oauth/authorize", authorization("spa", "redirect_uri", redirectURI, "code_challenge", verifier))
		require.Equal(t, http.StatusFound, a.StatusCode, a.text)
		require.True(t, strings.HasPrefix(a.Header.Get("Location"), redirectURI), a.Header.Get("Location"))
		require.Contains(t, a.Header.Get("Location"), "code=")
	}
}

func TestParametersMayComeInQueryOrBody(t *testing.T) {
	w := newWorld(t)
	query := authorization("app")
	query.Del("login")
	query.Del("password")
	user := form("login", "login", "password", "password")
	a := w.post("/oauth/authorize?"+query.Encode(), user)
	require.Equal(t, http.StatusFound, a.StatusCode, a.text)
	require.Contains(t, a.Header.Get("Location"), "code=")

	user.Set("scope", "balance:read")
	w.requireError(w.post("/oauth/authorize?"+query.Encode(), user), http.StatusBadRequest, "invalid_request")
	w.requireError(w.post("/oauth/authorize?"+authorization("app").Encode(), nil), http.StatusBadRequest, "invalid_request")
}

func TestAClientDeletedMeanwhileGetsNoCode(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.registry.DeleteClient(t.Context(), "app", w.clock.Now().Add(1)))
	w.requireError(w.post("/oauth/authorize", authorization("app")), http.StatusBadRequest, "invalid_client")
}
