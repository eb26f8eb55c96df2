package authz_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/registry"
)

// connect lets the user of the browser allow the client, and returns an access token.
func (b *browser) connect(client, scope string) string {
	b.Helper()
	b.open(request(client, "scope", scope, "expires_in", "400000"))
	token := b.post("/oauth/token", redemption(b.sent(b.press("allow")).Get("code")), basic(client, appSecret))
	require.Equal(b, http.StatusOK, token.StatusCode, token.text)
	return token.str("access_token")
}

var disconnectLinks = regexp.MustCompile(`<a class="button" href="([^"]*)" aria-label="Disconnect ([^"]*)">`)

func (b *browser) disconnectLink(name string) string {
	b.Helper()
	for _, link := range disconnectLinks.FindAllStringSubmatch(b.page.text, -1) {
		if link[2] == name {
			return unescape(link[1])
		}
	}
	require.Fail(b, "no link", b.page.text)
	return ""
}

func TestAUserSeesWhatHasAccessAndTakesItBack(t *testing.T) {
	w := newWorld(t)
	w.change("app", func(c *registry.Client) { c.Name = `An <b>App</b>` })
	b := w.signedIn()
	require.Contains(t, b.page.text, "No application has access to it.")
	first := b.connect("app", "balance:read")
	w.clock.Advance(48 * time.Hour)
	b.open("/account")
	b.signIn("login", "password")
	second := b.connect("app", "balance:read invoices:create")
	other := b.connect("other", "payments:send")
	foreign := w.redeem(w.code("app")) // of the same user
	require.Equal(t, http.StatusOK, foreign.StatusCode)
	theirs := w.allow(header("Authorization", "Bearer "+w.userToken(99)))
	theirToken := w.redeem(b.sent(theirs).Get("code")).str("access_token")

	requirePage(t, b.open("/account"), http.StatusOK)
	for _, shown := range []string{"An &lt;b&gt;App&lt;/b&gt;", "localhost:8080 · since 2 January 2030", "Read your balance.", "Create invoices on your behalf.",
		"Other", "since 4 January 2030", "Send payments", `id="disconnect-all"`, "Last used: today"} {
		require.Contains(t, b.page.text, shown)
	}

	requirePage(t, b.open(b.disconnectLink("An &lt;b&gt;App&lt;/b&gt;")), http.StatusOK)
	require.Contains(t, b.page.text, "Disconnect An &lt;b&gt;App&lt;/b&gt;?")
	for _, ends := range []string{"What ends:", "Read your balance.", "Create invoices on your behalf."} {
		require.Contains(t, b.page.text, ends)
	}
	require.NotContains(t, b.page.text, "Send payments", "that is another's")
	requirePage(t, b.reload(), http.StatusOK)
	require.NoError(t, w.denied(first), "to look is not to do")
	requirePage(t, b.press("disconnect"), http.StatusOK)
	require.Contains(t, b.page.text, "An &lt;b&gt;App&lt;/b&gt; has no access any more.")
	for _, token := range []string{first, second, foreign.str("access_token")} {
		w.requireDenied(token)
	}
	require.NoError(t, w.denied(other))
	require.NoError(t, w.denied(theirToken), "another user's")
	requirePage(t, b.reload(), http.StatusOK)
	require.NotContains(t, b.page.text, "An &lt;b&gt;App")
	require.NotContains(t, b.page.text, `id="disconnect-all"`)

	requirePage(t, b.open("/account/disconnect?client=app"), http.StatusOK)
	require.Contains(t, b.page.text, "These applications have access", "it is gone: there is nothing to ask")
}

