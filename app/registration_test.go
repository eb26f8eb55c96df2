package app_test

import (
	"encoding/json"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/app/config"
)

const initialToken = "0123456789abcdef0123456789abcdef"

func startWithRegistration(t *testing.T, change func(*config.ClientRegistration)) *person {
	t.Helper()
	lndhub, _ := startLndhub(t, httptest.NewServer)
	cfg := testConfig(echoUpstream(t))
	cfg.LNDHubURL = lndhub.URL
	change(&cfg.Clients.Registration)
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	return &person{running: start(t, cfg), jar: jar}
}

// registers is an application on a user's machine that registers itself.
func (p *person) registers(token string) answer {
	p.t.Helper()
	header := http.Header{"Content-Type": {"application/json"}}
	if token != "" {
		header["Authorization"] = []string{"Bearer " + token}
	}
	return p.do(http.MethodPost, p.public+"/oauth/register", strings.NewReader(`{
		"client_name": "An agent", "redirect_uris": ["http://127.0.0.1/back"], "grant_types": ["authorization_code", "refresh_token"],
		"token_endpoint_auth_method": "none"}`), header)
}

// TestAnApplicationRegistersItself: one that knows nothing but the address of the API gets as far as its user allows, and no further.
func TestAnApplicationRegistersItself(t *testing.T) {
	p := startWithRegistration(t, func(r *config.ClientRegistration) { r.Mode = config.RegistrationOpen })
	metadata := p.do(http.MethodGet, p.public+"/.well-known/oauth-authorization-server", nil, nil).json(t)
	require.Equal(t, p.config.Issuer+"/oauth/register", metadata["registration_endpoint"])
	registered := p.registers("")
	require.Equal(t, http.StatusCreated, registered.status, registered.body)
	id, _ := registered.json(t)["client_id"].(string)
	token, _ := registered.json(t)["registration_access_token"].(string)

	a := agent{id: id}
	to, err := url.Parse(p.allows(a).header.Get("Location"))
	require.NoError(t, err)
	require.Equal(t, "127.0.0.1:53123", to.Host)
	form := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	redeemed := p.do(http.MethodPost, p.public+"/oauth/token", strings.NewReader(url.Values{
		"grant_type": {"authorization_code"}, "code": {to.Query().Get("code")}, "redirect_uri": {"http://127.0.0.1:53123/back"},
		"client_id": {id}, "code_verifier": {agentVerifier},
	}.Encode()), form)
	require.Equal(t, http.StatusOK, redeemed.status, redeemed.body)
	access, _ := redeemed.json(t)["access_token"].(string)
	require.Equal(t, http.StatusOK, p.do(http.MethodGet, p.public+"/balance", nil, bearer(access)).status)
	require.Equal(t, http.StatusForbidden, p.do(http.MethodPost, p.public+"/payments/bolt11", nil, bearer(access)).status)

	at := p.public + "/oauth/register/" + id
	require.Equal(t, http.StatusOK, p.do(http.MethodGet, at, nil, bearer(token)).status)
	require.Equal(t, http.StatusUnauthorized, p.do(http.MethodGet, at, nil, bearer(access)).status)
	header := bearer(token)
	header["Content-Type"] = []string{"application/json"}
	said, err := json.Marshal(map[string]any{
		"client_id": id, "client_name": "Another", "redirect_uris": []string{"http://127.0.0.1/back"}, "token_endpoint_auth_method": "none",
	})
	require.NoError(t, err)
	changed := p.do(http.MethodPut, at, strings.NewReader(string(said)), header)
	require.Equal(t, "Another", changed.json(t)["client_name"], changed.body)
	gone := p.do(http.MethodDelete, at, nil, bearer(token))
	require.Equal(t, http.StatusNoContent, gone.status, gone.body)
	require.Equal(t, http.StatusUnauthorized, p.do(http.MethodGet, p.public+"/balance", nil, bearer(access)).status)
	require.Equal(t, http.StatusUnauthorized, p.do(http.MethodGet, at, nil, bearer(token)).status)
}

func TestApplicationsRegisterThemselvesOnlyWhereTheConfigurationSaysSo(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*config.ClientRegistration)
		token  string
		status int
	}{
		"turned off":        {func(*config.ClientRegistration) {}, "", http.StatusNotFound},
		"off, with a token": {func(r *config.ClientRegistration) { r.Token = initialToken }, initialToken, http.StatusNotFound},
		"without the token": {func(r *config.ClientRegistration) { r.Mode, r.Token = config.RegistrationToken, initialToken }, "", http.StatusUnauthorized},
		"with another":      {func(r *config.ClientRegistration) { r.Mode, r.Token = config.RegistrationToken, initialToken }, initialToken + "0", http.StatusUnauthorized},
		"with the token":    {func(r *config.ClientRegistration) { r.Mode, r.Token = config.RegistrationToken, initialToken }, initialToken, http.StatusCreated},
		"with the one before": {func(r *config.ClientRegistration) {
			r.Mode, r.Token, r.PreviousToken = config.RegistrationToken, config.Secret(strings.Repeat("n", 32)), initialToken
		}, initialToken, http.StatusCreated},
		"open": {func(r *config.ClientRegistration) { r.Mode = config.RegistrationOpen }, "", http.StatusCreated},
	} {
		t.Run(name, func(t *testing.T) {
			p := startWithRegistration(t, test.change)
			a := p.registers(test.token)
			require.Equal(t, test.status, a.status, a.body)
			metadata := p.do(http.MethodGet, p.public+"/.well-known/oauth-authorization-server", nil, nil)
			require.Equal(t, test.status != http.StatusNotFound, strings.Contains(metadata.body, `"registration_endpoint"`))
		})
	}
}
