package authz_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/authz"
	"gatehouse/registry"
)

const everything = "balance:read invoices:create payments:send"

// granted are the scopes of the token that the application gets with the code of the answer.
func (b *browser) granted(a answer) string {
	b.Helper()
	token := b.post("/oauth/token", redemption(b.sent(a).Get("code")), basic("app", appSecret))
	require.Equal(b, http.StatusOK, token.StatusCode, token.text)
	require.Equal(b, strings.Fields(token.str("scope")), b.claims(token.str("access_token")).Scopes)
	return token.str("scope")
}

func TestTheUserLeavesOutWhatTheApplicationDoesNotNeed(t *testing.T) {
	w := newWorld(t)
	w.change("app", func(c *registry.Client) { c.RequiredScopes = []string{"balance:read", "no:route"} })
	b := w.signedIn()
	b.open(request("app", "scope", everything))
	require.Contains(t, b.page.text, `id="scope-balance:read" name="scope-balance:read" value="1" checked disabled>`)
	require.Contains(t, b.page.text, `id="scope-payments:send" name="scope-payments:send" value="1" checked>`)
	require.Equal(t, "balance:read invoices:create", b.granted(b.press("allow", "scope-payments:send", "")))

	b.open(request("app", "scope", "payments:send"))
	forged := b.press("allow", "scope-balance:read", "1", "scope-invoices:create", "1", "scope-no:route", "1", "scope", everything)
	require.Equal(t, "payments:send", b.granted(forged), "what was not asked for cannot be granted, nor what was not asked for be needed")

	b.open(request("app", "scope", everything))
	require.Equal(t, "balance:read", b.granted(b.press("allow", "scope-balance:read", "", "scope-payments:send", "", "scope-invoices:create", "")),
		"what is needed cannot be left out")

	b.open(request("app", "scope", "invoices:create payments:send"))
	requirePage(t, b.press("allow", "scope-payments:send", "", "scope-invoices:create", ""), http.StatusBadRequest)
	require.Contains(t, b.page.text, "Leave at least one thing ticked")
	requirePage(t, b.reload(), http.StatusOK)
	first := b.press("allow", "scope-payments:send", "")
	requirePage(t, b.press("allow"), http.StatusGone) // another choice than the one before
	require.Equal(t, "invoices:create", b.granted(first))

	all := w.redeem(w.code("app", "scope", everything, "scope-balance:read", "1"))
	require.Equal(t, everything, all.str("scope"), "a program that sends the user's proof has all that it asks for")
}

func TestWhatSpendsIsSaidFirst(t *testing.T) {
	w := newWorld(t, func(c *authz.Config) {
		c.Scopes = map[string]string{"a:unknown": "Do something.", "balance:read": "Read.", "invoices:create": "Create.", "payments:send": "Pay."}
	})
	b := w.signedIn()
	b.open(request("app", "scope", "balance:read invoices:create payments:send a:unknown balance:read"))
	at := -1
	for _, text := range []string{
		"<legend>Spend from your account</legend>", `id="scope-a:unknown"`, "Spends money", `id="scope-payments:send"`, "Spends money",
		"<legend>Make changes in your account</legend>", `id="scope-invoices:create"`, "<legend>Only read</legend>", `id="scope-balance:read"`,
	} {
		next := strings.Index(b.page.text[at+1:], text)
		require.GreaterOrEqual(t, next, 0, text)
		at += 1 + next
	}
	require.Equal(t, 2, strings.Count(b.page.text, "Spends money"))
	require.Equal(t, 4, strings.Count(b.page.text, "<input type=\"checkbox\""))
}

func TestThePageSaysWhatTheApplicationHasAlready(t *testing.T) {
	w := newWorld(t)
	b := w.signedIn()
	b.open(request("app", "scope", "balance:read"))
	require.NotContains(t, b.page.text, "Already connected")
	require.Contains(t, b.page.text, "until the application has not renewed it for 30 days")
	b.granted(b.press("allow"))
	w.clock.Advance(48 * time.Hour)
	b = w.signedIn()
	b.open(request("app", "scope", everything))
	require.Contains(t, b.page.text, "Already connected since 2 January 2030. It asks for this in addition:")
	asked, held, found := strings.Cut(b.page.text, "<legend>It may do this already</legend>")
	require.True(t, found)
	require.Contains(t, asked, `id="scope-payments:send"`)
	require.NotContains(t, asked, `id="scope-balance:read"`)
	require.Contains(t, held, `id="scope-balance:read"`)
	require.Contains(t, held, "After you decide you go back to <strong>localhost:8080</strong>.")
	b.open(request("app", "scope", "balance:read"))
	require.Contains(t, b.page.text, "It asks for nothing new.")
	require.NotContains(t, b.open(request("other", "scope", "balance:read")).text, "Already connected", "another application has")
	b.open(request("once"))
	require.Contains(t, b.page.text, "Access ends by itself after 2 hours.")
}

