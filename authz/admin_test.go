package authz_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/authz"
	"gatehouse/keys/jws/jwstest"
)

func (w *world) adminDo(method, path, body string, options ...option) answer {
	w.Helper()
	return w.do(method, w.admin+"/admin/clients"+path, "application/json", strings.NewReader(body), options...)
}

func TestClientsAreManaged(t *testing.T) {
	w := newWorld(t)
	a := w.adminDo("POST", "", `{"name":"N","url":"https://n.example","domain":"https://*.n.example","imageUrl":"https://n.example/i.png","userId":"7"}`)
	require.Equal(t, http.StatusOK, a.StatusCode, a.text)
	id, secret := a.str("clientId"), a.str("clientSecret")
	require.Regexp(t, `^[A-Za-z][A-Za-z0-9]{15}$`, id)
	require.Regexp(t, `^[A-Za-z0-9_-]{43}$`, secret)
	require.Equal(t, map[string]any{
		"clientId": id, "clientSecret": secret, "name": "N", "imageUrl": "https://n.example/i.png", "url": "https://n.example",
	}, a.json)

	shown := `{"id":"` + id + `","imageUrl":"https://n.example/i.png","name":"N","url":"https://n.example"}`
	require.JSONEq(t, shown, w.adminDo("GET", "/"+id, "").text)
	require.Contains(t, w.adminDo("GET", "", "").text, id)

	code := w.code(id, "redirect_uri", "https://x.n.example/cb")
	redeem := func(secret string) answer {
		return w.post("/oauth/token", redemption(code, "redirect_uri", "https://x.n.example/cb"), basic(id, secret))
	}
	rotated := w.adminDo("POST", "/"+id+"/secret", "")
	require.Equal(t, http.StatusOK, rotated.StatusCode, rotated.text)
	require.NotEqual(t, secret, rotated.str("clientSecret"))
	w.requireError(redeem(secret), http.StatusUnauthorized, "invalid_client")
	tokens := redeem(rotated.str("clientSecret"))
	require.Equal(t, http.StatusOK, tokens.StatusCode, tokens.text)

	a = w.adminDo("PUT", "/"+id, `{"name":"M","imageUrl":""}`)
	shown = strings.Replace(shown, `"N"`, `"M"`, 1)
	require.JSONEq(t, strings.Replace(shown, `{`, `{"clientId":"`+id+`",`, 1), a.text, "as oauth2server did and as it said it did")
	require.JSONEq(t, shown, w.adminDo("GET", "/"+id, "").text)

	a = w.adminDo("DELETE", "/"+id, "")
	require.Equal(t, http.StatusNoContent, a.StatusCode, a.text)
	w.requireDenied(tokens.str("access_token"))
	for _, gone := range []answer{w.adminDo("GET", "/"+id, ""), w.adminDo("DELETE", "/"+id, ""), w.adminDo("PUT", "/"+id, `{"name":"x"}`), w.adminDo("POST", "/"+id+"/secret", "")} {
		w.requireError(gone, http.StatusNotFound, "not_found")
	}
	w.requireError(redeem(rotated.str("clientSecret")), http.StatusUnauthorized, "invalid_client")
}

// The host application shows them on its own site.
func TestTheLinksOfAClientMayBePaths(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{"/", "/images/app.png", "/apps/7?v=2#top", "/a//b", "/%C3%BC"} {
		a := w.adminDo("POST", "", `{"name":"N","domain":"https://n.example","url":"`+path+`","imageUrl":"`+path+`"}`)
		require.Equal(t, http.StatusOK, a.StatusCode, a.text)
		require.Equal(t, []any{path, path}, []any{a.json["url"], a.json["imageUrl"]})
		w.requireError(w.adminDo("PUT", "/app", `{"imageUrl":"/`+path+`"}`), http.StatusBadRequest, "invalid_request")
		require.Equal(t, http.StatusOK, w.adminDo("PUT", "/app", `{"imageUrl":"`+path+`"}`).StatusCode)
	}
	for _, other := range []string{"//evil.example/x", `/\\evil.example`, "/a b", "/\u00fc", "/<script>", "images/app.png", "?x", "#x", "/%zz", "/" + strings.Repeat("x", 2048)} {
		a := w.adminDo("PUT", "/app", `{"name":"refused","url":"`+other+`"}`)
		w.requireError(a, http.StatusBadRequest, "invalid_request")
	}
	require.NotEqual(t, "refused", w.adminDo("GET", "/app", "").str("name"))
}

