package user_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jws"
	"github.com/stretchr/testify/require"

	"gatehouse/authz/user"
	"gatehouse/cmd/mock_server/lndhub"
)

func TestWhatLndhubSaysOfAUserLater(t *testing.T) {
	hub, server := startLndhub(t, lndhub.Config{RateLimit: -1})
	asked := user.NewLNDHub(server.URL, []byte("a secret"), nil)
	check := func(subject string) error { return asked.CheckStanding(t.Context(), subject) }
	require.NoError(t, check("7"))
	require.ErrorIs(t, check("8"), user.ErrSuspended)
	require.ErrorIs(t, check("9"), user.ErrSuspended, "deleted")
	hub.ChangeUser(7, func(u *lndhub.User) { u.Deactivated = true })
	require.ErrorIs(t, check("7"), user.ErrSuspended)
	hub.ChangeUser(7, func(u *lndhub.User) { u.Deactivated = false })
	require.NoError(t, check("7"))
}

// Nobody is suspended because lndhub.go is not well, because somebody else answers in its place, or because it knows another
// secret.
func TestWhoIsNotSaidToBeSuspendedIsNot(t *testing.T) {
	hub, server := startLndhub(t, lndhub.Config{RateLimit: -1})
	unknown := func(t *testing.T, asked *user.LNDHub, subject string) {
		t.Helper()
		err := asked.CheckStanding(t.Context(), subject)
		require.ErrorIs(t, err, user.ErrUnavailable)
		require.NotErrorIs(t, err, user.ErrSuspended)
	}
	asked := user.NewLNDHub(server.URL, []byte("a secret"), nil)
	unknown(t, asked, "4711")
	unknown(t, user.NewLNDHub(server.URL, []byte("another secret"), nil), "8")
	for name, trouble := range map[string]lndhub.Trouble{
		"a page": lndhub.Page, "cut": lndhub.Cut,
		"bad auth for everybody": saying(http.StatusUnauthorized, `{"error":true,"code":1,"message":"bad auth"}`),
		"too many":               saying(http.StatusTooManyRequests, `{"error":true,"code":1,"message":"Too many requests"}`),
		"something wrong":        saying(http.StatusInternalServerError, `{"error":true,"code":6,"message":"Account has been suspended"}`),
		"a proxy's 401":          saying(http.StatusUnauthorized, `<p>Account has been suspended`),
	} {
		t.Run(name, func(t *testing.T) {
			hub.Trouble("/auth", trouble)
			unknown(t, asked, "8")
		})
	}
	server.Close()
	unknown(t, asked, "8")
}

func saying(status int, body string) lndhub.Trouble {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// Somebody waits for an answer that does not depend on lndhub.go.
func TestAnLndhubThatIsSilentIsNotAskedEachTime(t *testing.T) {
	var clock, times atomic.Int64
	clock.Store(2e9)
	now := func() time.Time { return time.Unix(clock.Load(), 0) }
	hub, server := startLndhub(t, lndhub.Config{RateLimit: -1, Now: now})
	release := make(chan struct{})
	t.Cleanup(func() { close(release) }) // before the server is closed
	hub.Trouble("/auth", func(http.ResponseWriter, *http.Request, http.Handler) { times.Add(1); <-release })
	asked := user.NewLNDHub(server.URL, []byte("a secret"), nil)
	asked.Now = now
	began := time.Now()
	for range 100 {
		require.ErrorIs(t, asked.CheckStanding(t.Context(), "8"), user.ErrUnavailable)
	}
	require.Less(t, time.Since(began), 30*time.Second, "a second, and nothing after it")
	require.EqualValues(t, 1, times.Load())
	hub.Trouble("/auth", nil)
	clock.Add(4)
	require.ErrorIs(t, asked.CheckStanding(t.Context(), "8"), user.ErrUnavailable)
	clock.Add(1)
	require.ErrorIs(t, asked.CheckStanding(t.Context(), "8"), user.ErrSuspended)
}

func TestWhatLndhubIsToldOfAUser(t *testing.T) {
	told := make(chan *http.Request, 10)
	bodies := make(chan string, 10)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		told <- r
		bodies <- string(body)
		_, _ = io.WriteString(w, `{"access_token":"a","refresh_token":"b"}`)
	}))
	defer server.Close()
	asked := user.NewLNDHub(server.URL, []byte("a secret"), nil)
	asked.Now = func() time.Time { return time.Unix(2e9, 0) }
	require.NoError(t, asked.CheckStanding(t.Context(), "7"))
	r := <-told
	require.Equal(t, "POST /auth", r.Method+" "+r.URL.Path)
	require.Equal(t, []string{"100::7"}, r.Header.Values("X-Forwarded-For"), "not the caller's, which many users share")
	require.Empty(t, r.Header.Get("Authorization"))
	var body map[string]string
	require.NoError(t, json.Unmarshal([]byte(<-bodies), &body))
	require.Len(t, body, 1)
	payload, err := jws.Verify([]byte(body["refresh_token"]), jws.WithKey(jwa.HS256, []byte("a secret")))
	require.NoError(t, err)
	require.JSONEq(t, `{"id": 7, "isRefresh": true, "exp": 2000000060}`, string(payload))

	for _, nobody := range []string{"", "0", "-7", "ann", "7.0", "99999999999999999999"} {
		require.NoError(t, asked.CheckStanding(t.Context(), nobody), nobody)
	}
	require.Empty(t, told, "who is no user of lndhub.go is not asked about")
}
