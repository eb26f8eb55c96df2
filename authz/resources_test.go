package authz_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/authz"
)

const (
	tools   = "https://api.example/tools"
	reports = "https://reports.example"
)

// withResources is a server whose tokens can be for tools and reports, too.
func withResources(t *testing.T) *world {
	t.Helper()
	return newWorld(t, func(c *authz.Config) {
		known := map[string]authz.Resource{
			c.Issuer: {URL: c.Issuer}, tools: {URL: tools, Name: "Wallet <tools>"}, tools + "/pay": {URL: tools, Name: "Wallet <tools>"}, reports: {URL: reports},
		}
		c.FindResource = func(indicator string) (authz.Resource, bool) {
			found, ok := known[strings.TrimSuffix(indicator, "/")]
			return found, ok
		}
		c.ProtectedResources = []string{c.Issuer, tools, reports}
	})
}

func (w *world) audience(a answer) []string {
	w.Helper()
	require.Equal(w, http.StatusOK, a.StatusCode, a.text)
	var audience []string
	for _, one := range decodePart(w.T, a.str("access_token"), 1)["aud"].([]any) {
		audience = append(audience, one.(string))
	}
	return audience
}

// naming adds resources to a form.
func naming(values url.Values, resources ...string) url.Values {
	values["resource"] = append(values["resource"], resources...)
	return values
}

// codeFor lets the user allow app access to resources.
func (w *world) codeFor(resources ...string) string {
	w.Helper()
	a := w.post("/oauth/authorize", naming(authorization("app"), resources...))
	require.Equal(w, http.StatusFound, a.StatusCode, a.text)
	location, err := a.Location()
	require.NoError(w, err)
	require.NotEmpty(w, location.Query().Get("code"), location)
	return location.Query().Get("code")
}

func (w *world) redeemFor(code string, resources ...string) answer {
	w.Helper()
	return w.post("/oauth/token", naming(redemption(code), resources...), basic("app", appSecret))
}

func (w *world) refreshFor(token string, resources ...string) answer {
	w.Helper()
	return w.post("/oauth/token", naming(refreshing(token), resources...), basic("app", appSecret))
}

func TestATokenIsForTheResourceThatTheUserAllowed(t *testing.T) {
	w := withResources(t)
	for name, test := range map[string]struct{ asked, redeemed, want []string }{
		"none":                     {nil, nil, []string{w.url}},
		"the issuer's":             {[]string{w.url}, nil, []string{w.url}},
		"the issuer's, with slash": {[]string{w.url + "/"}, []string{w.url}, []string{w.url}},
		"the issuer's, later":      {nil, []string{w.url + "/"}, []string{w.url}},
		"one":                      {[]string{tools}, nil, []string{tools}},
		"one, said twice":          {[]string{tools, tools + "/"}, []string{tools + "/", tools + "/pay"}, []string{tools}},
		"one of its routes":        {[]string{tools + "/pay"}, []string{tools}, []string{tools}},
		"several":                  {[]string{tools, reports}, nil, []string{tools, reports}},
		"one of several":           {[]string{tools, w.url, reports}, []string{reports}, []string{reports}},
	} {
		t.Run(name, func(t *testing.T) {
			w := *w
			w.T = t
			require.Equal(t, test.want, w.audience(w.redeemFor(w.codeFor(test.asked...), test.redeemed...)))
		})
	}
}

func TestAnAuthorizationForNoResourceOfOursIsRefused(t *testing.T) {
	w := withResources(t)
	for _, resource := range []string{
		"https://evil.example", "tools", tools + "#a", tools + "?a=b", "https://API.example.evil.example/tools", tools + " " + reports, tools + "x", "http://api.example/tools",
	} {
		require.Equal(t, "invalid_target", w.refused("resource", resource), resource)
	}
	a := w.post("/oauth/authorize", naming(authorization("app"), tools, "https://evil.example"))
	location, err := a.Location()
	require.NoError(t, err)
	require.Equal(t, "invalid_target", location.Query().Get("error"), "one that is good makes no other good")
	require.NotContains(t, location.Query().Get("error_description"), "<")
	require.NotEmpty(t, w.code("app", "resource", ""), "without a value it counts as omitted")
}

func TestACodeIsRedeemedForNoOtherResource(t *testing.T) {
	w := withResources(t)
	for name, test := range map[string]struct{ asked, redeemed []string }{
		"another":             {[]string{tools}, []string{reports}},
		"one more":            {[]string{tools}, []string{tools, reports}},
		"the issuer's":        {[]string{tools}, []string{w.url}},
		"one where none was":  {nil, []string{tools}},
		"one that is unknown": {[]string{tools}, []string{"https://evil.example"}},
	} {
		code := w.codeFor(test.asked...)
		w.requireError(w.redeemFor(code, test.redeemed...), http.StatusBadRequest, "invalid_target")
		require.Equal(t, http.StatusOK, w.redeemFor(code).StatusCode, "%s: it was not spent", name)
	}
}

func TestARefreshNarrowsAndNeverWidens(t *testing.T) {
	w := withResources(t)
	first := w.redeemFor(w.codeFor(tools, reports), tools)
	require.Equal(t, []string{tools}, w.audience(first))
	refresh := first.str("refresh_token")
	for _, wider := range [][]string{{w.url}, {tools, w.url}, {"https://evil.example"}} {
		w.requireError(w.refreshFor(refresh, wider...), http.StatusBadRequest, "invalid_target")
	}
	second := w.refreshFor(refresh, reports)
	require.Equal(t, []string{reports}, w.audience(second), "what the user has allowed stays so")
	require.Equal(t, []string{tools, reports}, w.audience(w.refreshFor(second.str("refresh_token"))))

	plain := w.tokens()
	for _, wider := range [][]string{{tools}, {w.url, tools}} {
		w.requireError(w.refreshFor(plain.str("refresh_token"), wider...), http.StatusBadRequest, "invalid_target")
	}
	require.Equal(t, []string{w.url}, w.audience(w.refreshFor(plain.str("refresh_token"))))
}

