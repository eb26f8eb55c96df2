package authz_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/registry"
)

// Some clients send no scope for client credentials.
func TestAClientsDefaultScope(t *testing.T) {
	w := newWorld(t)
	a := w.adminDo("POST", "", `{"name":"S","domain":"`+callback+`","scopes":["balance:read","payments:send"],
		"defaultScopes":["balance:read"],"grantTypes":["client_credentials","authorization_code"]}`)
	require.Equal(t, http.StatusOK, a.StatusCode, a.text)
	id, secret := a.str("clientId"), a.str("clientSecret")
	own := func(scope string) answer {
		return w.post("/oauth/token", form("grant_type", "client_credentials", "scope", scope), basic(id, secret))
	}
	token := own("")
	require.Equal(t, http.StatusOK, token.StatusCode, token.text)
	require.Equal(t, "balance:read", token.str("scope"))
	require.Equal(t, []string{"balance:read"}, w.claims(token.str("access_token")).Scopes)
	require.Equal(t, "payments:send", own("payments:send").str("scope"), "it is for requests that name none")
	w.requireError(own("invoices:create"), http.StatusBadRequest, "invalid_scope")

	code := w.code(id, "scope", "")
	token = w.post("/oauth/token", redemption(code), basic(id, secret))
	require.Equal(t, "balance:read", token.str("scope"), token.text)

	b := w.signedIn()
	requirePage(t, b.open(request(id, "scope", "")), http.StatusOK)
	require.Contains(t, b.page.text, "Read your balance.")
	changed := w.adminDo("PUT", "/"+id, `{"defaultScopes":["payments:send"]}`)
	require.Equal(t, []any{"payments:send"}, changed.json["defaultScopes"], changed.text)
	token = w.post("/oauth/token", redemption(b.sent(b.press("allow")).Get("code")), basic(id, secret))
	require.Equal(t, "balance:read", token.str("scope"), "what the user was shown, whatever was changed meanwhile")

	require.Equal(t, "payments:send", own("").str("scope"))
	require.Contains(t, w.adminDo("PUT", "/"+id, `{"name":"T"}`).text, "payments:send", "it stays when nothing is said of it")
	require.NotContains(t, w.adminDo("PUT", "/"+id, `{"defaultScopes":[]}`).text, "defaultScopes")
	w.requireError(own(""), http.StatusBadRequest, "invalid_scope")

	w.change(id, func(c *registry.Client) { c.DefaultScopes = []string{"no:route"} })
	w.requireError(own(""), http.StatusBadRequest, "invalid_scope")
	w.requireError(w.post("/oauth/token", form("grant_type", "client_credentials"), basic("service", appSecret)), http.StatusBadRequest, "invalid_scope")
}