func TestADeletedClientIsDeniedAlsoWithoutAGrant(t *testing.T) {
	w := newWorld(t)
	token := w.post("/oauth/token", form("grant_type", "client_credentials", "scope", "balance:read"), basic("service", appSecret)).str("access_token")
	w.redis.SetError("LOADING")
	for range 2 {
		w.requireError(w.adminDo("DELETE", "/service", ""), http.StatusServiceUnavailable, "temporarily_unavailable")
	}
	w.redis.SetError("")
	require.NoError(t, second(w.relay.DeliverNext(t.Context())))
	w.requireDenied(token)
}

func TestAPublicClientHasNoSecret(t *testing.T) {
	w := newWorld(t)
	a := w.adminDo("POST", "", `{"name":"P","redirectUris":["com.example.p:/cb"],"public":true}`)
	require.Equal(t, http.StatusOK, a.StatusCode, a.text)
	require.NotContains(t, a.json, "clientSecret")
	w.requireError(w.adminDo("POST", "/"+a.str("clientId")+"/secret", ""), http.StatusBadRequest, "invalid_request")
}

func TestARegisteredClientIsHeldToItsScopesAndGrantTypes(t *testing.T) {
	w := newWorld(t)
	a := w.adminDo("POST", "", `{"name":"S","scopes":["balance:read"],"grantTypes":["client_credentials"]}`)
	require.Equal(t, http.StatusOK, a.StatusCode, a.text)
	ask := func(scope string) answer {
		return w.post("/oauth/token", form("grant_type", "client_credentials", "scope", scope), basic(a.str("clientId"), a.str("clientSecret")))
	}
	require.Equal(t, http.StatusOK, ask("balance:read").StatusCode)
	w.requireError(ask("payments:send"), http.StatusBadRequest, "invalid_scope")
}

