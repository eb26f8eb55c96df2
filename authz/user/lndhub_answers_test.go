package user_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/authz/user"
	"gatehouse/cmd/mock_server/lndhub"
)

// startLndhub serves ann, whose id is 7, sue, who is suspended, and dee, who was deleted. Each has the password "right".
func startLndhub(t *testing.T, config lndhub.Config) (*lndhub.Hub, *httptest.Server) {
	t.Helper()
	if config.JWTSecret == nil {
		config.JWTSecret = []byte("a secret")
	}
	hub := lndhub.New(config)
	for _, u := range []lndhub.User{{ID: 7, Login: "ann"}, {ID: 8, Login: "sue", Deactivated: true}, {ID: 9, Login: "dee", Deleted: true}} {
		u.Password = "right"
		_, ok := hub.AddUser(u)
		require.True(t, ok)
	}
	server := httptest.NewServer(hub)
	t.Cleanup(server.Close)
	return hub, server
}

func proofFrom(address string) user.Proof {
	return user.Proof{Login: "ann", Password: "right", Address: netip.MustParseAddr(address)}
}

func TestWhatLndhubSaysOfALogin(t *testing.T) {
	_, server := startLndhub(t, lndhub.Config{})
	hub := user.NewLNDHub(server.URL, []byte("a secret"), nil)
	subject, err := hub.Authenticate(t.Context(), user.Proof{Login: "ann", Password: "right"})
	require.NoError(t, err)
	require.Equal(t, "7", subject)

	var denied *user.DeniedError
	for _, proof := range []user.Proof{{Login: "ann", Password: "wrong"}, {Login: "nobody", Password: "right"}, {Login: "sue", Password: "wrong"}} {
		_, err = hub.Authenticate(t.Context(), proof)
		require.ErrorAs(t, err, &denied, proof.Login)
		require.Equal(t, "login or password is wrong", denied.Reason)
	}
	for _, login := range []string{"sue", "dee"} {
		_, err = hub.Authenticate(t.Context(), user.Proof{Login: login, Password: "right"})
		require.ErrorIs(t, err, user.ErrSuspended, login)
	}
}

// lndhub.go has ten requests a second for an address, and believes whatever address it is told.
func TestOneWhoAsksTooOftenKeepsNobodyElseOut(t *testing.T) {
	_, server := startLndhub(t, lndhub.Config{Now: func() time.Time { return time.Unix(2e9, 0) }})
	hub := user.NewLNDHub(server.URL, []byte("a secret"), nil)
	hub.Now = func() time.Time { return time.Unix(2e9, 0) }
	for range 10 {
		_, err := hub.Authenticate(t.Context(), proofFrom("192.0.2.1"))
		require.NoError(t, err)
	}
	_, err := hub.Authenticate(t.Context(), proofFrom("192.0.2.1"))
	var braked *user.BrakedError
	require.ErrorAs(t, err, &braked)
	require.Equal(t, time.Second, braked.RetryAfter)
	for _, other := range []string{"192.0.2.2", "2001:db8::1", "fe80::1%eth0"} {
		_, err := hub.Authenticate(t.Context(), proofFrom(other))
		require.NoError(t, err, other)
	}
}

func TestLndhubIsToldOneAddress(t *testing.T) {
	var told []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		told = append(told, strings.Join(r.Header.Values("X-Forwarded-For"), "|"))
		w.WriteHeader(http.StatusTeapot)
	}))
	defer server.Close()
	hub := user.NewLNDHub(server.URL, []byte("a secret"), nil)
	for _, proof := range []user.Proof{proofFrom("192.0.2.1"), proofFrom("fe80::1%eth0"), {Login: "ann", Password: "right"}} {
		_, err := hub.Authenticate(t.Context(), proof)
		require.ErrorIs(t, err, user.ErrUnavailable)
	}
	require.Equal(t, []string{"192.0.2.1", "fe80::1", ""}, told)
}

