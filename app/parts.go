package app

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"

	"gatehouse/app/config"
	"gatehouse/authz"
	"gatehouse/authz/client/assertion"
	"gatehouse/authz/keyring"
	"gatehouse/authz/lastused"
	"gatehouse/authz/outbox"
	"gatehouse/authz/user"
	"gatehouse/denylist"
	"gatehouse/gateway"
	"gatehouse/gateway/listener"
	"gatehouse/keys"
	"gatehouse/registry"
)

// revocations is the denylist as the authorization server writes it and the gateway checks it. In one process both have the
// same value: a revocation then holds before its caller is answered, in either mode.
type revocations interface {
	outbox.Denylist
	outbox.OpaqueTokens
	denylist.Checker
	gateway.OpaqueTokens
	gateway.UseReporter
	lastused.Uses
	clientChanges
}

func (a *App) openDenylist() (revocations, error) {
	redis.SetLogger(redisLog{a.log}) // the one thing that the client has for the whole process
	store, closeStore, err := openRedis(a.config.RedisURL, a.config.Denylist.Timeout)
	if err != nil {
		return nil, err
	}
	a.onClose("denylist", closeStore)
	a.proofs = a.newProofs(store)
	a.assertions = &assertion.Checker{Uses: store, Leeway: a.config.ClockLeeway}
	a.metrics.watchRedis(store)
	a.background("Redis watch", func(ctx context.Context) { store.Watch(ctx, a.log) })
	a.health.watch("redis", inOrder(store)) // what is wrong with it is as wrong elsewhere
	if a.options.Role.HasAuthz() {
		a.metrics.watchConfirmation(store)
	}
	if !a.options.Role.HasGateway() {
		a.health.watch("denylist", loaded(store)) // tokens can be issued without it
		return store, nil
	}
	if a.config.Denylist.Mode == config.Strict {
		a.health.need("denylist", loaded(store))
		a.metrics.watchMode(func() bool { return false })
		return store, nil
	}
	mirror := denylist.NewMirror(store, a.config.Denylist.MaxStaleness, a.log)
	a.metrics.watchMirror(mirror, a.config.Denylist.MaxStaleness)
	a.background("denylist mirror", mirror.Run)
	a.health.need("denylist", func(context.Context) error {
		if !mirror.Ready() {
			return errNotLoaded
		}
		return nil
	})
	return mirror, nil
}

func loaded(store *denylist.Store) func(context.Context) error {
	return func(ctx context.Context) error {
		complete, err := store.Loaded(ctx)
		if err == nil && !complete {
			err = errNotLoaded
		}
		return err
	}
}

// inOrder tells whether Redis answers, and is in no condition in which revocations are lost or refused.
func inOrder(store *denylist.Store) func(context.Context) error {
	return func(ctx context.Context) error {
		condition, err := store.Inspect(ctx)
		if err != nil {
			return err
		}
		return condition.Err()
	}
}

// openRegistry connects to the database, migrates its schema and opens its signing keys.
func (a *App) openRegistry(ctx context.Context) (*keyring.Keyring, error) {
	var err error
	a.registry, err = registry.Open(ctx, a.config.DatabaseURL.Reveal(), registry.WithPoolSize(a.config.DatabaseMaxConns))
	if err != nil {
		return nil, notOpened(err)
	}
	a.onClose("database", a.registry.Close)
	a.metrics.watchDatabase(a.registry.DatabaseStats)
	a.health.need("database", a.registry.Ping)
	if err := prepareSchema(ctx, a.registry, a.config.DatabaseMigrate); err != nil {
		return nil, err
	}
	if a.ledger, err = newLedger(a.config.Budgets, a.registry); err != nil {
		return nil, err
	}
	a.background("purge", (&outbox.Purger{Registry: a.registry, Log: a.log}).Run)
	return a.openKeys(ctx)
}

// openKeys opens the database's signing keys, makes the first one if there is none, and keeps them rotating.
func (a *App) openKeys(ctx context.Context) (*keyring.Keyring, error) {
	if err := a.checkSecrets(ctx); err != nil { // before there is a key
		return nil, err
	}
	keyring := newKeyring(a.config, a.registry, a.log)
	if _, err := keyring.Open(ctx); err != nil {
		return nil, fmt.Errorf("signing keys: %w", err)
	}
	a.background("signing keys", keyring.Run)
	return keyring, nil
}

// remoteKeys are the authorization server's, read over HTTP by a gateway on its own.
func (a *App) remoteKeys() keys.PublicKeys {
	remote := keys.NewRemote(a.config.Keys.JWKSURL, nil, a.log)
	remote.Refresh = a.config.Keys.JWKSRefresh
	remote.Leeway = a.config.ClockLeeway
	remote.MinInterval = min(remote.MinInterval, remote.Refresh)
	a.metrics.watchKeys(remote)
	a.background("JWKS", remote.Run)
	a.health.need("keys", func(context.Context) error {
		if !remote.Ready() {
			return errNotLoaded
		}
		return nil
	})
	return remote
}

