package authz_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/authz/internal/text"
)

// requireNoPushed holds an answer to be a page about a name that nothing can be done with.
func (b *browser) requireNoPushed(a answer) {
	b.Helper()
	requirePage(b.T, a, http.StatusBadRequest)
	require.Contains(b, a.text, "The application&#39;s request was used already, or the application took too long.")
	require.NotContains(b, a.text, "<form")
}

func TestAPushedRequestIsItsClientsAndForAMinute(t *testing.T) {
	w := newWorld(t)
	b := w.signedIn()
	name := w.push()
	for _, other := range []string{"other", "spa", "nobody"} {
		b.requireNoPushed(b.open(byName(other, name)))
	}
	b.requireNoPushed(b.open(byName("app", requestURIPrefix+strings.Repeat("A", 43))))
	b.requireNoPushed(b.open(byName("app", requestURIPrefix)))
	b.requireNoPushed(b.open(byName("app", name[:len(name)-1])))
	requirePage(t, b.open(byName("", name, "client_id", "")), http.StatusBadRequest)
	w.requireError(w.get(byName("other", name)), http.StatusBadRequest, "invalid_request_uri")
	w.requireError(w.post("/oauth/authorize", form("client_id", "other", "request_uri", name), w.as(12345)), 400, "invalid_request_uri")

	w.clock.Advance(time.Minute - time.Millisecond)
	requirePage(t, b.open(byName("app", name)), http.StatusOK)
	w.clock.Advance(9 * time.Minute)
	require.NotEmpty(t, b.sent(b.press("allow")).Get("code"), "the user has as long as with any other")

	late := w.push()
	w.clock.Advance(time.Minute)
	b.requireNoPushed(b.open(byName("app", late)))
}

func TestAPushedRequestBeginsOnce(t *testing.T) {
	w := newWorld(t)
	name := w.push()
	b, thief := w.browser(), w.signedIn()
	b.open(byName("app", name))
	require.Contains(t, b.page.text, `id="sign-in"`)
	thief.requireNoPushed(thief.open(byName("app", name)))
	w.browser().requireNoPushed(w.browser().open(byName("app", name)))
	w.requireError(w.post("/oauth/authorize", form("client_id", "app", "request_uri", name), w.as(12345)), 400, "invalid_request_uri")

	requirePage(t, b.signIn("login", "password"), http.StatusOK)
	page := b.page.Request.URL.String()
	requirePage(t, b.reload(), http.StatusOK)
	requirePage(t, b.open(byName("app", name)), http.StatusOK)
	require.Equal(t, page, b.page.Request.URL.String(), "a link that was clicked twice leads to the same page")
	requirePage(t, thief.open(page), http.StatusForbidden)
	require.Equal(t, subject, b.allowed(b.press("allow")))
	requirePage(t, b.open(byName("app", name)), http.StatusGone)
	require.Contains(t, b.page.text, "You have decided this already.")
	w.requireError(w.post("/oauth/authorize", form("client_id", "app", "request_uri", name),
		w.as(12345), header("Cookie", "gatehouse-browser="+b.cookie("gatehouse-browser"))), 400, "invalid_request_uri")
}

// The ID of a request that has not begun opens no page.
func TestWhatHasNotBegunHasNoPage(t *testing.T) {
	w := newWorld(t)
	name := w.push()
	id := text.HashToken(strings.TrimPrefix(name, requestURIPrefix))
	_, err := w.registry.AuthorizationRequest(t.Context(), id)
	require.NoError(t, err, "what is stored does not tell the name")
	b := w.signedIn()
	requirePage(t, b.open("/oauth/authorize/"+id), http.StatusForbidden)
	b.requireNoPushed(b.open(byName("app", requestURIPrefix+id)))
	requirePage(t, b.open(byName("app", name)), http.StatusOK)
}

func TestOfManyBrowsersOneBeginsAPushedRequest(t *testing.T) {
	w := newWorld(t)
	name := w.push()
	var all []*browser
	for range 12 {
		b := w.browser()
		b.open("/account") // it has a cookie
		all = append(all, b)
	}
	var wait sync.WaitGroup
	answers := make([]answer, 2*len(all))
	for i := range answers {
		wait.Go(func() { answers[i] = all[i%len(all)].request(http.MethodGet, byName("app", name), nil) })
	}
	wait.Wait()
	begun := map[int]int{}
	for i, a := range answers {
		if a.StatusCode == http.StatusSeeOther {
			begun[i%len(all)]++
		} else {
			require.Equal(t, http.StatusBadRequest, a.StatusCode, a.text)
		}
	}
	require.Len(t, begun, 1)
	for _, times := range begun {
		require.Equal(t, 2, times, "the same browser may come twice")
	}
}

