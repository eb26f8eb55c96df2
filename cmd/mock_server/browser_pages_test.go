package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/app"
	"gatehouse/app/config"
	"gatehouse/authz/client"
	"gatehouse/authz/user"
	"gatehouse/cmd/demoapp/browsertest"
	"gatehouse/gateway"
	"gatehouse/registry"
)

// seesEveryPage in each of its states, and looks at it.
func (v visitor) seesEveryPage() {
	v.Click("#connect")
	v.isAt("/account/sign-in")
	v.Look("sign-in")
	for range 20 { // wrong ones, until it is said when to try again
		v.signIn("guessed", "nope")
		v.AwaitText("#failure", "\\w")
		if strings.ContainsAny(v.Text("#failure"), "123456789") {
			break
		}
	}
	v.AwaitText("#failure", "\\d")
	v.Look("sign-in-braked")
	v.signIn("suspended", "password")
	v.AwaitText("#failure", "suspended")
	v.Look("sign-in-suspended")
	browsertest.Eval[bool](v.Tab, `document.querySelectorAll("[name=form_token]").forEach(e => { e.value = "x" }), true`)
	v.signIn(theUser.Login, theUser.Password)
	v.AwaitText("#failure", "too old")
	v.Look("sign-in-stale")

	v.signIn(theUser.Login, theUser.Password)
	v.AwaitText("#allow", "\\w")
	v.Look("consent")
	v.Illustrate("consent")
	asked := v.Address()
	v.Click("#allow")
	v.balance()
	v.Go(asked)
	v.Look("failure-decided")
	v.Go(v.mock.App)
	v.seesEveryFailure(asked)
	v.seesTheAccount()
}

func (v visitor) seesEveryFailure(asked string) {
	for name, path := range map[string]string{
		"not-found": "/account/nothing", "no-request": "/oauth/authorize/NOTHING",
		"unknown-client": "/oauth/authorize?response_type=code&client_id=nobody",
	} {
		v.Go(v.mock.Issuer + path)
		if browsertest.Eval[string](v.Tab, "document.contentType") == "text/html" {
			v.Look("failure-" + name)
		}
	}
	other := v.Stranger()
	other.Go(asked)
	other.Look("failure-no-cookie")
	other.Go(v.mock.Issuer + "/account")
	other.Go(asked)
	require.False(v, browsertest.Eval[bool](other, `document.querySelector("form") !== null`))
	other.Look("failure-other-browser")
}

func (v visitor) seesTheAccount() {
	v.Go(v.mock.Issuer + "/account")
	v.Look("applications")
	v.Illustrate("applications")
	v.Click(`a[href*="disconnect?client=` + demoClientID + `"]`)
	v.AwaitText("#keep", "\\w")
	v.Look("disconnect")
	v.Click("#keep")
	v.Click("#disconnect-all")
	v.AwaitText("#keep", "\\w")
	v.Look("disconnect-all")
	v.Click("#disconnect")
	v.AwaitText("#said", "\\w")
	v.Look("applications-none")
	v.Go(v.mock.App)
	v.AwaitText("#notice", "^Access has ended\\.")
	v.Look("demo-5-ended")
}

// hostile is text that would be more than text on a careless page.
const hostile = `"><img src=x onerror=alert(1)><script>alert(2)</script>&lt;b&gt;{{.}}'`

// installation is a server of its own with another configuration, in this process.
func (s stage) installation(v *browsertest.Tab, options app.Options, change func(*config.Config)) (issuer string, clients *registry.Registry) {
	v.Helper()
	public, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(v, err)
	admin, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(v, err)
	_, port, err := net.SplitHostPort(public.Addr().String())
	require.NoError(v, err)
	cfg := config.Default()
	cfg.Listen, cfg.Issuer, cfg.Admin.Listen = public.Addr().String(), "http://localhost:"+port, admin.Addr().String()
	cfg.DatabaseURL, cfg.RedisURL = "sqlite::memory:", "embedded:"
	cfg.JWTSecret, cfg.Keys.Secret = config.Secret(client.NewSecret()), config.Secret(client.NewSecret())
	cfg.Routes = walletRoutes(s.mock.Wallet)
	change(&cfg)
	options.Log = slog.New(slog.DiscardHandler)
	running, err := app.New(v.Context(), cfg, options)
	require.NoError(v, err)
	running.Serve(public, admin)
	v.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
		defer cancel()
		require.NoError(v, running.Stop(ctx))
	})
	require.NoError(v, waitReady(v.Context(), admin.Addr().String()))
	return cfg.Issuer, running.Registry()
}

func (s stage) asks(issuer, client, scope string) string {
	return issuer + "/oauth/authorize?" + url.Values{
		"response_type": {"code"}, "client_id": {client}, "redirect_uri": {s.mock.App + "/callback"}, "scope": {scope}, "state": {hostile},
		"code_challenge": {strings.Repeat("a", 43)}, "login_hint": {hostile},
	}.Encode()
}