func TestTroubleWithLndhubIsNobodysWrongPassword(t *testing.T) {
	hub, server := startLndhub(t, lndhub.Config{RateLimit: -1})
	good := user.NewLNDHub(server.URL, []byte("a secret"), nil)
	unavailable := func(t *testing.T, users user.Authenticator, proof user.Proof) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		_, err := users.Authenticate(ctx, proof)
		require.ErrorIs(t, err, user.ErrUnavailable)
	}
	for name, trouble := range map[string]lndhub.Trouble{
		"cut":  lndhub.Cut,
		"page": lndhub.Page,
		"page that refuses": func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
			http.Error(w, "<html>Forbidden", http.StatusForbidden)
		},
		"JSON that refuses": func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
			http.Error(w, `{"message":"Unauthorized"}`, http.StatusUnauthorized)
		},
		"redirect": func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		},
		"endless": func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
			_, _ = w.Write([]byte(`{"access_token":"` + strings.Repeat("x", 1<<20) + `"}`))
		},
	} {
		t.Run(name, func(t *testing.T) {
			hub.Trouble("/auth", trouble)
			defer hub.Trouble("/auth", nil)
			for _, password := range []string{"right", "wrong"} {
				unavailable(t, good, user.Proof{Login: "ann", Password: password})
			}
		})
	}
	t.Run("slow", func(t *testing.T) {
		release := make(chan struct{})
		hub.Trouble("/auth", lndhub.Until(release))
		defer hub.Trouble("/auth", nil)
		defer close(release)
		unavailable(t, good, user.Proof{Login: "ann", Password: "right"})
	})
	t.Run("another secret", func(t *testing.T) {
		unavailable(t, user.NewLNDHub(server.URL, []byte("another secret"), nil), user.Proof{Login: "ann", Password: "right"})
	})
	_, err := good.Authenticate(t.Context(), user.Proof{Login: "ann", Password: "right"})
	require.NoError(t, err)
}

func TestLndhubsCertificateIsThatOfItsAuthority(t *testing.T) {
	hub, _ := startLndhub(t, lndhub.Config{})
	server := httptest.NewTLSServer(hub)
	defer server.Close()
	trusted := x509.NewCertPool()
	trusted.AddCert(server.Certificate())
	proof := user.Proof{Login: "ann", Password: "right"}
	_, err := user.NewLNDHub(server.URL, []byte("a secret"), &tls.Config{RootCAs: trusted}).Authenticate(t.Context(), proof)
	require.NoError(t, err)
	_, err = user.NewLNDHub(server.URL, []byte("a secret"), nil).Authenticate(t.Context(), proof)
	require.ErrorIs(t, err, user.ErrUnavailable)
}

// The environment is read once in a process, and addresses of this machine never get a proxy: so another process asks for a
// name that does not exist.
func TestPasswordsDoNotGoThroughAProxy(t *testing.T) {
	const child = "GATEHOUSE_TEST_ASKS_LNDHUB"
	if os.Getenv(child) != "" {
		target, err := url.Parse("http://lndhub.invalid")
		require.NoError(t, err)
		proxy, err := http.ProxyFromEnvironment(&http.Request{URL: target})
		require.NoError(t, err)
		require.NotNil(t, proxy, "the test would show nothing")
		_, err = user.NewLNDHub(target.String(), []byte("a secret"), nil).Authenticate(t.Context(), user.Proof{Login: "ann", Password: "right"})
		require.ErrorIs(t, err, user.ErrUnavailable)
		return
	}
	var seen atomic.Int64
	proxy := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { seen.Add(1) }))
	defer proxy.Close()
	command := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
	command.Env = append(os.Environ(), child+"=1")
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"} {
		command.Env = append(command.Env, name+"="+proxy.URL)
	}
	command.Env = append(command.Env, "NO_PROXY=", "no_proxy=")
	output, err := command.CombinedOutput()
	require.NoError(t, err, "%s", output)
	require.Zero(t, seen.Load())
}
