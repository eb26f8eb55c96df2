package authz_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/denylist"
	"gatehouse/registry"
	"gatehouse/registry/registrytest"
)

var (
	verifier      = strings.Repeat("v", 43)
	otherVerifier = strings.Repeat("w", 43)
)

func TestPKCEBindsTheCodeToTheVerifier(t *testing.T) {
	w := newWorld(t)
	long := strings.Repeat("0123456789abcdef", 8)
	for name, test := range map[string]struct{ method, challenge, verifier, wrong string }{
		"S256":           {"S256", s256(verifier), verifier, otherVerifier},
		"S256, long":     {"S256", s256(long), long, long[1:]},
		"S256 as plain":  {"S256", s256(verifier), verifier, s256(verifier)},
		"plain":          {"plain", verifier, verifier, otherVerifier},
		"plain unsaid":   {"", verifier, verifier, s256(verifier)},
		"case matters":   {"plain", verifier, verifier, strings.ToUpper(verifier)},
		"a prefix":       {"plain", long, long, long[:64]},
		"something more": {"plain", verifier, verifier, verifier + "v"},
	} {
		t.Run(name, func(t *testing.T) {
			w := *w
			w.T = t
			code := w.code("app", "code_challenge", test.challenge, "code_challenge_method", test.method)
			redeem := func(verifier string) answer {
				return w.post("/oauth/token", redemption(code, "code_verifier", verifier), basic("app", appSecret))
			}
			w.requireError(redeem(test.wrong), http.StatusBadRequest, "invalid_grant")
			w.requireError(redeem(""), http.StatusBadRequest, "invalid_grant")
			w.requireError(redeem(""), http.StatusBadRequest, "invalid_grant")
			w.requireError(redeem(test.wrong), http.StatusBadRequest, "invalid_grant")
			a := redeem(test.verifier)
			require.Equal(t, http.StatusOK, a.StatusCode, a.text)
			require.NoError(t, w.denied(a.str("access_token")))
		})
	}
}

func TestAVerifierForACodeWithoutChallengeIsRefused(t *testing.T) {
	w := newWorld(t)
	code := w.code("app")
	a := w.post("/oauth/token", redemption(code, "code_verifier", verifier), basic("app", appSecret))
	w.requireError(a, http.StatusBadRequest, "invalid_grant")
	require.Equal(t, http.StatusOK, w.redeem(code).StatusCode)
}

func TestAClientThatBecamePublicMustHaveBoundItsCodes(t *testing.T) {
	w := newWorld(t)
	code := w.code("app")
	w.change("app", func(c *registry.Client) { c.Public = true })
	w.requireError(w.post("/oauth/token", redemption(code, "client_id", "app")), http.StatusBadRequest, "invalid_grant")
}

func TestTheRedirectURIOfTheCodeIsHeldTo(t *testing.T) {
	w := newWorld(t)
	code := w.code("app", "redirect_uri", callback+"/a")
	for _, wrong := range []string{callback, callback + "/A", callback + "/a/", callback + "/a?", ""} {
		a := w.post("/oauth/token", redemption(code, "redirect_uri", wrong), basic("app", appSecret))
		w.requireError(a, http.StatusBadRequest, "invalid_grant")
	}
	a := w.post("/oauth/token", redemption(code, "redirect_uri", callback+"/a"), basic("app", appSecret))
	require.Equal(t, http.StatusOK, a.StatusCode, a.text)
}

func TestASecondUseOfACodeEndsTheGrant(t *testing.T) {
	w := newWorld(t)
	code := w.code("app")
	a := w.redeem(code)
	require.Equal(t, http.StatusOK, a.StatusCode, a.text)

	for _, wrong := range []answer{
		w.post("/oauth/token", redemption(code), basic("other", appSecret)),
		w.post("/oauth/token", redemption(code, "redirect_uri", callback+"/wrong"), basic("app", appSecret)),
		w.post("/oauth/token", redemption(code, "code_verifier", verifier), basic("app", appSecret)),
	} {
		w.requireError(wrong, http.StatusBadRequest, "invalid_grant")
		require.NoError(t, w.denied(a.str("access_token")), "who could not have redeemed it cannot end the grant")
	}
	w.requireError(w.redeem(code), http.StatusBadRequest, "invalid_grant")
	w.requireDenied(a.str("access_token"))
	w.requireError(w.refresh(a.str("refresh_token")), http.StatusBadRequest, "invalid_grant")
}

