package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/gofiber/fiber/v2"

	"gatehouse/authz"
	"gatehouse/denylist"
	"gatehouse/gateway"
	"gatehouse/keys"
	"gatehouse/registry"
)

// Options are what a program decides, as opposed to who configures it.
type Options struct {
	// Log receives everything; slog.Default() when nil.
	Log *slog.Logger
	// Users prove who a user is before the configured ways are tried.
	Users []authz.UserAuthenticator
	// PublicAdmin also serves /admin/ on the public listener. Only for the mock server: whoever can reach that listener
	// can register and delete clients.
	PublicAdmin bool
}

// App is one Gatehouse: authorization server and gateway. New builds it, Start begins to serve, Stop ends it. The methods
// are not safe for concurrent use, except Registry and Failed.
type App struct {
	config   Config
	log      *slog.Logger
	registry *registry.Registry
	authz    *authz.Server
	gateway  *gateway.Gateway
	public   *fiber.App
	admin    *http.Server
	failed   chan error

	publicAddr net.Addr
	adminAddr  net.Addr
	closers    []closer
}

type closer struct {
	part  string
	close func() error
}

// New builds every part and connects to the database; it migrates the schema, makes the first signing key and fills the
// denylist. It blocks while it does so. On error everything that was opened is closed again.
func New(ctx context.Context, config Config, options Options) (_ *App, err error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	log := options.Log
	if log == nil {
		log = slog.Default()
	}
	a := &App{config: config, log: log, failed: make(chan error, 2)}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.closeParts())
		}
	}()

	a.registry, err = registry.Open(ctx, config.DatabaseURL.Reveal(), registry.WithPoolSize(config.DatabaseMaxConns))
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	a.onClose("database", a.registry.Close)
	if err := a.registry.Migrate(ctx); err != nil {
		return nil, fmt.Errorf("migrate database: %w", err)
	}

	ring, err := openRing(ctx, a.registry, config.Keys)
	if err != nil {
		return nil, fmt.Errorf("signing keys: %w", err)
	}

	store, closeStore, err := openDenylist(config.RedisURL)
	if err != nil {
		return nil, fmt.Errorf("denylist: %w", err)
	}
	a.onClose("denylist", closeStore)
	denied := a.denied(store)
	relay := &authz.Relay{Registry: a.registry, Denylist: denied}
	if err := relay.Prime(ctx); err != nil {
		return nil, fmt.Errorf("denylist: %w", err)
	}
	a.background(func(ctx context.Context) { relay.Run(ctx, log) })

	if a.authz, err = newAuthz(config, options, a.registry, ring, denied, log); err != nil {
		return nil, fmt.Errorf("authorization server: %w", err)
	}
	if a.gateway, err = newGateway(config, ring, denied, log); err != nil {
		return nil, fmt.Errorf("gateway: %w", err)
	}
	a.onClose("gateway", a.gateway.Close)

	a.public = a.publicServer(options.PublicAdmin)
	a.admin = a.adminServer()
	return a, nil
}

// openRing returns the ring of the database's signing keys. The first process on an empty database makes the first key.
func openRing(ctx context.Context, stored *registry.Registry, config Keys) (*keys.Ring, error) {
	candidate, err := keys.Generate(config.Alg)
	if err != nil {
		return nil, err
	}
	sealed, err := keys.Seal(candidate, config.Secret.Reveal())
	if err != nil {
		return nil, err
	}
	if _, err := stored.EnsureSigningKey(ctx, registry.SigningKey{
		ID: candidate.ID(), Algorithm: candidate.Algorithm(), Sealed: sealed,
	}); err != nil {
		return nil, err
	}
	rows, err := stored.SigningKeys(ctx)
	if err != nil {
		return nil, err
	}
	opened := make([]*keys.Key, len(rows))
	for i, row := range rows {
		if opened[i], err = keys.Open(row.Sealed, config.Secret.Reveal()); err != nil {
			return nil, fmt.Errorf("key %s: %w (is keys.secret the one that this database was first used with?)", row.ID, err)
		}
	}
	return keys.NewRing(opened[0], opened[1:]...)
}

// revocations are written by the authorization server and checked by the gateway. Sharing one value makes a revocation
// take effect in this process before its caller is answered, whatever the mode.
type revocations interface {
	authz.Denylist
	denylist.Checker
}

func (a *App) denied(store *denylist.Store) revocations {
	if a.config.Denylist.Mode == Strict {
		return store
	}
	mirror := denylist.NewMirror(store, a.config.Denylist.MaxStaleness, a.log)
	a.background(mirror.Run)
	return mirror
}

func newAuthz(config Config, options Options, stored *registry.Registry, ring *keys.Ring, denied revocations,
	log *slog.Logger,
) (*authz.Server, error) {
	users := append([]authz.UserAuthenticator{}, options.Users...)
	users = append(users, &authz.HostJWT{Secret: []byte(config.JWTSecret.Reveal())})
	if config.LNDHubURL != "" {
		users = append(users, &authz.LNDHub{URL: config.LNDHubURL, Secret: []byte(config.JWTSecret.Reveal())})
	}
	return authz.New(authz.Config{
		Issuer:            config.Issuer,
		Scopes:            gateway.Scopes(config.Routes),
		AccessLifespan:    config.AccessToken.Lifespan,
		MaxAccessLifespan: config.AccessToken.MaxLifespan,
		RefreshLifespan:   config.RefreshToken.Lifespan,
		RefreshGrace:      config.RefreshToken.Grace,
		RefreshSecret:     keys.Derive(config.Keys.Secret.Reveal(), "refresh token succession"),
		Users:             users,
		Registry:          stored,
		Keys:              ring,
		Denylist:          denied,
		AdminToken:        config.Admin.Token.Reveal(),
		Log:               log,
	})
}

func newGateway(config Config, ring *keys.Ring, denied denylist.Checker, log *slog.Logger) (*gateway.Gateway, error) {
	proxies, err := config.trustedProxies()
	if err != nil {
		return nil, err
	}
	return gateway.New(gateway.Config{
		Routes:         config.Routes,
		Verifier:       &keys.Verifier{Issuer: config.Issuer, Audience: config.Issuer, Keys: ring, Leeway: clockLeeway},
		Denylist:       denied,
		OnUnavailable:  config.Denylist.OnUnavailable,
		JWTSecret:      []byte(config.JWTSecret.Reveal()),
		TrustedProxies: proxies,
		Log:            log,
	})
}

// clockLeeway is how far another replica's clock may be ahead of this one's.
const clockLeeway = 30 * time.Second

// Registry is where everything durable is kept, for programs that set something up before they start to serve.
func (a *App) Registry() *registry.Registry { return a.registry }

// Authz is the authorization server.
func (a *App) Authz() *authz.Server { return a.authz }

// background runs work until the App is closed, which waits for it.
func (a *App) background(work func(context.Context)) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		work(ctx)
	}()
	a.onClose("background work", func() error {
		cancel()
		<-done
		return nil
	})
}

func (a *App) onClose(part string, close func() error) {
	a.closers = append(a.closers, closer{part, close})
}

// closeParts closes everything in the reverse of the order it was opened in.
func (a *App) closeParts() error {
	var problems []error
	for i := len(a.closers) - 1; i >= 0; i-- {
		if err := a.closers[i].close(); err != nil {
			problems = append(problems, fmt.Errorf("close %s: %w", a.closers[i].part, err))
		}
	}
	a.closers = nil
	return errors.Join(problems...)
}