// Only what was pushed counts (RFC 9101 section 6.3): nobody adds to it, or changes it, on the way through the browser.
func TestWhatIsSentBesideTheNameDoesNotCount(t *testing.T) {
	w := newWorld(t)
	b := w.signedIn()
	b.open(byName("app", w.push("scope", "balance:read"),
		"scope", everything, "redirect_uri", "https://evil.example", "state", "theirs", "response_type", "token", "request", "e30.",
		"code_challenge", verifier, "prompt", "none", "expires_in", "1", "resource", "https://evil.example", "dpop_jkt", "x"))
	requirePage(t, b.page, http.StatusOK)
	require.NotContains(t, b.page.text, "Create invoices")
	sent := b.sent(b.press("allow"))
	require.Equal(t, "pushed", sent.Get("state"))
	token := w.redeem(sent.Get("code"))
	require.Equal(t, http.StatusOK, token.StatusCode, token.text)
	require.Equal(t, "balance:read", token.str("scope"))
	require.EqualValues(t, 7200, token.json["expires_in"])
	twice := w.get(byName("app", w.push())+"&client_id=app", asBrowser)
	requirePage(t, twice, http.StatusBadRequest)
}

func TestEverythingIsCarriedThrough(t *testing.T) {
	w := newWorld(t, withBudgets())
	b := w.signedIn()
	name := w.push("scope", everything, "code_challenge", s256(verifier), "code_challenge_method", "S256", "ui_locales", "de",
		"authorization_details", asks("5000", "month"), "prompt", "login", "login_hint", "ann@example.org", "expires_in", "600")
	b.open(byName("app", name))
	require.Contains(t, b.page.text, `id="sign-in"`, "prompt")
	require.Contains(t, b.page.text, `value="ann@example.org"`, "login_hint")
	require.Contains(t, b.page.text, `lang="de"`, "ui_locales")
	b.signIn("login", "password")
	code := b.sent(b.press("allow")).Get("code")
	w.requireError(w.redeem(code), http.StatusBadRequest, "invalid_grant")
	token := w.post("/oauth/token", redemption(code, "code_verifier", verifier), basic("app", appSecret))
	require.Equal(t, http.StatusOK, token.StatusCode, token.text)
	require.EqualValues(t, 600, token.json["expires_in"])
	require.Equal(t, months(5000), w.limit())

	r := withResources(t)
	form := naming(pushing("app"), tools, reports)
	b = r.signedIn()
	b.open(byName("app", r.pushed(r.post("/oauth/par", form, basic("app", appSecret)))))
	require.Equal(t, []string{tools, reports}, r.audience(r.redeem(b.sent(b.press("allow")).Get("code"))))
}

// What is answered without a page is answered once.
func TestAPushedRequestWithoutAPage(t *testing.T) {
	w := newWorld(t)
	b := w.signedIn()
	silent := []string{"prompt", "none", "code_challenge", verifier, "code_challenge_method", "plain"}
	name := w.push(silent...)
	require.Equal(t, "consent_required", b.sent(b.open(byName("app", name))).Get("error"))
	b.requireNoPushed(b.open(byName("app", name)))
	b.open(request("app"))
	b.allowed(b.press("allow"))
	name = w.push(silent...)
	require.NotEmpty(t, b.sent(b.open(byName("app", name))).Get("code"))
	b.requireNoPushed(b.open(byName("app", name)))
}

// The host application, which asks the user itself, may name a pushed request.
func TestTheHostApplicationMayNameAPushedRequest(t *testing.T) {
	w := newWorld(t)
	named := func(name string, pairs ...string) url.Values {
		return form(append([]string{"client_id", "app", "request_uri", name}, pairs...)...)
	}
	name := w.push("scope", "balance:read")
	w.requireError(w.post("/oauth/authorize", named(name, "login", "login", "password", "wrong")), 401, "access_denied")
	w.requireError(w.post("/oauth/authorize", named(name), header("Authorization", "Bearer x.y.z")), 401, "access_denied")
	a := w.post("/oauth/authorize", named(name, "scope", everything, "state", "theirs"), w.as(12345))
	require.Equal(t, http.StatusFound, a.StatusCode, a.text)
	location, err := a.Location()
	require.NoError(t, err)
	require.Equal(t, "pushed", location.Query().Get("state"))
	token := w.redeem(location.Query().Get("code"))
	require.Equal(t, "balance:read", token.str("scope"), token.text)
	w.requireError(w.post("/oauth/authorize", named(name), w.as(12345)), http.StatusBadRequest, "invalid_request_uri")

	name = w.push()
	require.Contains(t, w.get("/oauth/authorize?"+named(name).Encode(), w.as(12345)).Header.Get("Location"), "code=")
	name = w.push()
	require.Contains(t, w.post("/oauth/authorize", named(name, "decision", "deny")).Header.Get("Location"), "error=access_denied")
	w.requireError(w.post("/oauth/authorize", named(name), w.as(12345)), http.StatusBadRequest, "invalid_request_uri")
}
