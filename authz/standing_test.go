package authz_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/authz"
	"gatehouse/authz/user"
	"gatehouse/cmd/mock_server/lndhub"
)

// startWithStanding asks lndhub.go about users, and counts the questions. It knows login and another.
func startWithStanding(t *testing.T) (w *world, hub *lndhub.Hub, asked *atomic.Int64) {
	t.Helper()
	return startWithLimitedStanding(t, -1)
}

// startWithLimitedStanding has a lndhub.go that answers an address so often in a second, of which none passes.
func startWithLimitedStanding(t *testing.T, rateLimit int) (w *world, hub *lndhub.Hub, asked *atomic.Int64) {
	t.Helper()
	asked = new(atomic.Int64)
	w = newWorld(t, func(c *authz.Config) {
		hub = lndhub.New(lndhub.Config{JWTSecret: []byte(jwtSecret), Now: c.Now, RateLimit: rateLimit})
		for _, u := range []lndhub.User{{ID: 12345, Login: "login"}, {ID: 2, Login: "another"}} {
			u.Password = "password"
			_, ok := hub.AddUser(u)
			require.True(t, ok)
		}
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked.Add(1)
			hub.ServeHTTP(w, r)
		}))
		t.Cleanup(server.Close)
		known := user.NewLNDHub(server.URL, []byte(jwtSecret), nil)
		known.Now = c.Now
		c.Users, c.Standing = []user.Authenticator{known}, known
	})
	return w, hub, asked
}

func TestTheGrantOfASuspendedUserRefreshesNoMore(t *testing.T) {
	w, hub, _ := startWithStanding(t)
	first, second := w.tokens(), w.tokens()
	others := w.tokens("login", "another")
	refreshed := w.refresh(first.str("refresh_token"))
	require.Equal(t, http.StatusOK, refreshed.StatusCode, refreshed.text)

	hub.ChangeUser(12345, func(u *lndhub.User) { u.Deactivated = true })
	refused := w.refresh(refreshed.str("refresh_token"))
	w.requireError(refused, http.StatusBadRequest, "invalid_grant")
	require.Contains(t, refused.str("error_description"), "suspended")
	w.requireDenied(refreshed.str("access_token"))
	require.Contains(t, w.log.String(), "the user is suspended")
	require.Equal(t, http.StatusOK, w.refresh(others.str("refresh_token")).StatusCode, "of another user")

	hub.ChangeUser(12345, func(u *lndhub.User) { u.Deactivated = false })
	w.requireError(w.refresh(refreshed.str("refresh_token")), http.StatusBadRequest, "invalid_grant")
	require.Equal(t, http.StatusOK, w.refresh(second.str("refresh_token")).StatusCode, "nobody came with this one meanwhile")
	again := w.tokens() // the user signs in
	require.Equal(t, http.StatusOK, w.refresh(again.str("refresh_token")).StatusCode)
}

// lndhub.go that restarts, that is somebody else, or whose database is gone, ends nothing.
func TestAnLndhubThatCannotTellEndsNoGrant(t *testing.T) {
	w, hub, asked := startWithStanding(t)
	given := w.tokens()
	hub.ChangeUser(12345, func(u *lndhub.User) { u.Deactivated = true })
	say := func(status int, body string) lndhub.Trouble {
		return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		}
	}
	before := asked.Load()
	for _, trouble := range []lndhub.Trouble{
		lndhub.Page, lndhub.Cut, say(502, "Bad Gateway"), say(429, `{"error":true,"code":1,"message":"Too many requests"}`),
		say(401, `{"error":true,"code":1,"message":"bad auth"}`),
	} {
		hub.Trouble("/auth", trouble)
		given = w.refresh(given.str("refresh_token"))
		require.Equal(t, http.StatusOK, given.StatusCode, given.text)
		require.NoError(t, w.denied(given.str("access_token")))
	}
	require.EqualValues(t, before+5, asked.Load())
	hub.Trouble("/auth", nil)
	w.requireError(w.refresh(given.str("refresh_token")), http.StatusBadRequest, "invalid_grant")
}

