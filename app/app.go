package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"

	"github.com/gofiber/fiber/v2"

	"gatehouse/app/config"
	"gatehouse/authz"
	"gatehouse/authz/budget"
	"gatehouse/authz/client/assertion"
	"gatehouse/authz/user"
	"gatehouse/gateway"
	"gatehouse/gateway/listener"
	"gatehouse/gateway/resource"
	"gatehouse/keys"
	"gatehouse/keys/dpop"
	"gatehouse/registry"
)

// Options are what a program decides, as opposed to who configures it.
type Options struct {
	Role config.Role
	// Log receives everything; slog.Default() when nil.
	Log *slog.Logger
	// Users are asked who a user is before the configured ways are tried.
	Users []user.Authenticator
	// PublicAdmin serves /admin/ on the public listener, too, where everyone can then register and delete clients. It is
	// for the mock server only.
	PublicAdmin bool
	// ShortSecrets lets a new installation begin with secrets that could be guessed. It is for the mock server only.
	ShortSecrets bool
}

// App is one Gatehouse process. New builds it, Start begins to serve, Stop ends it. The methods are not safe for
// concurrent use, except Registry and Failed.
type App struct {
	config  config.Config
	options Options
	log     *slog.Logger
	proxies gateway.TrustedProxies
	// resources are what tokens can be for.
	resources  *resource.Set
	registry   *registry.Registry // nil in a gateway on its own, as is authz
	authz      *authz.Server
	proofs     *dpop.Checker
	assertions *assertion.Checker
	ledger     *budget.Ledger
	gateway    *gateway.Gateway // has no routes in an authorization server on its own
	public     *fiber.App
	admin      *http.Server
	budgets    *http.Server // nil unless gateways on their own are answered here
	failed     chan error
	health     health
	metrics    *metrics
	observer   *observer
	tracing    *tracing // nil unless it is wanted

	callers    listener.Config
	accepting  *listener.Listener // nil before Start
	publicAddr net.Addr
	adminAddr  net.Addr
	budgetAddr net.Addr
	closers    []closer
}

type closer struct {
	part  string
	close func() error
}

// New builds every part of the role. For an authorization server it connects to the database, migrates the schema and
// makes the first signing key, and blocks meanwhile. On error it closes everything that it opened.
func New(ctx context.Context, cfg config.Config, options Options) (_ *App, err error) {
	if err := cfg.Validate(options.Role); err != nil {
		return nil, err
	}
	log := cmp.Or(options.Log, slog.Default())
	a := &App{config: cfg, options: options, log: slog.New(requestLog{log.Handler()}), failed: make(chan error, 3)}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.closeParts())
		}
	}()

	if a.proxies, err = gateway.ParseTrustedProxies(cfg.TrustedProxies); err != nil {
		return nil, err
	}
	if a.resources, err = cfg.ProtectedResources(); err != nil {
		return nil, err
	}
	a.metrics = newMetrics(options.Role)
	a.metrics.watchLog(log)
	if tracingIsConfigured() {
		if a.tracing, err = newTracing(ctx, cfg.Routes, a.log); err != nil {
			return nil, fmt.Errorf("tracing: %w", err)
		}
		a.onClose("tracing", a.tracing.close)
	}
	a.observer = a.newObserver()
	denied, err := a.openDenylist()
	if err != nil {
		return nil, fmt.Errorf("denylist: %w", err)
	}
	var public keys.PublicKeys
	if options.Role.HasAuthz() {
		keyring, err := a.openRegistry(ctx)
		if err != nil {
			return nil, err
		}
		if a.authz, err = a.newAuthz(keyring, denied); err != nil {
			return nil, fmt.Errorf("authorization server: %w", err)
		}
		a.runRelay(ctx, denied)
		tellClientChanges(ctx, a.registry, denied, logUntold(a.log))
		a.background("client changes", func(ctx context.Context) {
			denied.FollowClientChanges(ctx, a.authz.ForgetClient, a.authz.ForgetClients)
		})
		if err := a.runBudgets(); err != nil {
			return nil, fmt.Errorf("inquiries: %w", err)
		}
		public = keyring.Ring()
	} else {
		if err := a.checkSecrets(ctx); err != nil {
			return nil, err
		}
		public = a.remoteKeys()
	}
	if a.gateway, err = a.newGateway(public, denied); err != nil {
		return nil, fmt.Errorf("gateway: %w", err)
	}
	a.onClose("gateway", a.gateway.Close)
	if options.Role.HasGateway() {
		a.metrics.watchUses(a.gateway.UsesDropped)
		a.metrics.watchUnsettled(a.gateway.Unsettled)
	}
	if a.callers, err = a.callersConfig(); err != nil {
		return nil, fmt.Errorf("public listener: %w", err)
	}
	a.public = a.publicServer()
	a.admin = a.adminServer()
	if options.Role.HasAuthz() && cfg.Budgets.Listen != "" {
		a.budgets = a.budgetServer()
	}
	return a, nil
}

// Registry is where everything durable is kept, for programs that set something up before they serve. It is nil in a
// gateway on its own.
func (a *App) Registry() *registry.Registry { return a.registry }

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
