package app_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/app/config"
	"gatehouse/keys/dpop/dpoptest"
)

// sends a form as an application, which has a secret or none, with a proof of its key.
func (r *running) sends(path string, form url.Values, secret string, key *dpoptest.Client) answer {
	r.t.Helper()
	header := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	if key != nil {
		header.Set("DPoP", key.Proof(http.MethodPost, r.config.Issuer+path, "", nil))
	}
	if secret != "" {
		(&http.Request{Header: header}).SetBasicAuth(form.Get("client_id"), secret)
	}
	return r.do(http.MethodPost, r.public+path, strings.NewReader(form.Encode()), header)
}

// Every kind of application gets a token where requests have to be pushed, and one that proves its key with that has it for the code and the
// token (RFC 9449 section 10.1).
func TestApplicationsPushTheirRequests(t *testing.T) {
	p, a := startWithDocuments(t, func(cfg *config.Config) {
		cfg.Pushed.Required, cfg.Clients.Registration.Mode = true, config.RegistrationOpen
	})
	metadata := p.do(http.MethodGet, p.public+"/.well-known/oauth-authorization-server", nil, nil).json(t)
	require.Equal(t, p.config.Issuer+"/oauth/par", metadata["pushed_authorization_request_endpoint"])
	require.Equal(t, true, metadata["require_pushed_authorization_requests"])

	registered, itself := p.register(), p.registers("").json(t)["client_id"].(string)
	const back = "http://127.0.0.1:53123/back"
	for name, client := range map[string]struct{ id, secret, redirect string }{
		"registered":  {registered.id, registered.secret, callback},
		"by itself":   {itself, "", back},
		"of document": {a.id, "", back},
	} {
		t.Run(name, func(t *testing.T) {
			asked, err := url.ParseQuery(strings.TrimPrefix(agent{id: client.id}.asks(), "/oauth/authorize?"))
			require.NoError(t, err)
			asked.Set("redirect_uri", client.redirect)
			unpushed := p.visit(http.MethodGet, "/oauth/authorize?"+asked.Encode(), nil)
			require.NotContains(t, unpushed.body, "<form")
			require.NotContains(t, unpushed.header.Get("Location"), "code=")

			key, thief := dpoptest.New(t), dpoptest.New(t)
			pushed := p.sends("/oauth/par", asked, client.secret, key)
			require.Equal(t, http.StatusCreated, pushed.status, pushed.body)
			named := url.Values{"client_id": {client.id}, "request_uri": {pushed.json(t)["request_uri"].(string)}}
			page := p.visit(http.MethodGet, "/oauth/authorize?"+named.Encode(), nil)
			if strings.Contains(page.body, `id="sign-in"`) {
				page = p.signsIn(page)
			}
			to, err := url.Parse(p.clicksAllow(page).header.Get("Location"))
			require.NoError(t, err)
			require.Equal(t, "s", to.Query().Get("state"))

			redemption := url.Values{
				"grant_type": {"authorization_code"}, "code": {to.Query().Get("code")}, "redirect_uri": {client.redirect},
				"client_id": {client.id}, "code_verifier": {agentVerifier},
			}
			require.Equal(t, "invalid_dpop_proof", p.sends("/oauth/token", redemption, client.secret, nil).json(t)["error"])
			require.Equal(t, "invalid_grant", p.sends("/oauth/token", redemption, client.secret, thief).json(t)["error"])
			token := p.sends("/oauth/token", redemption, client.secret, key)
			require.Equal(t, http.StatusOK, token.status, token.body)
			require.Equal(t, "DPoP", token.json(t)["token_type"])
			access := token.json(t)["access_token"].(string)
			passes := func(key *dpoptest.Client) int {
				proof := key.Proof(http.MethodGet, p.config.Issuer+"/balance", access, nil)
				return p.do(http.MethodGet, p.public+"/balance", nil, proven(access, proof)).status
			}
			require.Equal(t, http.StatusOK, passes(key))
			require.Equal(t, http.StatusUnauthorized, passes(thief))
			require.Equal(t, http.StatusUnauthorized, p.do(http.MethodGet, p.public+"/balance", nil, bearer(access)).status)
		})
	}
}
