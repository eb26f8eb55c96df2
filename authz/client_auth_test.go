package authz_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/authz/client"
	"gatehouse/registry"
)

func TestOnlyAChosenSecretCostsASlowHash(t *testing.T) {
	w := newWorld(t)
	for id, hash := range map[string]string{
		"chosen":    chosen(t, "secret"),
		"generated": client.HashGenerated("secret"),
		"no-hash":   "",
		"odd-hash":  "plain:secret",
	} {
		require.NoError(t, w.registry.CreateClient(t.Context(), registry.Client{ID: id, Name: id, SecretHash: hash}))
	}
	w.slowHashes.Store(0)
	require.Equal(t, 400, w.post("/oauth/token", form("grant_type", "authorization_code"), basic("chosen", "secret")).StatusCode)
	require.EqualValues(t, 1, w.slowHashes.Load(), "a right secret is remembered once it was proven")
	for _, endpoint := range []string{"/oauth/token", "/oauth/revoke", "/oauth/introspect"} {
		for _, test := range []struct {
			id, secret string
			cost       int64
			status     int
		}{
			{"unknown", "secret", 0, 401},
			{"unknown", "", 0, 401},
			{"chosen", "wrong", 1, 401},
			{"chosen", "", 0, 401},
			{"chosen", strings.Repeat("long", 30), 0, 401},
			{"generated", "wrong", 0, 401},
			{"generated", "", 0, 401},
			{"no-hash", "secret", 0, 401},
			{"odd-hash", "secret", 0, 401},
			{"odd-hash", "plain:secret", 0, 401},
			{"spa", "wrong", 0, 401},
			{"chosen", "secret", 0, 400},
			{"generated", "secret", 0, 400},
			{"spa", "", 0, 400},
		} {
			w.slowHashes.Store(0)
			a := w.post(endpoint, form("grant_type", "authorization_code"), basic(test.id, test.secret))
			require.Equal(t, test.status, a.StatusCode, "%s %+v %s", endpoint, test, a.text)
			require.EqualValues(t, test.cost, w.slowHashes.Load(), "%s %+v", endpoint, test)
		}
	}
}

func TestASecretThatWasChangedIsNotRememberedAnyMore(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.registry.CreateClient(t.Context(), registry.Client{ID: "changing", Name: "c", SecretHash: chosen(t, "before")}))
	ask := func(secret string) int {
		return w.post("/oauth/token", form("grant_type", "authorization_code"), basic("changing", secret)).StatusCode
	}
	require.Equal(t, 400, ask("before"))
	require.NoError(t, w.registry.SetClientSecret(t.Context(), "changing", chosen(t, "after")))
	require.Equal(t, 401, ask("before"))
	require.Equal(t, 400, ask("after"))
}

func TestFailuresOfUnknownAndKnownClientsReadTheSame(t *testing.T) {
	w := newWorld(t)
	unknown := w.post("/oauth/token", redemption("x"), basic("nobody", "s"))
	wrong := w.post("/oauth/token", redemption("x"), basic("app", "s"))
	public := w.post("/oauth/token", redemption("x"), basic("spa", "s"))
	require.Equal(t, unknown.text, wrong.text)
	require.Equal(t, unknown.text, public.text)
}

// TestWrongSecretsLockNobodyElseOut: 150 connections send wrong secrets of one client and of clients that do not exist.
func TestWrongSecretsLockNobodyElseOut(t *testing.T) {
	w := newWorld(t)
	for _, id := range []string{"attacked", "proven", "unproven"} {
		require.NoError(t, w.registry.CreateClient(t.Context(), registry.Client{ID: id, Name: id, SecretHash: chosen(t, "secret of "+id)}))
	}
	ask := func(id, secret string) int {
		return w.post("/oauth/token", redemption("x"), basic(id, secret)).StatusCode
	}
	for _, id := range []string{"attacked", "proven"} {
		require.Equal(t, http.StatusBadRequest, ask(id, "secret of "+id))
	}
	release, started := w.server.HoldSlowHashes()
	const flood = 150
	answers := make(chan int, flood)
	for range flood {
		go func() { answers <- ask("attacked", "wrong") }()
	}
	<-started
	require.Equal(t, http.StatusServiceUnavailable, <-answers, "the client's queue is full")
	require.Equal(t, http.StatusBadRequest, ask("attacked", "secret of attacked"), "who has proven itself does not wait in it")
	require.Equal(t, http.StatusBadRequest, ask("proven", "secret of proven"))
	require.Equal(t, http.StatusOK, w.tokens().StatusCode, "a generated secret needs no slow hash")
	require.Equal(t, http.StatusUnauthorized, ask("unknown", "wrong"), "nor does a client that does not exist")
	unproven := make(chan int)
	go func() { unproven <- ask("unproven", "secret of unproven") }()
	release()
	require.Equal(t, http.StatusBadRequest, <-unproven)
	for range flood - 1 {
		require.Contains(t, []int{http.StatusUnauthorized, http.StatusServiceUnavailable}, <-answers)
	}
}

func TestChosenSecretsHaveALimit(t *testing.T) {
	for _, bad := range []string{"", strings.Repeat("x", 73)} {
		_, err := client.HashChosen(bad)
		require.ErrorIs(t, err, client.ErrSecretLength)
	}
	w := newWorld(t)
	limit := strings.Repeat("x", 72)
	require.NoError(t, w.registry.SetClientSecret(t.Context(), "app", chosen(t, limit)))
	code := w.code("app")
	a := w.post("/oauth/token", redemption(code), basic("app", limit+"more"))
	w.requireError(a, http.StatusUnauthorized, "invalid_client")
	a = w.post("/oauth/token", redemption(code), basic("app", limit))
	require.Equal(t, http.StatusOK, a.StatusCode, a.text)
}

func TestGeneratedSecrets(t *testing.T) {
	seen := map[string]bool{}
	for range 100 {
		secret := client.NewSecret()
		require.Regexp(t, `^[A-Za-z0-9_-]{43}$`, secret)
		require.Regexp(t, `^sha256:[0-9a-f]{64}$`, client.HashGenerated(secret))
		seen[secret] = true
	}
	require.Len(t, seen, 100)
}