func TestOfManyRedemptionsAtOnceExactlyOneSucceeds(t *testing.T) {
	w := newWorld(t)
	code := w.code("app")
	var won []answer
	for _, a := range registrytest.Race(50, func(int) answer { return w.redeem(code) }) {
		if a.StatusCode == http.StatusOK {
			won = append(won, a)
			continue
		}
		w.requireError(a, http.StatusBadRequest, "invalid_grant")
	}
	require.Len(t, won, 1)
	w.requireDenied(won[0].str("access_token"))
	w.requireError(w.refresh(won[0].str("refresh_token")), http.StatusBadRequest, "invalid_grant")
}

func TestReuseIsReportedOnlyWhenTheGatewaysKnow(t *testing.T) {
	w := newWorld(t)
	code := w.code("app")
	token := w.redeem(code).str("access_token")

	w.redis.SetError("LOADING Redis is loading")
	for range 2 {
		a := w.redeem(code)
		w.requireError(a, http.StatusServiceUnavailable, "temporarily_unavailable")
		require.NotEmpty(t, a.Header.Get("Retry-After"))
	}
	w.redis.SetError("")
	require.NoError(t, w.denied(token))
	w.requireError(w.redeem(code), http.StatusBadRequest, "invalid_grant")
	require.ErrorIs(t, w.denied(token), denylist.ErrRevoked)
}

// RFC 6749 sections 3.1.2.3 and 4.1.3.
func TestTheOnlyRedirectURIOfAClientNeedNotBeSaid(t *testing.T) {
	w := newWorld(t)
	registered := callback + "/cb?x=1"
	w.change("app", func(c *registry.Client) { c.Domain, c.RedirectURIs = "", []string{registered} })
	redeem := func(code, redirectURI string) answer {
		return w.post("/oauth/token", redemption(code, "redirect_uri", redirectURI), basic("app", appSecret))
	}
	for name, redirectURI := range map[string]string{"unsaid again": "", "said after all": registered} {
		t.Run(name, func(t *testing.T) {
			w := *w
			w.T = t
			a := w.post("/oauth/authorize", authorization("app", "redirect_uri", "", "state", "s"))
			require.Equal(t, http.StatusFound, a.StatusCode, a.text)
			location, err := a.Location()
			require.NoError(t, err)
			require.True(t, strings.HasPrefix(location.String(), registered+"&"), "%s", location)
			require.Equal(t, "s", location.Query().Get("state"))
			code := location.Query().Get("code")

			w.requireError(redeem(code, callback+"/other"), http.StatusBadRequest, "invalid_grant")
			tokens := redeem(code, redirectURI)
			require.Equal(t, http.StatusOK, tokens.StatusCode, tokens.text)
			own := w.get("/oauth/token/introspect", header("Authorization", "Bearer "+tokens.str("access_token")))
			require.Equal(t, registered, own.str("redirect_uri"))
		})
	}
	said := w.code("app", "redirect_uri", registered)
	w.requireError(redeem(said, ""), http.StatusBadRequest, "invalid_grant")
	require.Equal(t, http.StatusOK, redeem(said, registered).StatusCode)

	denied := w.post("/oauth/authorize", authorization("app", "redirect_uri", "", "decision", "deny"))
	require.True(t, strings.HasPrefix(denied.Header.Get("Location"), registered+"&error=access_denied"), "what is wrong is told there, too")

	b := w.signedIn()
	b.open(request("app", "redirect_uri", ""))
	require.Equal(t, http.StatusOK, redeem(b.sent(b.press("allow")).Get("code"), "").StatusCode)
}

func TestARedirectURIMustBeSaidWhereThereIsNotExactlyOne(t *testing.T) {
	w := newWorld(t)
	for name, change := range map[string]func(*registry.Client){
		"two":                     func(c *registry.Client) { c.Domain, c.RedirectURIs = "", []string{callback + "/a", callback + "/b"} },
		"one and a domain":        func(c *registry.Client) { c.Domain, c.RedirectURIs = callback, []string{callback + "/a"} },
		"a domain":                func(c *registry.Client) { c.Domain, c.RedirectURIs = callback, nil },
		"none":                    func(c *registry.Client) { c.Domain, c.RedirectURIs = "", nil },
		"one that is not allowed": func(c *registry.Client) { c.Domain, c.RedirectURIs = "", []string{"javascript:x"} },
	} {
		t.Run(name, func(t *testing.T) {
			w := *w
			w.T = t
			w.change("app", change)
			a := w.post("/oauth/authorize", authorization("app", "redirect_uri", ""))
			w.requireError(a, http.StatusBadRequest, "invalid_request")
			require.Contains(t, a.str("error_description"), "redirect_uri")
			require.Empty(t, a.Header.Get("Location"))
		})
	}
}
