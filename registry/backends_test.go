package registry_test

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"

	"gatehouse/registry"
)

// database makes the URL of a new, empty database that is gone after the test.
type database struct {
	name   string
	shared bool // more than one Registry can open it
	url    func(*testing.T) string
}

var databases = []database{
	{"sqlite memory", false, func(*testing.T) string { return "sqlite::memory:" }},
	{"sqlite file", true, func(t *testing.T) string {
		return "sqlite:" + filepath.Join(t.TempDir(), "gate house%20.db")
	}},
	{"postgres", true, postgresURL},
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

func postgresURL(t *testing.T) string {
	t.Helper()
	server, schema := inPostgres(t, "SCHEMA", "CASCADE")
	query := server.Query()
	query.Set("search_path", schema)
	server.RawQuery = query.Encode()
	return server.String()
}

// inPostgres makes a new SCHEMA or DATABASE, which is dropped in that manner at the end, and returns its server and name.
func inPostgres(t *testing.T, kind, manner string) (server *url.URL, name string) {
	t.Helper()
	address := os.Getenv("TEST_POSTGRES_URL")
	if address == "" {
		t.Skip("TEST_POSTGRES_URL is not set; make test starts a Postgres and sets it")
	}
	admin, err := sql.Open("pgx", address)
	require.NoError(t, err)
	name = "registry_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	_, err = admin.Exec("CREATE " + kind + " " + name)
	require.NoError(t, err)
	t.Cleanup(func() {
		_, err := admin.Exec("DROP " + kind + " " + name + " " + manner)
		require.NoError(t, err)
		require.NoError(t, admin.Close())
	})
	server, err = url.Parse(address)
	require.NoError(t, err)
	return server, name
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

// clock is a time that tests move. It starts between two microseconds.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

var start = time.Date(2031, 2, 3, 23, 59, 58, 123456789, time.FixedZone("", -5*3600))

func newClock() *clock { return &clock{now: start} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// stored is a time as it comes back from the database.
func stored(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

// parallel runs n calls at once and returns their errors.
func parallel(n int, call func(i int) error) []error {
	errs := make([]error, n)
	ready := make(chan struct{})
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() {
			<-ready
			errs[i] = call(i)
		})
	}
	close(ready)
	group.Wait()
	return errs
}

const (
	codeLife    = time.Minute
	accessLife  = 2 * time.Hour
	refreshLife = 30 * 24 * time.Hour
	grace       = 10 * time.Second
)

// world is a registry with one client, and a clock.
type world struct {
	*registry.Registry
	*clock
	t   *testing.T
	ctx context.Context
	n   int
}

func newWorld(t *testing.T, r *registry.Registry, c *clock) *world {
	t.Helper()
	w := &world{Registry: r, clock: c, t: t, ctx: t.Context()}
	require.NoError(t, r.CreateClient(w.ctx, registry.Client{ID: "app", Name: "App"}))
	return w
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
	return w.RotateRefresh(w.ctx, hash, w.token(next), grace, w.Now().Add(accessLife))
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
