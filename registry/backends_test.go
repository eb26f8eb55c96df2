package registry_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/registry"
	"gatehouse/registry/registrytest"
)

// database makes the URL of a new, empty database that is gone after the test.
type database struct {
	name   string
	shared bool // more than one Registry can open it
	url    func(*testing.T) string
}

var databases = []database{
	{"sqlite memory", false, func(*testing.T) string { return registrytest.Memory }},
	{"sqlite file", true, func(t *testing.T) string {
		return "sqlite:" + filepath.Join(t.TempDir(), "gate house%20.db")
	}},
	{"postgres", true, func(t *testing.T) string { return registrytest.Postgres(t) }},
}

// onEach runs a test on every database, in parallel.
func onEach(t *testing.T, test func(*testing.T, database)) {
	t.Helper()
	for _, db := range databases {
		t.Run(db.name, func(t *testing.T) {
			t.Parallel()
			test(t, db)
		})
	}
}

// connect opens the database at the URL, and closes it when the test ends.
func connect(t *testing.T, url string, options ...registry.Option) *registry.Registry {
	t.Helper()
	// Fifty at once, under the race detector, on a busy machine: the default
	// timeout would measure the machine.
	options = append([]registry.Option{registry.WithTimeout(time.Minute)}, options...)
	r, err := registry.Open(t.Context(), url, options...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.Close()) })
	return r
}

// open is connect with all tables made.
func open(t *testing.T, url string, options ...registry.Option) *registry.Registry {
	t.Helper()
	r := connect(t, url, options...)
	require.NoError(t, r.Migrate(t.Context()))
	return r
}

// start is between two microseconds, which databases do not keep apart.
var start = time.Date(2031, 2, 3, 23, 59, 58, 123456789, time.FixedZone("", -5*3600))

func newClock() *registrytest.Clock { return registrytest.NewClock(start) }

// stored is a time as it comes back from the database.
func stored(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

const (
	codeLife    = time.Minute
	accessLife  = 2 * time.Hour
	refreshLife = 30 * 24 * time.Hour
	grace       = 10 * time.Second
)

// world is a registry with one client, and a clock.
type world struct {
	*registry.Registry
	*registrytest.Clock
	t   *testing.T
	ctx context.Context
	n   int
}

func newWorld(t *testing.T, r *registry.Registry, c *registrytest.Clock) *world {
	t.Helper()
	w := &world{Registry: r, Clock: c, t: t, ctx: t.Context()}
	require.NoError(t, r.CreateClient(w.ctx, registry.Client{ID: "app", Name: "App"}))
	return w
}

// manyGrants is more than any test makes that is not about the bound.
const manyGrants = 100_000

// Authorize is Registry.Authorize without a bound.
func (w *world) Authorize(ctx context.Context, g registry.Grant, c registry.Code) error {
	return second(w.Registry.Authorize(ctx, g, c, manyGrants))
}

// authorize makes a live grant of ann to app with a code that can be redeemed;
// its ID is g1, g2, …, its code's hash code-g1, …
func (w *world) authorize() (grantID, code string) {
	w.t.Helper()
	w.n++
	grantID = fmt.Sprintf("g%d", w.n)
	require.NoError(w.t, w.Authorize(w.ctx,
		registry.Grant{ID: grantID, ClientID: "app", Subject: "ann", Scopes: []string{"balance:read"}},
		registry.Code{Hash: "code-" + grantID, ExpiresAt: w.Now().Add(codeLife)}))
	return grantID, "code-" + grantID
}

// redeem makes a grant with a first refresh token and a living access token.
func (w *world) redeem() (grantID, refresh string) {
	w.t.Helper()
	grantID, code := w.authorize()
	first := w.token("refresh-" + grantID)
	require.NoError(w.t, w.RedeemCode(w.ctx, code, &first, w.Now().Add(accessLife)))
	return grantID, first.Hash
}

func (w *world) token(hash string) registry.RefreshToken {
	return registry.RefreshToken{Hash: hash, ExpiresAt: w.Now().Add(refreshLife)}
}

func (w *world) rotate(hash, next string) error {
	return rotate(w.Registry, hash, w.token(next), grace, w.Now().Add(accessLife))
}

// rotate keeps no answer: each replay mints a token of its own.
func rotate(r *registry.Registry, hash string, next registry.RefreshToken, grace time.Duration, until time.Time) error {
	_, err := r.RotateRefresh(context.Background(), hash, registry.Rotation{
		Next: next, Answer: registry.Answer{AcceptedUntil: until}, Grace: registry.Grace{Lasts: grace, Late: grace, Replays: 1000},
	})
	return err
}

func (w *world) grant(code string) registry.Grant {
	w.t.Helper()
	_, grant, err := w.Code(w.ctx, code)
	require.NoError(w.t, err)
	return grant
}

// pending maps kind and ID of every undelivered revocation to its expiry.
func (w *world) pending() map[string]time.Time {
	w.t.Helper()
	revocations, err := w.PendingRevocations(w.ctx, 1000)
	require.NoError(w.t, err)
	found := map[string]time.Time{}
	for _, revocation := range revocations {
		found[revocation.Kind+" "+revocation.ID] = revocation.ExpiresAt
	}
	return found
}

func (w *world) revoked(tokenID, grantID, clientID string) bool {
	w.t.Helper()
	revoked, err := w.Revoked(w.ctx, tokenID, grantID, clientID)
	require.NoError(w.t, err)
	return revoked
}