// TestAUserSeesWhenAnApplicationWasUsedLast: when it got a token, or by what gateways reported, whichever was later.
func TestAUserSeesWhenAnApplicationWasUsedLast(t *testing.T) {
	w := newWorld(t)
	b := w.signedIn()
	b.connect("other", "payments:send")
	w.clock.Advance(time.Second)
	grantID := w.claims(b.connect("app", "balance:read")).GrantID
	shows := func(app, other string) {
		t.Helper()
		requirePage(t, b.open("/account/applications"), http.StatusOK)
		require.Regexp(t, `(?s)>An App</h3>.*Last used: `+app+`<.*>Other</h3>.*Last used: `+other+`<`, b.page.text)
	}
	shows("today", "today")
	for _, at := range []struct{ after, shown string }{
		{"2030-01-02T23:59:59Z", "today"}, {"2030-01-03T00:00:00Z", "yesterday"}, {"2030-01-03T23:59:58Z", "yesterday"},
		{"2030-01-04T00:00:00Z", "2 January 2030"},
	} {
		now, err := time.Parse(time.RFC3339, at.after)
		require.NoError(t, err)
		w.clock.Set(now)
		shows(at.shown, at.shown)
	}
	left, err := w.registry.RecordUses(t.Context(), []registry.Use{{GrantID: grantID, On: w.clock.Now()}})
	require.NoError(t, err)
	require.Empty(t, left)
	shows("today", "2 January 2030")
	require.Contains(t, w.get("/clients", w.as(12345)).text, `"lastUsedOn":"2030-01-04"`)

	require.NoError(t, w.registry.CreateClient(t.Context(), registry.Client{ID: "taken-over", Name: "Old"}))
	now := w.clock.Now()
	_, err = w.registry.ImportGrants(t.Context(), &registry.Import{Source: "elsewhere", Run: now, Most: 50}, []registry.ImportedGrant{{
		Grant:  registry.Grant{ID: "old", ClientID: "taken-over", Subject: subject, Scopes: []string{"balance:read"}, CreatedAt: now},
		Access: &registry.ImportedToken{Hash: "hash", IssuedAt: now, ExpiresAt: now.Add(time.Hour)},
	}})
	require.NoError(t, err)
	require.Regexp(t, `(?s)>Old</h3>.*Last used: not yet<`, b.open("/account/applications").text)
	require.Contains(t, w.get("/clients", w.as(12345)).text, `"lastUsedOn":null`)
}

func TestAUserDisconnectsEverythingAtOnce(t *testing.T) {
	w := newWorld(t)
	b := w.signedIn()
	tokens := []string{b.connect("app", "balance:read")}
	w.clock.Advance(time.Second)
	tokens = append(tokens, b.connect("other", "balance:read"))
	b.open("/account/disconnect")
	require.Regexp(t, `(?s)Disconnect all applications\?.*What ends:.*<li>Other.*<li>An App`, b.page.text)
	b.press("disconnect")
	require.Contains(t, b.page.text, "No application has access any more.")
	for _, token := range tokens {
		w.requireDenied(token)
	}
}

func TestDisconnectingNeedsTheUsersOwnForm(t *testing.T) {
	w := newWorld(t)
	b := w.signedIn()
	token := b.connect("app", "balance:read")
	b.open("/account/disconnect?client=app")
	require.Contains(t, b.press("disconnect", "form_token", "x").text, "These applications have access")
	_, form := b.form("sign-out")
	form.Set("client", "app")
	for name, options := range map[string][]option{
		"another origin": {header("Origin", "https://evil.example")},
		"another site":   {header("Sec-Fetch-Site", "cross-site")},
	} {
		a := w.post("/account/disconnect", form, append(options, asBrowser, header("Cookie", "gatehouse="+b.cookie("gatehouse")))...)
		require.Equal(t, http.StatusForbidden, a.StatusCode, name)
	}
	require.Equal(t, http.StatusSeeOther, w.post("/account/disconnect", form, asBrowser).StatusCode, "nobody is signed in there")
	require.NoError(t, w.denied(token))
	form.Set("client", "nobody")
	require.Contains(t, b.follow(b.request(http.MethodPost, "/account/disconnect", form)).text, "nobody has no access any more.")
	require.NoError(t, w.denied(token))
}