func TestClientsThatAreNotRegistered(t *testing.T) {
	w := newWorld(t)
	for name, body := range map[string]string{
		"nothing":                  ``,
		"no object":                `[]`,
		"two objects":              `{"name":"n","domain":"https://n.example"}{}`,
		"an unknown field":         `{"name":"n","domain":"https://n.example","secret":"mine"}`,
		"no name":                  `{"domain":"https://n.example"}`,
		"no callback":              `{"name":"n"}`,
		"a name with NUL":          `{"name":"\u0000","domain":"https://n.example"}`,
		"a name in two directions": `{"name":"Evil \u202eelgooG","domain":"https://n.example"}`,
		"an invisible name":        `{"name":"\u200b","domain":"https://n.example"}`,
		"a suffix with a wildcard": `{"name":"n","domain":"https://*.*.compute.amazonaws.com"}`,
		"a scheme of the system":   `{"name":"n","redirectUris":["intent://scan/"]}`,
		"a scheme of nobody":       `{"name":"n","redirectUris":["myapp://cb"]}`,
		"an unknown default scope": `{"name":"n","domain":"https://n.example","defaultScopes":["everything"]}`,
		"a default it cannot have": `{"name":"n","domain":"https://n.example","scopes":["balance:read"],"defaultScopes":["payments:send"]}`,
		"an unknown required one":  `{"name":"n","domain":"https://n.example","requiredScopes":["everything"]}`,
		"a need it cannot have":    `{"name":"n","domain":"https://n.example","scopes":["balance:read"],"requiredScopes":["payments:send"]}`,
		"a name in two scripts":    `{"name":"\u0410lby","domain":"https://n.example"}`,
		"a long name":              `{"name":"` + strings.Repeat("n", 201) + `","domain":"https://n.example"}`,
		"a domain without scheme":  `{"name":"n","domain":"n.example"}`,
		"a wildcard over http":     `{"name":"n","domain":"http://*.n.example"}`,
		"a public suffix":          `{"name":"n","domain":"https://*.co.uk"}`,
		"a bad redirect URI":       `{"name":"n","redirectUris":["javascript:x"]}`,
		"one bad redirect URI":     `{"name":"n","redirectUris":["https://n.example/","http://n.example/"]}`,
		"a wildcard redirect URI":  `{"name":"n","redirectUris":["https://*.n.example/"]}`,
		"a script as url":          `{"name":"n","domain":"https://n.example","url":"javascript:alert(1)"}`,
		"a script as imageUrl":     `{"name":"n","domain":"https://n.example","imageUrl":"data:image/png,x"}`,
		"an unknown scope":         `{"name":"n","domain":"https://n.example","scopes":["everything"]}`,
		"an unknown grant type":    `{"name":"n","domain":"https://n.example","grantTypes":["password"]}`,
		"public with credentials":  `{"name":"n","public":true,"grantTypes":["client_credentials"]}`,
		"a wrong type":             `{"name":"n","domain":"https://n.example","public":"yes"}`,
		"more URIs than there are": `{"name":"n","redirectUris":["https://n.example/"` + strings.Repeat(`,"https://n.example/"`, 100) + `]}`,
	} {
		t.Run(name, func(t *testing.T) {
			w := *w
			w.T = t
			a := w.adminDo("POST", "", body)
			w.requireError(a, http.StatusBadRequest, "invalid_request")
			require.NotContains(t, a.text, "createBody", "how it is written is nobody's business")
		})
	}
	w.requireError(w.adminDo("POST", "", `{"name":"`+strings.Repeat("x", 64<<10)+`"}`), http.StatusRequestEntityTooLarge, "invalid_request")
	for _, body := range []string{`{"url":"ftp://x.example"}`, `{"domain":"https://evil.example"}`, `{"name":"\u0000"}`, `{"name":"Evil \u202eelgooG"}`, `{"defaultScopes":["x"]}`, `{"requiredScopes":["x"]}`, `{"name":"\u0410lby"}`, ``} {
		w.requireError(w.adminDo("PUT", "/app", body), http.StatusBadRequest, "invalid_request")
	}
	all := w.adminDo("POST", "", `{"url":"x","scopes":["y"]}`).str("error_description")
	for _, part := range []string{"name is required", "URL:", `no route has the scope 'y'`, "a domain or a redirect URI is required"} {
		require.Contains(t, all, part, "every problem at once")
	}
	for _, id := range []string{"nobody", "%00", "%ff"} {
		w.requireError(w.adminDo("GET", "/"+id, ""), http.StatusNotFound, "not_found")
		w.requireError(w.adminDo("DELETE", "/"+id, ""), http.StatusNotFound, "not_found")
		w.requireError(w.adminDo("PUT", "/"+id, `{"name":"x"}`), http.StatusNotFound, "not_found")
	}
}

func TestTheAdminAPIAsksForItsToken(t *testing.T) {
	w := newWorld(t, func(c *authz.Config) { c.AdminToken = "admin-token" })
	for _, options := range [][]option{
		nil,
		{header("Authorization", "Bearer wrong")},
		{header("Authorization", "Bearer admin-token2")},
		{header("Authorization", "Bearer ")},
		{header("Authorization", "Basic admin-token")},
	} {
		w.requireError(w.adminDo("GET", "", "", options...), http.StatusUnauthorized, "invalid_token")
		w.requireError(w.adminDo("POST", "", `{"name":"n","domain":"https://n.example"}`, options...), http.StatusUnauthorized, "invalid_token")
	}
	require.Equal(t, http.StatusOK, w.adminDo("GET", "", "", header("Authorization", "Bearer admin-token")).StatusCode)
}

