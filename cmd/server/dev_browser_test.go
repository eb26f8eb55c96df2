package main

import (
	"fmt"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/app/config"
	"gatehouse/cmd/demoapp"
	"gatehouse/cmd/demoapp/browsertest"
	"gatehouse/cmd/mock_server/lndhub"
)

// By clicking, as somebody does who has read the README this far: the example, then an lndhub.go, and that with the server of
// production.
func TestDevByClicking(t *testing.T) {
	browser := browsertest.Start(t)
	t.Run("example", func(t *testing.T) {
		d := devSite(t).dev()
		require.NotEmpty(t, d.app, d.said)
		v := browser.Open(t, browsertest.Desktop)
		v.Go(d.app)
		v.AwaitText("#hint", "login “demo”")
		v.Click("#connect")
		v.Decide(d.issuer, d.app, "demo", d.password, browsertest.Allow)
		v.AwaitText("#scope", "^hello:read$")
		v.Click("#reads button")
		v.AwaitText("#read-result", `"X-Gatehouse-Subject": "demo"`)
		v.Look("dev-connected")
		v.Click("#disconnect")
		v.AwaitText("#notice", "refused: The access token was revoked\\.$")
	})
	t.Run("lndhub", func(t *testing.T) {
		s := devSite(t)
		hub := s.putLNDHubBehindDev()
		d := s.dev()
		require.Empty(t, d.password, "its users sign in with its passwords")
		paysAndDisconnects(browser.Open(t, browsertest.Desktop), d.issuer, d.app, hub)
	})
	t.Run("serve", func(t *testing.T) {
		s := devSite(t)
		hub := s.putLNDHubBehindDev()
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		app, file := demoapp.Origin(listener), filepath.Join(s.env["DIR"], "config.yaml")
		s = s.with("GATEHOUSE_CORS_ORIGINS", app)
		s.serveFile(file)
		s.ok("client", "create", "--config", file, "--id", "demo", "--name", "Demo application", "--public", "--redirect-uri", app+demoapp.CallbackPath)
		cfg, err := config.LoadForOperator(file, config.Needs{Routes: true}, nil)
		require.NoError(t, err)
		issuer := s.env["GATEHOUSE_ISSUER"]
		demo := httptest.NewUnstartedServer(demoapp.Handler(demoapp.Settings{Origin: app, Issuer: issuer, ClientID: "demo", Routes: cfg.Routes}, nil))
		require.NoError(t, demo.Listener.Close())
		demo.Listener = listener
		demo.Start()
		t.Cleanup(demo.Close)
		paysAndDisconnects(browser.Open(t, browsertest.Desktop), issuer, app, hub)
	})
}

// paysAndDisconnects with the demo application, as a user of the lndhub.go does.
func paysAndDisconnects(v *browsertest.Tab, issuer, app string, hub *lndhub.Hub) {
	v.Helper()
	v.Go(app)
	v.Click("#connect")
	v.Decide(issuer, app, "ann", "right", browsertest.Allow)
	v.AwaitText("#balance", "^100,000 sat$")
	v.Type("#bolt11", hub.Elsewhere(shopKey, 2500, "Coffee beans").Request)
	v.Click("#pay")
	v.AwaitText("#pay-result", "^Paid 2,500 sat, and a fee of 3 sat")
	v.AwaitText("#balance", "^97,497 sat$")

	account := v.Another()
	account.Go(issuer + "/account")
	account.Click(`a[href*="disconnect?client=demo"]`)
	account.Click("#disconnect")
	account.AwaitText("#said", "Demo application")
	v.Click("#refresh")
	v.AwaitText("#notice", "^Access has ended\\. The access token was revoked\\.$")
}

const shopKey = "03b5c7e9f10a2d4f6b8c0e1a3d5f7092b4c6e8fa1c3e5072946b8d0f2a4c6e8f10"

// putLNDHubBehindDev writes a configuration as its owner would who has an lndhub.go.
func (s site) putLNDHubBehindDev() *lndhub.Hub {
	s.Helper()
	hub := lndhub.New(lndhub.Config{JWTSecret: []byte(testSecret)})
	_, ok := hub.AddUser(lndhub.User{ID: 1, Login: "ann", Password: "right"},
		lndhub.Invoice{Type: lndhub.Incoming, State: lndhub.Settled, Amount: 100_000})
	require.True(s, ok)
	server := httptest.NewServer(hub)
	s.Cleanup(server.Close)
	routes := ""
	for path, scope := range map[string]string{"GET /balance": "balance:read", "POST /payments/bolt11": "payments:send"} {
		var method, at string
		_, err := fmt.Sscan(path, &method, &at)
		require.NoError(s, err)
		routes += fmt.Sprintf("  - {path: %s, methods: [%s], origin: '%s/v2', scope: '%s', description: x, credential: lndhub}\n", at, method, server.URL, scope)
	}
	require.NoError(s, os.Mkdir(s.env["DIR"], 0o700))
	configuration := fmt.Sprintf("database_url: sqlite:%s\nredis_url: 'embedded:'\njwt_secret: %s\nkeys: {secret: %032d}\nlndhub_url: %s\nroutes:\n%s",
		filepath.Join(s.env["DIR"], "gatehouse.db"), testSecret, 2, server.URL, routes)
	require.NoError(s, os.WriteFile(filepath.Join(s.env["DIR"], "config.yaml"), []byte(configuration), 0o600))
	return hub
}