// The server of an application, or of the host application, is one address with all its users behind it. What lndhub.go lets that
// address ask is used up by signing in, and nobody refreshes unnoticed for it.
func TestWhetherAUserIsSuspendedIsAskedInThatUsersName(t *testing.T) {
	w, hub, _ := startWithLimitedStanding(t, 2)
	kept, suspended := w.tokens(), w.tokens("login", "another")
	w.requireError(w.post("/oauth/authorize", authorization("app")), http.StatusTooManyRequests, "too_many_requests")
	hub.ChangeUser(2, func(u *lndhub.User) { u.Deactivated = true })
	for range 3 { // one of which lndhub.go does not answer
		kept = w.refresh(kept.str("refresh_token"))
		require.Equal(t, http.StatusOK, kept.StatusCode, kept.text)
	}
	w.requireError(w.refresh(suspended.str("refresh_token")), http.StatusBadRequest, "invalid_grant")
}

// Only a client with a refresh token of its own has lndhub.go asked.
func TestStrangersHaveNobodyAskedAbout(t *testing.T) {
	w, _, asked := startWithStanding(t)
	given := w.tokens()
	before := asked.Load()
	refresh := refreshing(given.str("refresh_token"))
	w.requireError(w.post("/oauth/token", refresh, basic("other", appSecret)), http.StatusBadRequest, "invalid_grant")
	w.requireError(w.post("/oauth/token", refresh, basic("app", "wrong")), http.StatusUnauthorized, "invalid_client")
	w.requireError(w.refresh(strings.Repeat("A", 43)), http.StatusBadRequest, "invalid_grant")
	w.requireError(w.refresh(given.str("refresh_token"), "scope", "payments:send"), http.StatusBadRequest, "invalid_scope")
	require.Equal(t, before, asked.Load())
	require.Equal(t, http.StatusOK, w.refresh(given.str("refresh_token")).StatusCode)
	require.Equal(t, before+1, asked.Load())
}

// A suspension of which Redis cannot be told yet is recorded, and its client is told to come back.
func TestASuspensionIsDeliveredOrSaidNotToBe(t *testing.T) {
	w, hub, _ := startWithStanding(t)
	given := w.tokens()
	hub.ChangeUser(12345, func(u *lndhub.User) { u.Deactivated = true })
	w.redis.SetError("down")
	w.requireError(w.refresh(given.str("refresh_token")), http.StatusServiceUnavailable, "temporarily_unavailable")
	w.redis.SetError("")
	w.clock.Advance(time.Second)
	w.requireError(w.refresh(given.str("refresh_token")), http.StatusBadRequest, "invalid_grant")
	w.requireDenied(given.str("access_token"))
}

// A session outlives the suspension of its user: whoever has one must not be able to allow anything with it, nor have anything
// allowed silently.
func TestASuspendedUserAllowsNothingInASession(t *testing.T) {
	w, hub, _ := startWithStanding(t)
	b, elsewhere := w.signedIn(), w.signedIn()
	b.open(request("app"))
	b.allowed(b.press("allow"))
	silently := func() string {
		return b.sent(b.open(request("app", "prompt", "none", "code_challenge", verifier))).Get("error")
	}
	require.Empty(t, silently())
	asked := request("app", "expires_in", "99999999")
	requirePage(t, b.open(asked), http.StatusOK)

	hub.Trouble("/auth", lndhub.Page)
	require.Empty(t, silently(), "nobody says so")
	hub.Trouble("/auth", nil)
	hub.ChangeUser(12345, func(u *lndhub.User) { u.Deactivated = true })
	page := b.press("allow")
	requirePage(t, page, http.StatusForbidden)
	require.Contains(t, page.text, "suspended")
	require.Contains(t, page.text, `id="sign-in"`)
	require.Contains(t, elsewhere.open("/account").text, `id="sign-in"`, "of each session")

	hub.ChangeUser(12345, func(u *lndhub.User) { u.Deactivated = false })
	b.signIn("login", "password")
	require.Empty(t, silently())
	hub.ChangeUser(12345, func(u *lndhub.User) { u.Deactivated = true })
	require.Equal(t, "login_required", silently())
	hub.ChangeUser(12345, func(u *lndhub.User) { u.Deactivated = false })
	require.Equal(t, "login_required", silently(), "the session has ended")
}
