package app_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/app/config"
	"gatehouse/gateway/gatewaytest"
)

// agent is an application that nobody has registered, with a description at an https URL of this machine.
type agent struct {
	id string
	ca string // file of the authority that vouches for its host
}

func startAgent(t *testing.T) agent {
	t.Helper()
	certificate := gatewaytest.NewCertificate(t, 1, "localhost")
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{
			"client_id": "https://" + r.Host + r.RequestURI, "client_name": "An agent", "redirect_uris": []string{"http://127.0.0.1/back"},
			"grant_types": []string{"authorization_code", "refresh_token"},
		})
	}))
	server.TLS = certificate.Serving(t)
	server.StartTLS()
	t.Cleanup(server.Close)
	return agent{strings.Replace(server.URL, "127.0.0.1", "localhost", 1) + "/agent.json", certificate.CAFile(t)}
}

const agentVerifier = "0123456789abcdef0123456789abcdef0123456789abcdef"

// asks is where the agent, which listens on some port of the user's machine, leads the user's browser.
func (a agent) asks() string {
	hash := sha256.Sum256([]byte(agentVerifier))
	return "/oauth/authorize?" + url.Values{
		"client_id": {a.id}, "response_type": {"code"}, "redirect_uri": {"http://127.0.0.1:53123/back"}, "scope": {"balance:read"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(hash[:])}, "code_challenge_method": {"S256"}, "state": {"s"},
	}.Encode()
}

// person is a browser with its cookies, that goes where answers lead, as long as that is here.
type person struct {
	*running
	jar http.CookieJar
	at  string
}

func (p *person) visit(method, path string, form url.Values) answer {
	p.t.Helper()
	root, err := url.Parse(p.public)
	require.NoError(p.t, err)
	for {
		header := http.Header{"Accept": {"text/html"}, "Origin": {p.config.Issuer}, "Content-Type": {"application/x-www-form-urlencoded"}}
		for _, c := range p.jar.Cookies(root) {
			header.Add("Cookie", c.Name+"="+c.Value)
		}
		header["Cookie"] = []string{strings.Join(header["Cookie"], "; ")}
		a := p.do(method, p.public+path, strings.NewReader(form.Encode()), header)
		p.jar.SetCookies(root, (&http.Response{Header: a.header}).Cookies())
		p.at = path
		if path = a.header.Get("Location"); !strings.HasPrefix(path, "/") {
			return a
		}
		method, form = http.MethodGet, nil
	}
}

var hiddenField = regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]+)">`)

// allows what the agent asks for, after signing in as ann.
func (p *person) allows(a agent) answer {
	p.t.Helper()
	page := p.signsIn(p.visit(http.MethodGet, a.asks(), nil))
	require.Contains(p.t, page.body, `id="unverified"`)
	return p.clicksAllow(page)
}

func (p *person) signsIn(page answer) answer {
	p.t.Helper()
	return p.visit(http.MethodPost, "/account/sign-in", filled(page, url.Values{"login": {"ann"}, "password": {"right"}}))
}

func (p *person) clicksAllow(page answer) answer {
	p.t.Helper()
	return p.visit(http.MethodPost, p.at, filled(page, url.Values{"decision": {"allow"}, "scope-balance:read": {"1"}}))
}

// filled is the form of a page with what a person has filled in.
func filled(page answer, form url.Values) url.Values {
	for _, field := range hiddenField.FindAllStringSubmatch(page.body, -1) {
		form.Set(field[1], field[2])
	}
	return form
}

func startWithDocuments(t *testing.T, change func(*config.Config)) (*person, agent) {
	t.Helper()
	lndhub, _ := startLndhub(t, httptest.NewServer)
	a := startAgent(t)
	cfg := testConfig(echoUpstream(t))
	cfg.LNDHubURL = lndhub.URL
	cfg.Clients.Documents.CAFile, cfg.Clients.Documents.AllowNetworks = a.ca, []string{"127.0.0.0/8"}
	change(&cfg)
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	return &person{running: start(t, cfg), jar: jar}, a
}

// TestAnApplicationComesByItself: an agent that knows nothing but the address of the API gets as far as its user allows, and no further.
func TestAnApplicationComesByItself(t *testing.T) {
	p, a := startWithDocuments(t, func(*config.Config) {})
	answered := p.allows(a)
	to, err := url.Parse(answered.header.Get("Location"))
	require.NoError(t, err)
	require.Equal(t, "127.0.0.1:53123", to.Host, answered.body)
	form := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	token := p.do(http.MethodPost, p.public+"/oauth/token", strings.NewReader(url.Values{
		"grant_type": {"authorization_code"}, "code": {to.Query().Get("code")}, "redirect_uri": {"http://127.0.0.1:53123/back"},
		"client_id": {a.id}, "code_verifier": {agentVerifier},
	}.Encode()), form)
	require.Equal(t, http.StatusOK, token.status, token.body)
	access, _ := token.json(t)["access_token"].(string)
	require.Equal(t, http.StatusOK, p.do(http.MethodGet, p.public+"/balance", nil, bearer(access)).status)
	require.Equal(t, http.StatusForbidden, p.do(http.MethodPost, p.public+"/payments/bolt11", nil, bearer(access)).status)

	user := bearer(userJWT(t, 1))
	require.Contains(t, p.do(http.MethodGet, p.public+"/clients", nil, user).body, a.id)
	gone := p.do(http.MethodDelete, p.public+"/clients/-?client_id="+url.QueryEscape(a.id), nil, user)
	require.Equal(t, http.StatusNoContent, gone.status, gone.body)
	require.Equal(t, http.StatusUnauthorized, p.do(http.MethodGet, p.public+"/balance", nil, bearer(access)).status)
}

func TestApplicationsComeByThemselvesOnlyWhereTheConfigurationSaysSo(t *testing.T) {
	for name, change := range map[string]func(*config.ClientDocuments){
		"turned off":                  func(d *config.ClientDocuments) { d.Enabled = false },
		"not on the public internet":  func(d *config.ClientDocuments) { d.AllowNetworks = nil },
		"of an unknown authority":     func(d *config.ClientDocuments) { d.CAFile = "" },
		"a refused host":              func(d *config.ClientDocuments) { d.RefusedHosts = []string{"localhost"} },
		"another than the only hosts": func(d *config.ClientDocuments) { d.Hosts = []string{"agents.example"} },
	} {
		t.Run(name, func(t *testing.T) {
			p, a := startWithDocuments(t, func(cfg *config.Config) { change(&cfg.Clients.Documents) })
			page := p.visit(http.MethodGet, a.asks(), nil)
			require.Contains(t, []int{http.StatusBadRequest, http.StatusUnauthorized}, page.status, page.body)
			require.Empty(t, page.header.Get("Location"))
			metadata := p.do(http.MethodGet, p.public+"/.well-known/oauth-authorization-server", nil, nil)
			require.Equal(t, name != "turned off", strings.Contains(metadata.body, `"client_id_metadata_document_supported":true`))
		})
	}
}