// logo of a brand; not the colour that its buttons have.
const logo = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 120 40"><rect width="120" height="40" rx="8" fill="#3b6ea5"/></svg>`

// showsHostileNames as the text that they are, and keeps long ones on the screen, also beside a brand.
func (s stage) showsHostileNames(v *browsertest.Tab) {
	issuer, clients := s.installation(v, app.Options{Users: []user.Authenticator{
		user.Static{Login: hostile, Password: "password", Subject: strings.Repeat("x", 100)},
	}}, func(c *config.Config) {
		c.LNDHubURL = "http://127.0.0.1:1"
		c.Brand = config.Brand{
			Name: hostile[:50], Logo: filepath.Join(v.TempDir(), "logo.svg"), Colour: "#f7931a", SupportURL: "mailto:help@wallet.example",
		}
		require.NoError(v, os.WriteFile(c.Brand.Logo, []byte(logo), 0o600))
		c.Routes = []gateway.Route{
			{Path: "/a", Methods: []string{"GET"}, Origin: s.mock.Wallet, Scope: "a:read", Description: hostile, Credential: "none"},
			{Path: "/b", Methods: []string{"GET"}, Origin: s.mock.Wallet, Scope: "b:" + strings.Repeat("long", 20), Description: strings.Repeat("long", 30), Credential: "none"},
		}
	})
	for id, name := range map[string]string{"html": hostile, "long": strings.Repeat("ApplicationWithALongName", 8)} {
		require.NoError(v, clients.CreateClient(v.Context(), registry.Client{
			ID: id, Name: name, Public: true, URL: "https://example.com/" + hostile, RedirectURIs: []string{s.mock.App + "/callback"},
		}))
	}
	v.Go(issuer)
	v.AwaitText("#applications", "\\w")
	v.AwaitText("header", "onerror=alert")
	require.Positive(v, browsertest.Eval[int](v, `document.querySelector("header img").naturalWidth`), "the logo is seen")
	v.Look("start-brand")
	v.Go(s.asks(issuer, "html", "a:read"))
	require.Equal(v, hostile, v.Text("#login"), "what the application said")
	v.Look("sign-in-hostile")
	visitor{v, &mockProcess{Issuer: issuer}}.signIn(hostile, "password")
	v.AwaitText("h1", "<script>alert\\(2\\)<")
	v.AwaitText("main", "onerror=alert")
	v.Look("consent-hostile")
	v.Leave("#deny")
	comesTooLate(v, issuer, clients)
	v.Go(s.asks(issuer, "long", "a:read b:"+strings.Repeat("long", 20)))
	v.AwaitText("#allow", "\\w")
	v.Look("consent-long")
	for _, language := range []string{"de", "es", "pt"} {
		v.Reads(language)
		v.Reload()
		v.Await(`document.documentElement.lang === "` + language + `"`)
		v.Look("consent-long-" + language)
	}
	v.Leave("#allow")
	v.Go(issuer + "/account")
	v.AwaitText("main", "\\w")
	v.Look("applications-long-pt")
}

// comesTooLate to a request that this browser began.
func comesTooLate(v *browsertest.Tab, issuer string, requests *registry.Registry) {
	v.Helper()
	digest := sha256.Sum256([]byte(v.Cookie("gatehouse-browser")))
	began := time.Now().Add(-time.Hour)
	require.NoError(v, requests.CreateAuthorizationRequest(v.Context(), registry.AuthorizationRequest{
		ID: "LATE", BrowserHash: hex.EncodeToString(digest[:]), ClientID: "html", CreatedAt: began, ExpiresAt: began.Add(time.Minute),
	}))
	v.Go(issuer + "/oauth/authorize/LATE")
	v.AwaitText("h1", "^Too late$")
	v.Look("failure-expired")
}

// saysWhatIsMissing where nobody can sign in.
func (s stage) saysWhatIsMissing(v *browsertest.Tab) {
	issuer, _ := s.installation(v, app.Options{}, func(c *config.Config) { c.LNDHubURL = "" })
	v.Go(issuer + "/account")
	require.False(v, browsertest.Eval[bool](v, `document.querySelector("#password") !== null`))
	v.AwaitText("main", "users.login_url")
	v.Look("sign-in-no-way")

	issuer, _ = s.installation(v, app.Options{}, func(c *config.Config) { c.LNDHubURL = "http://127.0.0.1:1" })
	v.Go(issuer + "/account")
	visitor{v, &mockProcess{Issuer: issuer}}.signIn("login", "password")
	v.AwaitText("#failure", "\\w")
	v.Look("sign-in-unavailable")
}
