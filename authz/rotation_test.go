package authz_test

import (
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/authz"
	"gatehouse/authz/internal/authztest"
	"gatehouse/authz/keyring"
	"gatehouse/keys"
)

const (
	longestToken = 10 * time.Minute
	rotateEvery  = time.Hour
)

// replica is one more authorization server of a world, with its own keyring and its own clock.
type replica struct {
	*keyring.Keyring
	ring     *keys.Ring
	url      string
	verifier *keys.Verifier
}

func (w *world) newReplica(clockIsAhead time.Duration) *replica {
	w.Helper()
	now := func() time.Time { return w.clock.Now().Add(clockIsAhead) }
	r := &replica{Keyring: w.newKeyring()}
	r.Now, r.Schedule = now, authztest.KeySchedule(rotateEvery, longestToken)
	var err error
	r.ring, err = r.Open(w.Context())
	require.NoError(w, err)
	config := w.config
	config.Keyring, config.Now = r.Keyring, now
	config.AccessLifespan, config.MaxAccessLifespan = longestToken, longestToken
	server, err := authz.New(config)
	require.NoError(w, err)
	listener := httptest.NewServer(server.Public())
	w.Cleanup(listener.Close)
	r.url = listener.URL
	r.verifier = &keys.Verifier{Issuer: w.url, Audience: w.url, Keys: r.ring, Leeway: time.Minute, Now: now}
	return r
}

// tokenOf is one that the replica mints now.
func (w *world) tokenOf(r *replica) string {
	w.Helper()
	at := *w
	at.url = r.url
	a := at.post("/oauth/token", form("grant_type", "client_credentials", "scope", "balance:read"), basic("service", appSecret))
	require.Equal(w, http.StatusOK, a.StatusCode, a.text)
	return a.str("access_token")
}

// cachedJWKS serves the JWKS of any of the replicas, as a cache that keeps it for as long as it may.
type cachedJWKS struct {
	replicas []*replica
	now      func() time.Time

	mu      sync.Mutex
	body    []byte
	expires time.Time
	fetched chan struct{}
}

func (c *cachedJWKS) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.now().Before(c.expires) {
		c.body, _ = c.replicas[rand.IntN(len(c.replicas))].ring.JWKS()
		c.expires = c.now().Add(5 * time.Minute)
	}
	_, _ = w.Write(c.body)
	select {
	case c.fetched <- struct{}{}:
	default:
	}
}

// settle waits until the reader has taken over what is published now: it has when it asks again.
func (c *cachedJWKS) settle() {
	for range 3 { // the first of these answers may have been on its way before
		<-c.fetched
	}
}

func TestThreeRotationsRefuseNoToken(t *testing.T) {
	for name, ahead := range map[string]time.Duration{"one clock": 0, "a clock that is fast": 50 * time.Second} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			a, b := w.newReplica(ahead), w.newReplica(0)
			cache := &cachedJWKS{replicas: []*replica{a, b}, now: w.clock.Now, fetched: make(chan struct{})}
			published := httptest.NewServer(cache)
			t.Cleanup(published.Close)
			remote := keys.NewRemote(published.URL, nil, slog.New(slog.DiscardHandler))
			remote.Refresh, remote.MinInterval = time.Millisecond, time.Millisecond
			authztest.Run(w, remote.Run)
			gateway := &keys.Verifier{Issuer: w.url, Audience: w.url, Keys: remote, Leeway: time.Minute, Now: w.clock.Now}

			type minted struct {
				token   string
				expires time.Time
			}
			var live []minted
			signed := map[string]bool{}
			for len(signed) < 4 {
				require.Less(t, w.clock.Now().Year(), 2031, "no rotation")
				w.clock.Advance(45 * time.Second)
				pair := []*replica{a, b}
				rand.Shuffle(2, func(i, j int) { pair[i], pair[j] = pair[j], pair[i] })
				for _, r := range pair {
					_, err := r.KeepUp(t.Context())
					require.NoError(t, err)
					signed[r.ring.Signing().ID()] = true
				}
				if ahead == 0 {
					require.Equal(t, a.ring.Signing().ID(), b.ring.Signing().ID())
				}
				cache.settle()

				for _, r := range pair {
					live = append(live, minted{w.tokenOf(r), r.Now().Add(longestToken).Truncate(time.Second)})
				}
				live = slices.DeleteFunc(live, func(m minted) bool { return !a.Now().Before(m.expires) })
				for _, m := range live {
					for who, v := range map[string]*keys.Verifier{"a": a.verifier, "b": b.verifier, "gateway": gateway} {
						_, err := v.Verify([]byte(m.token))
						require.NoError(t, err, "%s, %s", who, w.clock.Now())
					}
				}
			}
			if ahead > 0 {
				return // they agree again when both clocks have passed the moment
			}
			for _, r := range []*replica{a, b} {
				_, err := r.KeepUp(t.Context())
				require.NoError(t, err)
			}
			_, ofA := a.ring.JWKS()
			_, ofB := b.ring.JWKS()
			require.Equal(t, ofA, ofB)
		})
	}
}