// Within its grace a refresh token gets the same access token again; not one for another resource than it asks for.
func TestARepeatedRefreshGetsATokenForWhatItAsks(t *testing.T) {
	w := withResources(t)
	refresh := w.redeemFor(w.codeFor(tools, reports)).str("refresh_token")
	once := w.refreshFor(refresh, tools)
	again := w.refreshFor(refresh, tools)
	require.Equal(t, once.str("access_token"), again.str("access_token"))
	require.Equal(t, []string{reports}, w.audience(w.refreshFor(refresh, reports)))
	require.Equal(t, []string{tools, reports}, w.audience(w.refreshFor(refresh)))
}

func TestAClientsOwnTokenIsForTheResourceThatItNames(t *testing.T) {
	w := withResources(t)
	ask := func(resources ...string) answer {
		return w.post("/oauth/token", naming(form("grant_type", "client_credentials", "scope", "balance:read"), resources...), basic("service", appSecret))
	}
	require.Equal(t, []string{w.url}, w.audience(ask()))
	require.Equal(t, []string{tools}, w.audience(ask(tools+"/")))
	require.Equal(t, []string{tools, reports}, w.audience(ask(tools, reports)))
	w.requireError(ask("https://evil.example"), http.StatusBadRequest, "invalid_target")
}

func TestThePageSaysForWhatTheAccessIs(t *testing.T) {
	w := withResources(t)
	b := w.signedIn()
	b.open(request("app"))
	require.NotContains(t, b.page.text, `class="resource"`)
	b.open(request("app") + "&resource=" + url.QueryEscape(w.url+"/"))
	require.NotContains(t, b.page.text, `class="resource"`, "it is what every application gets")
	b.open(request("app") + "&resource=" + url.QueryEscape(tools) + "&resource=" + url.QueryEscape(reports))
	require.Contains(t, b.page.text, "Wallet &lt;tools&gt;</strong> ("+tools+")")
	require.Contains(t, b.page.text, "<strong>"+reports+"</strong>")
	b.reload()
	require.Contains(t, b.page.text, reports)
	code := b.sent(b.press("allow")).Get("code")
	require.Equal(t, []string{tools, reports}, w.audience(w.redeemFor(code)), "what was shown")

	b.open(request("app") + "&resource=" + url.QueryEscape(tools))
	require.Contains(t, b.page.text, "nothing new", "it has that already")
	b.open(request("app"))
	require.NotContains(t, b.page.text, "nothing new", "it has that elsewhere")
}

// What was allowed for one resource is not taken for allowed at another, without asking.
func TestWithoutAPageNothingIsAllowedForAnotherResource(t *testing.T) {
	w := withResources(t)
	b := w.signedIn()
	silent := func(resource string) url.Values {
		pairs := []string{"prompt", "none", "code_challenge", s256(verifier), "code_challenge_method", "S256"}
		return b.sent(b.open(request("app", append(pairs, "resource", resource)...)))
	}
	require.Equal(t, "consent_required", silent(tools).Get("error"))
	b.open(request("app", "resource", tools))
	require.Equal(t, []string{tools}, w.audience(w.redeemFor(b.sent(b.press("allow")).Get("code"))))

	code := silent(tools).Get("code")
	require.NotEmpty(t, code)
	a := w.post("/oauth/token", redemption(code, "code_verifier", verifier), basic("app", appSecret))
	require.Equal(t, []string{tools}, w.audience(a))
	for _, other := range []string{"", w.url, reports} {
		require.Equal(t, "consent_required", silent(other).Get("error"), other)
	}
}

func TestIntrospectionSaysForWhatATokenIs(t *testing.T) {
	w := withResources(t)
	tokens := w.redeemFor(w.codeFor(tools))
	token := tokens.str("access_token")
	a := w.introspect(token, basic("service", appSecret))
	require.Equal(t, true, a.json["active"], a.text)
	require.Equal(t, []any{tools}, a.json["aud"])

	for _, path := range []string{"/oauth/token/introspect", "/oauth/budget"} {
		own := w.get(path, header("Authorization", "Bearer "+token))
		w.requireError(own, http.StatusUnauthorized, "invalid_token")
	}
	require.Equal(t, http.StatusOK, w.get("/oauth/token/introspect", header("Authorization", "Bearer "+w.tokens().str("access_token"))).StatusCode)

	revoked := w.post("/oauth/revoke", form("token", token), basic("app", appSecret))
	require.Equal(t, http.StatusOK, revoked.StatusCode, revoked.text)
	require.Equal(t, false, w.introspect(token, basic("service", appSecret)).json["active"])
}

func TestTheMetadataNamesTheResources(t *testing.T) {
	w := withResources(t)
	require.Equal(t, []any{w.url, tools, reports}, w.get("/.well-known/oauth-authorization-server").json["protected_resources"])
}

func TestOnlyTheResourceMayBeSaidTwice(t *testing.T) {
	w := withResources(t)
	for _, name := range []string{"scope", "client_id", "code_challenge", "Resource"} {
		values := authorization("app", name, "a")
		values.Add(name, "b")
		w.requireError(w.post("/oauth/authorize", values), http.StatusBadRequest, "invalid_request")
	}
	a := w.post("/oauth/authorize?resource="+url.QueryEscape(tools), naming(authorization("app"), reports))
	w.requireError(a, http.StatusBadRequest, "invalid_request")
}
