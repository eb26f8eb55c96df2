package authz_test

import (
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"

	"gatehouse/authz"
	"gatehouse/registry"
)

func TestEveryFailedSecretCostsOneSlowHash(t *testing.T) {
	w := newWorld(t)
	for id, hash := range map[string]string{
		"chosen":    chosen(t, "secret"),
		"generated": authz.HashGenerated("secret"),
		"no-hash":   "",
		"odd-hash":  "plain:secret",
	} {
		require.NoError(t, w.registry.CreateClient(t.Context(), registry.Client{ID: id, Name: id, SecretHash: hash}))
	}
	for _, endpoint := range []string{"/oauth/token", "/oauth/revoke", "/oauth/introspect"} {
		for _, test := range []struct {
			id, secret string
			cost       int64
			status     int
		}{
			{"unknown", "secret", 1, 401},
			{"unknown", "", 1, 401},
			{"chosen", "wrong", 1, 401},
			{"chosen", "", 1, 401},
			{"chosen", strings.Repeat("long", 30), 1, 401},
			{"generated", "wrong", 1, 401},
			{"generated", "", 1, 401},
			{"no-hash", "secret", 1, 401},
			{"odd-hash", "secret", 1, 401},
			{"odd-hash", "plain:secret", 1, 401},
			{"spa", "wrong", 1, 401},
			{"chosen", "secret", 1, 400},
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

func TestTheDecoyIsAsSlowAsAChosenSecret(t *testing.T) {
	decoy, err := authz.DecoyCost()
	require.NoError(t, err)
	usual, err := bcrypt.Cost([]byte(chosen(t, "secret")))
	require.NoError(t, err)
	require.Equal(t, usual, decoy)
}

func TestFailuresOfUnknownAndKnownClientsReadTheSame(t *testing.T) {
	w := newWorld(t)
	unknown := w.post("/oauth/token", redemption("x"), basic("nobody", "s"))
	wrong := w.post("/oauth/token", redemption("x"), basic("app", "s"))
	public := w.post("/oauth/token", redemption("x"), basic("spa", "s"))
	require.Equal(t, unknown.text, wrong.text)
	require.Equal(t, unknown.text, public.text)
}

func TestAFloodOfWrongSecretsIsBounded(t *testing.T) {
	w := newWorld(t)
	limit := max(1, runtime.GOMAXPROCS(0)/2)
	release, started := w.server.HoldSlowHashes()
	failed := make(chan int, 20)
	for range cap(failed) {
		go func() { failed <- w.post("/oauth/token", redemption("x"), basic("app", "wrong")).StatusCode }()
	}
	for range limit {
		<-started
	}
	require.Equal(t, http.StatusOK, w.tokens().StatusCode, "a generated secret needs no slow hash and does not wait")
	require.Empty(t, started, "no more than the limit run at once")
	release()
	for range cap(failed) {
		require.Equal(t, http.StatusUnauthorized, <-failed)
	}
}

func TestChosenSecretsHaveALimit(t *testing.T) {
	for _, bad := range []string{"", strings.Repeat("x", 73)} {
		_, err := authz.HashChosen(bad)
		require.ErrorIs(t, err, authz.ErrSecretLength)
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
		secret := authz.NewSecret()
		require.Regexp(t, `^[A-Za-z0-9_-]{43}$`, secret)
		require.Regexp(t, `^sha256:[0-9a-f]{64}$`, authz.HashGenerated(secret))
		seen[secret] = true
	}
	require.Len(t, seen, 100)
}