// What is recorded and has not reached the gateways is said to be so.
func TestDisconnectingWhileRedisIsDown(t *testing.T) {
	w := newWorld(t)
	b := w.signedIn()
	token := b.connect("app", "balance:read")
	b.open("/account/disconnect?client=app")
	w.redis.SetError("LOADING")
	requirePage(t, b.press("disconnect"), http.StatusOK)
	require.Contains(t, b.page.text, "It may take a moment until that holds everywhere.")
	w.redis.SetError("")
	_, err := w.relay.DeliverNext(t.Context())
	require.NoError(t, err)
	w.requireDenied(token)

}

// What an application has is good where it was allowed, and the user sees where that is.
func TestAUserSeesForWhichResourceAnApplicationHasAccess(t *testing.T) {
	w := withResources(t)
	b := w.signedIn()
	b.connect("other", "balance:read")
	w.clock.Advance(time.Second)
	w.redeemFor(w.codeFor(tools, reports))
	shown := `(?s)>An App</h3>.*<p class="resource">The access is for <strong>Wallet &lt;tools&gt;</strong> \(` + tools + `\)\.</p>
<p class="resource">The access is for <strong>` + reports + `</strong>\.</p>.*>Other</h3>`
	requirePage(t, b.open("/account/applications"), http.StatusOK)
	require.Regexp(t, shown, b.page.text)
	require.Equal(t, 2, strings.Count(b.page.text, `class="resource"`), "the other's is good where everybody's is")
	requirePage(t, b.open("/account/disconnect?client=app"), http.StatusOK)
	require.Contains(t, b.page.text, "Wallet &lt;tools&gt;</strong> ("+tools+")")
	requirePage(t, b.open("/account/disconnect?client=other"), http.StatusOK)
	require.NotContains(t, b.page.text, `class="resource"`)

	known := w.get("/clients", w.as(12345))
	require.Equal(t, http.StatusOK, known.StatusCode, known.text)
	require.Contains(t, known.text, `"resources":{"`+tools+`":"Wallet \u003ctools\u003e","`+reports+`":""}`)
	require.Equal(t, 1, strings.Count(known.text, `"resources"`))

	w.clock.Advance(time.Second)
	w.redeemFor(w.codeFor()) // and here, too
	requirePage(t, b.open("/account/applications"), http.StatusOK)
	require.Contains(t, b.page.text, `The access is for <strong>`+w.url+`</strong>.`)
	require.Equal(t, 3, strings.Count(b.page.text, `class="resource"`))
	require.Contains(t, w.get("/clients", w.as(12345)).text, `"`+w.url+`":""`)
	for language, says := range map[string]string{"de": "Der Zugriff gilt für", "es": "El acceso es para", "pt": "O acesso é para"} {
		b.languages = language
		require.Contains(t, b.open("/account/applications").text, says+" <strong>Wallet &lt;tools&gt;</strong> ("+tools+")", language)
	}
}

// A resource that an operator has taken away has no name any more. The grant is as it was.
func TestAccessForAResourceThatIsGoneIsShownByItsURL(t *testing.T) {
	w := withResources(t)
	b := w.signedIn()
	_, err := w.registry.Authorize(t.Context(),
		registry.Grant{ID: "old", ClientID: "app", Subject: subject, Scopes: []string{"balance:read"}, Resources: []string{"https://gone.example/<a>"}},
		registry.Code{Hash: "old", ExpiresAt: w.clock.Now().Add(time.Minute)}, 10)
	require.NoError(t, err)
	require.NoError(t, w.registry.RedeemCode(t.Context(), "old", nil, w.clock.Now().Add(time.Hour)))
	requirePage(t, b.open("/account/applications"), http.StatusOK)
	require.Contains(t, b.page.text, "The access is for <strong>https://gone.example/&lt;a&gt;</strong>.")
}
