package app_test

import (
	"net/http/httptest"
	"testing"

	"gatehouse/app/config"
	"gatehouse/cmd/demoapp/browsertest"
)

// The list of applications is looked at on a phone and on a desk, in each language, where it says for what the access is.
func TestThePageOfApplicationsSaysForWhatTheirAccessIs(t *testing.T) {
	browser := browsertest.Start(t)
	lndhub, _ := startLndhub(t, httptest.NewServer)
	port := freePort(t)
	r := start(t, withTools(t, func(cfg *config.Config) {
		cfg.Listen, cfg.Issuer, cfg.LNDHubURL = "127.0.0.1:"+port, "http://localhost:"+port, lndhub.URL
	}))
	tools := r.config.Issuer + "/tools"
	r.consentFor(r.register(), []string{tools}, "tools:use")
	r.consentFor(r.register(), nil, "balance:read")
	r.consentFor(r.register(), []string{tools, r.config.Issuer}, "balance:read tools:use")

	tab := browser.Open(t, browsertest.Desktop)
	tab.Go(r.config.Issuer + "/account")
	tab.Type("input[name=login]", "ann")
	tab.Type("input[name=password]", "right")
	tab.Click("#sign-in")
	tab.AwaitText(".applications > li:last-child .resource", "The access is for Wallet tools")
	tab.Await(`document.querySelectorAll(".applications > li").length === 3 && document.querySelectorAll(".applications .resource").length === 3`)
	tab.Look("applications-resources")
	for _, language := range []string{"de", "es", "pt"} {
		tab.Reads(language)
		tab.Reload()
		tab.Await(`document.documentElement.lang === "` + language + `" && document.querySelector(".resource")`)
		tab.Look("applications-resources-" + language)
	}
	tab.Go(r.config.Issuer + browsertest.Eval[string](tab, `document.querySelector(".applications > li:last-child a.button").getAttribute("href")`))
	tab.AwaitText(".resource", "Wallet tools")
	tab.Look("disconnect-resources")
}
