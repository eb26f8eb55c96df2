package authz_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/authz"
	"gatehouse/authz/user"
	"gatehouse/cmd/mock_server/lndhub"
)

// startWithLndhub has the sign-in of production: lndhub.go behind a brake. It knows login, whose password is password, and
// suspended, likewise. Where a request comes from says the test, in X-From.
func startWithLndhub(t *testing.T) *world {
	t.Helper()
	return newWorld(t, func(c *authz.Config) {
		hub := lndhub.New(lndhub.Config{JWTSecret: []byte(jwtSecret), Now: c.Now})
		for _, u := range []lndhub.User{{ID: 12345, Login: "login"}, {ID: 2, Login: "suspended", Deactivated: true}} {
			u.Password = "password"
			_, ok := hub.AddUser(u)
			require.True(t, ok)
		}
		server := httptest.NewServer(hub)
		t.Cleanup(server.Close)
		asked := user.NewLNDHub(server.URL, []byte(jwtSecret), nil)
		asked.Now = c.Now
		c.Users = []user.Authenticator{&user.HostJWT{Secret: []byte(jwtSecret), Now: c.Now}, &user.Brake{Next: asked, Now: c.Now}}
		c.Caller = func(r *http.Request) netip.Addr {
			from, err := netip.ParseAddr(r.Header.Get("X-From"))
			if err != nil {
				return netip.MustParseAddr("192.0.2.1")
			}
			return from
		}
	})
}

const suspendedSays = "Account has been suspended. Please contact support for further assistance."

func TestASuspendedUserIsToldSo(t *testing.T) {
	w := startWithLndhub(t)
	a := w.post("/oauth/authorize", authorization("app", "login", "suspended"))
	w.requireError(a, http.StatusForbidden, "access_denied")
	require.Equal(t, suspendedSays, a.str("error_description"))
	w.requireError(w.get("/clients", basic("suspended", "password")), http.StatusForbidden, "access_denied")
	w.requireError(w.post("/oauth/authorize", authorization("app", "login", "suspended", "password", "wrong")), http.StatusUnauthorized, "access_denied")

	b := w.browser()
	b.open(request("app"))
	requirePage(t, b.signIn("suspended", "password"), http.StatusForbidden)
	require.Contains(t, b.page.text, suspendedSays)
	require.Empty(t, b.cookie("gatehouse"))
}

func TestGuessesAreBraked(t *testing.T) {
	w := startWithLndhub(t)
	wrong := authorization("app", "password", "wrong")
	for range 4 {
		w.requireError(w.post("/oauth/authorize", wrong), http.StatusUnauthorized, "access_denied")
	}
	braked := w.post("/oauth/authorize", authorization("app"))
	w.requireError(braked, http.StatusTooManyRequests, "too_many_requests")
	require.Equal(t, "1", braked.Header.Get("Retry-After"))
	require.Equal(t, "There were too many attempts to sign in. Wait 1 second and try again.", braked.str("error_description"))

	from := header("X-From", "192.0.2.2")
	require.Equal(t, subject, w.subjectOf(w.post("/oauth/authorize", authorization("app"), from)), "from another address")

	w.clock.Advance(time.Second)
	w.requireError(w.get("/clients", basic("login", "wrong")), http.StatusUnauthorized, "access_denied")
	b := w.browser()
	requirePage(t, b.open(request("app")), http.StatusOK)
	told := b.signIn("login", "password")
	requirePage(t, told, http.StatusTooManyRequests)
	require.Equal(t, "2", told.Header.Get("Retry-After"))
	require.Contains(t, told.text, "There were too many attempts to sign in. Wait 2 seconds and try again.")
	require.Contains(t, told.text, `value="login"`)
	require.Contains(t, told.text, "nobody can make you wait for good", "what can be done is said, too")
	require.NotContains(t, b.reload().text, "Wait 2 seconds", "it was told once")

	w.clock.Advance(1500 * time.Millisecond)
	require.Equal(t, "1", b.signIn("login", "password").Header.Get("Retry-After"), "half a second is a whole one")
	w.clock.Advance(500 * time.Millisecond)
	require.Contains(t, b.signIn("login", "password").text, "An App asks for access")
}

// Eight who guess, as fast as they can, and one who signs in from elsewhere: lndhub.go has ten requests a second for each.
func TestGuessersKeepNobodyOut(t *testing.T) {
	w := startWithLndhub(t)
	guess := authorization("app", "password", "guess")
	for range 100 {
		w.post("/oauth/authorize", guess, header("X-From", "203.0.113.9"))
	}
	for range 10 {
		require.Equal(t, http.StatusFound, w.post("/oauth/authorize", authorization("app"), header("X-From", "192.0.2.7")).StatusCode)
	}
}

// Whoever guesses at a login from everywhere, or from where its user is, can make the user wait, for as long as is said.
func TestNobodyIsLockedOutForGood(t *testing.T) {
	w := startWithLndhub(t)
	at := func(address, password string) answer {
		return w.post("/oauth/authorize", authorization("app", "password", password), header("X-From", address))
	}
	waits := func(a answer) time.Duration {
		t.Helper()
		w.requireError(a, http.StatusTooManyRequests, "too_many_requests")
		seconds, err := strconv.Atoi(a.Header.Get("Retry-After"))
		require.NoError(t, err)
		return time.Duration(seconds) * time.Second
	}
	require.Equal(t, http.StatusFound, at("192.0.2.7", "password").StatusCode)
	for i := range 60 {
		at(fmt.Sprint("203.0.113.", i), "guess")
	}
	require.Equal(t, http.StatusFound, at("192.0.2.7", "password").StatusCode, "where the user was before, at once")
	wait := waits(at("192.0.2.8", "password"))
	require.LessOrEqual(t, wait, 10*time.Second)
	w.clock.Advance(wait)
	require.Equal(t, http.StatusFound, at("192.0.2.8", "password").StatusCode, "in a new place, when it was said")

	for range 20 { // somebody who shares the user's address, and never rests
		if a := at("192.0.2.7", "guess"); a.StatusCode == http.StatusTooManyRequests {
			wait = waits(a)
			require.LessOrEqual(t, wait, 30*time.Second)
			w.clock.Advance(wait)
		}
	}
	a := at("192.0.2.7", "password")
	for range 2 {
		if a.StatusCode == http.StatusTooManyRequests {
			w.clock.Advance(waits(a))
			a = at("192.0.2.7", "password")
		}
	}
	require.Equal(t, http.StatusFound, a.StatusCode)
}

func TestWithoutACallerThePeerIsBraked(t *testing.T) {
	w := newWorld(t, func(c *authz.Config) {
		c.Users = []user.Authenticator{askedFrom(func(address netip.Addr) {
			if !address.IsLoopback() {
				t.Errorf("from %v", address)
			}
		})}
	})
	w.requireError(w.post("/oauth/authorize", authorization("app")), http.StatusUnauthorized, "access_denied")
}
