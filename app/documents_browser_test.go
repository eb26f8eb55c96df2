package app_test

import (
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/app/config"
	"gatehouse/cmd/demoapp/browsertest"
)

// TestThePageOfAnApplicationThatComesByItself is looked at on a phone and on a desk, in each language, and clicked through.
func TestThePageOfAnApplicationThatComesByItself(t *testing.T) {
	browser := browsertest.Start(t)
	port := freePort(t)
	p, a := startWithDocuments(t, func(cfg *config.Config) { // forms are taken only of the issuer's own pages
		cfg.Listen, cfg.Issuer = "127.0.0.1:"+port, "http://localhost:"+port
	})
	tab := browser.Open(t, browsertest.Desktop)
	tab.Go(p.config.Issuer + a.asks())
	tab.Type("input[name=login]", "ann")
	tab.Type("input[name=password]", "right")
	tab.Click("#sign-in")
	tab.AwaitText("#unverified", "Nobody at localhost:"+port+" has checked this application")
	tab.AwaitText("#unverified", "It runs on your own device")
	tab.Look("consent-unverified")
	for _, language := range []string{"de", "es", "pt"} {
		tab.Reads(language)
		tab.Reload()
		tab.Await(`document.documentElement.lang === "` + language + `" && document.querySelector("#unverified")`)
		tab.Look("consent-unverified-" + language)
	}
	tab.Click("#deny")
	tab.Await(`location.href.startsWith("chrome-error:")`) // nobody listens where the agent would
}

// freePort is one that nobody listens at now.
func freePort(t *testing.T) string {
	t.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	_, port, err := net.SplitHostPort(free.Addr().String())
	require.NoError(t, err)
	require.NoError(t, free.Close())
	return port
}