func (a *App) newAuthz(keyring *keyring.Keyring, denied outbox.Denylist) (*authz.Server, error) {
	users := append([]user.Authenticator{}, a.options.Users...)
	users = append(users, &user.HostJWT{Secret: []byte(a.config.JWTSecret.Reveal())})
	var standing user.Standing
	if a.config.LNDHubURL != "" {
		signIn, err := a.newSignIn()
		if err != nil {
			return nil, err
		}
		users = append(users, signIn)
		standing = signIn
	}
	brand, err := a.config.PageBrand()
	if err != nil {
		return nil, fmt.Errorf("brand.logo: %w", err)
	}
	documents, err := a.newDocuments()
	if err != nil {
		return nil, err
	}
	clientKeys, err := a.newClientKeys()
	if err != nil {
		return nil, err
	}
	return authz.New(authz.Config{
		Issuer:            a.config.Issuer,
		Scopes:            gateway.Scopes(a.config.Routes),
		Risks:             risksOf(a.config.Routes),
		ScopeTranslations: a.config.Scopes,
		Documents:         documents,
		Assertions:        a.assertions,
		ClientKeys:        clientKeys,
		Registration:      a.newRegistration(),
		KeepUnused:        a.config.Clients.Registration.KeepUnused,
		Brand:             brand,
		FindResource:      a.findResource,
		Budgets:           a.ledger,
		SpendUnits:        gateway.SpendUnits(a.config.Routes),
		AccessLifespan:    a.config.AccessToken.Lifespan,
		MaxAccessLifespan: a.config.AccessToken.MaxLifespan,
		RefreshLifespan:   a.config.RefreshToken.Lifespan,
		PushedLifespan:    a.config.Pushed.Lifespan,
		RefusePlainPKCE:   !a.config.PKCE.Plain,
		RefreshGrace:      a.config.RefreshToken.Grace,
		MaxGrants:         a.config.Grants.MaxPerClient,
		MaxRevokedTokens:  a.config.Grants.MaxRevokedTokens,
		WellKnownMaxAge:   a.config.Keys.JWKSMaxAge,
		RefreshSecret:     keys.Derive(a.config.Keys.Secret.Reveal(), "refresh token succession"),
		Users:             users,
		NoPasswords:       a.config.LNDHubURL == "" && len(a.options.Users) == 0,
		LoginURL:          a.config.Users.LoginURL,
		SessionIdle:       a.config.Sessions.Idle,
		SessionAbsolute:   a.config.Sessions.Absolute,
		Standing:          standing,
		Caller:            callerOf,
		Registry:          a.registry,
		Keyring:           keyring,
		Denylist:          denied,
		OpaqueTokens:      a.config.Import.OpaqueTokens,
		Proofs:            a.proofs,
		RevocationWait:    a.config.Revocation.Wait,
		AdminToken:        a.config.Admin.Token.Reveal(),
		TrustedOrigins:    a.config.TrustedOrigins,

		ProtectedResources: a.publishedResources(),
		PushedRequestsOnly: a.config.Pushed.Required,

		IgnoreUnknownFields: a.config.Admin.UnknownFields == config.IgnoreFields,
		OnIssued:            a.observer.issued,
		Log:                 a.log,
	})
}

// risksOf are what the scopes let applications do, in the words of authz, which are the gateway's.
func risksOf(routes []gateway.Route) map[string]authz.Risk {
	risks := make(map[string]authz.Risk)
	for scope, of := range gateway.Risks(routes) {
		risks[scope] = authz.Risk(of.Risk)
	}
	return risks
}

// runRelay fills the denylist and keeps it complete. A Redis that is down is filled when it is back.
func (a *App) runRelay(ctx context.Context, denied revocations) {
	relay := &outbox.Relay{Registry: a.registry, Denylist: denied}
	if err := relay.Fill(ctx); err != nil {
		a.log.Warn("denylist cannot be filled yet", "error", err)
	}
	a.background("relay", func(ctx context.Context) { relay.Run(ctx, a.log) })
	a.background("last used", (&lastused.Recorder{Registry: a.registry, Uses: denied, Log: a.log}).Run)
	if a.config.Import.OpaqueTokens {
		opaque := &outbox.OpaqueRelay{Registry: a.registry, Tokens: denied}
		if err := opaque.CatchUp(ctx); err != nil {
			a.log.Warn("imported access tokens cannot be told to gateways yet", "error", err)
		}
		a.background("opaque tokens", func(ctx context.Context) { opaque.Run(ctx, a.log) })
	}
}

// callersLimits are those of the configuration that the listener keeps; bodies are the gateway's.
func (a *App) callersLimits() listener.Limits {
	limits := a.config.Limits
	return listener.Limits{
		HeaderSize:            limits.HeaderSize,
		HeaderCount:           limits.HeaderCount,
		Connections:           limits.Connections,
		BodyRate:              limits.BodyRate,
		ConnectionsPerAddress: limits.ConnectionsPerAddress,
	}
}

// callersConfig is what the public listener is made from.
func (a *App) callersConfig() (listener.Config, error) {
	config := listener.Config{
		Limits:   a.callersLimits(),
		Timeouts: a.config.Timeouts,
		Exempt:   a.proxies.Contains,
		Counts:   a.metrics.connections(),
		Log:      a.log,
	}
	files := a.config.TLS
	if files.CertFile == "" {
		return config, nil
	}
	own, err := listener.OpenCertificate(files.CertFile, files.KeyFile, a.log)
	if err != nil {
		return config, err
	}
	a.metrics.watchCertificate(own)
	a.background("TLS certificate", own.Watch)
	config.TLS = own.ServerConfig()
	return config, nil
}