func TestAWebPageCannotUseTheOperatorsBrowser(t *testing.T) {
	w := newWorld(t)
	body := `{"name":"n","domain":"https://n.example"}`
	w.requireError(w.adminDo("POST", "", body, header("Sec-Fetch-Site", "cross-site")), http.StatusForbidden, "access_denied")
	w.requireError(w.adminDo("DELETE", "/app", "", header("Origin", "https://evil.example")), http.StatusForbidden, "access_denied")
	rebound := func(r *http.Request) {
		r.Host = "evil.example:8082"
		r.Header.Set("Origin", "http://evil.example:8082")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	w.requireError(w.adminDo("DELETE", "/app", "", rebound), http.StatusForbidden, "access_denied")
	require.Equal(t, http.StatusOK, w.adminDo("POST", "", body, header("Sec-Fetch-Site", "same-origin")).StatusCode)
}

func TestAClientWithKeysIsManaged(t *testing.T) {
	w := newWorld(t)
	s := signing{world: w, Signer: jwstest.New(t, "ES256"), kid: "first"}
	a := w.adminDo("POST", "", `{"name":"N","grantTypes":["client_credentials"],"jwks":`+s.keySet()+`}`)
	require.Equal(t, http.StatusOK, a.StatusCode, a.text)
	require.NotContains(t, a.json, "clientSecret")
	s.id = a.str("clientId")
	require.Equal(t, http.StatusOK, s.ask(s.assertion(nil, nil)).StatusCode)
	w.requireError(w.adminDo("POST", "/"+s.id+"/secret", ""), http.StatusBadRequest, "invalid_request")
	require.Contains(t, w.adminDo("GET", "/"+s.id, "").text, `"jwks":{"keys":[{`)
	a = w.adminDo("PUT", "/"+s.id, `{"name":"M"}`)
	require.Equal(t, http.StatusOK, a.StatusCode, a.text)
	require.Equal(t, http.StatusOK, s.ask(s.assertion(nil, nil)).StatusCode, "what is missing stays as it is")

	next := s
	next.Signer = jwstest.New(t, "ES256")
	require.Equal(t, http.StatusOK, w.adminDo("PUT", "/"+s.id, `{"jwks":`+next.keySet()+`}`).StatusCode)
	w.requireError(s.ask(s.assertion(nil, nil)), http.StatusUnauthorized, "invalid_client")
	require.Equal(t, http.StatusOK, next.ask(next.assertion(nil, nil)).StatusCode)

	require.Equal(t, http.StatusOK, w.adminDo("PUT", "/service", `{"jwks":`+s.keySet()+`}`).StatusCode)
	w.requireError(w.post("/oauth/token", form("grant_type", "client_credentials"), basic("service", appSecret)), 401, "invalid_client")
	for _, bad := range []string{
		`"jwks":{"keys":[]}`, `"jwks":"x"`, `"jwks":{"keys":[{"kty":"oct","k":"AAAA"}]}`, `"jwksUri":"http://a.example/x"`, `"jwksUri":"https://127.0.0.1/x"`,
		`"jwks":` + s.keySet() + `,"jwksUri":"https://a.example/x"`, `"jwks":` + s.keySet() + `,"public":true`,
		`"jwks":` + strings.Replace(s.keySet(), `"kty"`, `"kid":"second","kid":"third","kty"`, 1),
	} {
		a := w.adminDo("POST", "", `{"name":"N","domain":"https://n.example",`+bad+`}`)
		w.requireError(a, http.StatusBadRequest, "invalid_request")
		require.NotContains(t, a.text, "AAAA")
	}
	w.requireError(w.adminDo("PUT", "/spa", `{"jwks":`+s.keySet()+`}`), http.StatusBadRequest, "invalid_request")
}