func TestWhatIsUntickedIsGone(t *testing.T) {
	w := newWorld(t)
	b := w.signedIn()
	had := map[string]answer{}
	for _, scope := range []string{"balance:read payments:send", "payments:send", "balance:read"} {
		b.open(request("app", "scope", scope))
		had[scope] = w.redeem(b.sent(b.press("allow")).Get("code"))
	}
	b.open(request("app", "scope", everything))
	require.Contains(t, b.page.text, "If you untick one of these, it may no longer do that")
	require.Equal(t, "balance:read invoices:create", b.granted(b.press("allow", "scope-payments:send", "")))
	for scope, tokens := range had {
		token, refreshed := tokens.str("access_token"), w.refresh(tokens.str("refresh_token"))
		stays := scope == "balance:read"
		require.Equal(t, !stays, w.denied(token) != nil, scope)
		require.Equal(t, stays, refreshed.StatusCode == http.StatusOK, scope)
	}
	b.open(request("app", "scope", everything))
	_, held, _ := strings.Cut(b.page.text, "<legend>It may do this already</legend>")
	require.NotContains(t, held, "payments:send")

	b.granted(b.press("allow"))
	b.open(request("app", "scope", everything))
	w.redis.Close()
	require.Equal(t, "temporarily_unavailable", b.sent(b.press("allow", "scope-payments:send", "")).Get("error"))
}

func TestAPictureIsAllAForeignSiteMayShow(t *testing.T) {
	w := newWorld(t)
	b := w.signedIn()
	for picture, source := range map[string]string{
		"https://app.example/i.png":           "https://app.example/i.png",
		"https://app.example:8443/a;b,c?d=e;": "https://app.example:8443/a%3Bb%2Cc",
		"https://app.example":                 "https://app.example",
		"http://app.example/i.png":            "",
		"/i.png":                              "",
		"":                                    "",
		"https://a_b.example/i.png":           "",
		"https://user@app.example/i.png":      "", // registered before that was refused
		"javascript:alert(1)":                 "",
	} {
		w.change("app", func(c *registry.Client) { c.ImageURL, c.URL = picture, "https://publisher.example/about?x" })
		page := b.open(request("app"))
		requirePage(t, page, http.StatusOK)
		policy := page.Header.Get("Content-Security-Policy")
		require.Equal(t, source != "", strings.Contains(page.text, "<img"), picture)
		if source == "" {
			require.NotContains(t, policy, "img-src", picture)
			continue
		}
		require.Contains(t, policy, "; img-src "+source+"; base-uri")
		require.Contains(t, page.text, `referrerpolicy="no-referrer"`)
		require.Contains(t, page.text, `<a href="https://publisher.example/about?x" rel="noreferrer">publisher.example</a>`)
		require.NotContains(t, b.open("/account").Header.Get("Content-Security-Policy"), "img-src")
	}
	w.change("app", func(c *registry.Client) { c.URL = "/apps/app" })
	require.NotContains(t, b.open(request("app")).text, "Website")
}

// A page that sends its visitor here again and again must not end what the user has allowed.
func TestPromptNoneEndsNoOtherAccess(t *testing.T) {
	w := newWorld(t, func(c *authz.Config) { c.MaxGrants = 3 })
	b := w.signedIn()
	b.open(request("app", "scope", "balance:read"))
	refresh := w.redeem(b.sent(b.press("allow")).Get("code")).str("refresh_token")
	silently := func(scope string) string {
		a := b.open(request("app", "prompt", "none", "scope", scope, "code_challenge", verifier, "code_challenge_method", "plain"))
		return b.sent(a).Get("error")
	}
	for i := range 5 {
		require.Equal(t, i >= 2, silently("balance:read") == "consent_required", fmt.Sprint(i))
	}
	answer := w.refresh(refresh)
	require.Equal(t, http.StatusOK, answer.StatusCode, answer.text)
	w.clock.Advance(10 * time.Minute) // the codes that nobody redeemed are worth nothing
	require.Empty(t, silently("balance:read"))
	require.Equal(t, http.StatusOK, w.refresh(answer.str("refresh_token")).StatusCode)

	b.open(request("app", "scope", "invoices:create"))
	b.granted(b.press("allow"))
	require.Equal(t, "consent_required", silently("balance:read invoices:create"), "no one consent covers both")
}
