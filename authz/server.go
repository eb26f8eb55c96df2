package authz

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/ory/fosite"
	"github.com/ory/fosite/handler/oauth2"

	"gatehouse/authz/account"
	"gatehouse/authz/admin"
	"gatehouse/authz/browser"
	"gatehouse/authz/budget"
	"gatehouse/authz/client"
	"gatehouse/authz/client/assertion"
	"gatehouse/authz/client/document"
	"gatehouse/authz/internal/endpoint"
	"gatehouse/authz/keyring"
	"gatehouse/authz/outbox"
	"gatehouse/authz/registration"
	"gatehouse/authz/signin"
	"gatehouse/authz/user"
	"gatehouse/keys"
	"gatehouse/keys/dpop"
	"gatehouse/registry"
)

// Server is the authorization server. Its handlers are safe for concurrent use.
type Server struct {
	issuer   *issuer
	provider fosite.OAuth2Provider
	verifier *keys.Verifier
	// lenientVerifier verifies what is to be revoked: also a token that has expired here, and not yet at a gateway whose clock
	// is behind.
	lenientVerifier *keys.Verifier
	opaqueTokens    bool
	proofs          *dpop.Checker // nil: none are taken
	clients         *client.Cache
	secrets         *client.SecretChecker
	assertions      *assertion.Checker // nil: clients do not sign
	clientKeys      *document.Source   // of clients that were registered; nil: they are at no URL
	scopes          scopes
	documents       *document.Source // nil: every client was registered
	budgets         *budget.Ledger   // nil where nothing is spent
	spendUnits      budget.Units
	metadata        metadata
	// cacheWellKnown is the Cache-Control of what is published for everyone.
	cacheWellKnown string
	plainPKCE      bool

	pages       *browser.Pages
	account     *account.Handler
	registering *registration.Handler // nil: only operators register clients
	requestPace *user.Pace            // of authorization requests
	pushPace    *user.Pace            // of those that clients without a secret send ahead

	pushedLifespan time.Duration
	pushedOnly     bool

	users    signin.Users
	signIn   *signin.Handler
	registry *registry.Registry
	keys     *keys.Ring
	onIssued func(context.Context, Issued)
	admin    *admin.API

	failures endpoint.Failures
	log      *slog.Logger
	now      func() time.Time
}

// New returns a server, or every problem of its configuration at once.
func New(c Config) (*Server, error) {
	c = c.withDefaults()
	if err := c.check(); err != nil {
		return nil, err
	}
	loginURL, err := signin.ParseLoginURL(c.LoginURL)
	if err != nil {
		return nil, err
	}
	failures := endpoint.Failures{Log: c.Log}
	pages, err := browser.New(browser.Config{
		Issuer:         c.Issuer,
		TrustedOrigins: c.TrustedOrigins,
		Brand:          c.Brand,
		Sessions:       &user.Sessions{Registry: c.Registry, Idle: c.SessionIdle, Absolute: c.SessionAbsolute, Now: c.Now},
		Failures:       failures,
	})
	if err != nil {
		return nil, err
	}
	known, ring := newScopes(c.Scopes, c.ScopeTranslations, c.Risks), c.Keyring.Ring()
	published := newMetadata(c.Issuer, known, !c.RefusePlainPKCE, len(c.SpendUnits) > 0)
	published.RequirePushedRequests = c.PushedRequestsOnly
	published.ClientDocuments = c.Documents != nil
	if c.Registration != nil {
		published.RegistrationEndpoint = c.Issuer + registration.Path
	}
	if c.Proofs != nil {
		published.ProofAlgorithms = dpop.Algorithms()
	}
	if c.Assertions != nil {
		published.addAssertions()
	}
	published.ProtectedResources = slices.Clone(c.ProtectedResources)
	relay := &outbox.Relay{Registry: c.Registry, Denylist: c.Denylist, Wait: c.RevocationWait, Log: c.Log}
	s := &Server{
		issuer: &issuer{
			name:      c.Issuer,
			resources: resources{issuer: c.Issuer, find: c.FindResource},
			registry:  c.Registry,
			relay:     relay,
			standing:  c.Standing,

			codeLifespan:      c.CodeLifespan,
			accessLifespan:    c.AccessLifespan,
			maxAccessLifespan: c.MaxAccessLifespan,
			refreshLifespan:   c.RefreshLifespan,
			refreshGrace:      c.RefreshGrace,
			refreshSecret:     slices.Clone(c.RefreshSecret),
			maxGrants:         c.MaxGrants,
			maxRevokedTokens:  c.MaxRevokedTokens,
			keepUnused:        c.KeepUnused,
			now:               c.Now,
			log:               c.Log,
		},
		verifier: &keys.Verifier{Issuer: c.Issuer, AnyAudience: true, Keys: ring, Leeway: keyring.ClockSkew, Now: c.Now},
		lenientVerifier: &keys.Verifier{
			Issuer: c.Issuer, AnyAudience: true, Keys: ring, Leeway: 2 * keyring.ClockSkew,
			Now: func() time.Time { return c.Now().Add(-keyring.ClockSkew) },
		},
		opaqueTokens: c.OpaqueTokens,
		proofs:       c.Proofs,
		clients:      &client.Cache{Read: c.Registry.Client, Now: c.Now},
		secrets:      client.NewSecretChecker(),
		assertions:   c.Assertions,
		clientKeys:   c.ClientKeys,
		scopes:       known,
		documents:    c.Documents,
		budgets:      c.Budgets,
		spendUnits:   maps.Clone(c.SpendUnits),
		metadata:     published,

		cacheWellKnown: cacheFor(c.WellKnownMaxAge),
		plainPKCE:      !c.RefusePlainPKCE,

		pages:       pages,
		requestPace: &user.Pace{Burst: requestBurst, Every: requestEvery, Now: c.Now},
		pushPace:    &user.Pace{Burst: requestBurst, Every: requestEvery, Now: c.Now},

		pushedLifespan: c.PushedLifespan,
		pushedOnly:     c.PushedRequestsOnly,

		users:    signin.Users{Authenticator: user.InOrder(c.Users), Caller: c.Caller},
		registry: c.Registry,
		keys:     ring,
		onIssued: c.OnIssued,

		failures: failures,
		log:      c.Log,
		now:      c.Now,
	}
	s.registering = c.newRegistration(relay, failures)
	s.account = &account.Handler{
		Pages:        pages,
		Registry:     c.Registry,
		Budgets:      c.Budgets,
		Units:        s.spendUnits,
		Scopes:       known,
		Resources:    s.issuer.resources.ofGrants,
		Authenticate: s.users.Authenticate,
		Disconnect:   s.disconnect,
		Failures:     failures,
		Now:          c.Now,
	}
	s.signIn = &signin.Handler{
		Issuer:        c.Issuer,
		Pages:         pages,
		Registry:      c.Registry,
		Users:         s.users,
		HasPasswords:  !c.NoPasswords,
		LoginURL:      loginURL,
		Pace:          &user.Pace{Burst: requestBurst, Every: requestEvery, Now: c.Now},
		AskedToSignIn: s.askedToSignIn,
		FindRequest:   s.findRequest,
		Failures:      failures,
		Log:           c.Log,
		Now:           c.Now,
	}
	s.admin = &admin.API{
		Operator: admin.Operator{
			Registry:          c.Registry,
			Relay:             relay,
			Keyring:           c.Keyring,
			Scopes:            c.Scopes,
			MaxAccessLifespan: c.MaxAccessLifespan,
			Budgets:           c.Budgets,
			SpendUnits:        c.SpendUnits,
			Log:               c.Log,
			Now:               c.Now,
		},
		Token:               c.AdminToken,
		IgnoreUnknownFields: c.IgnoreUnknownFields,
		Verifier:            s.lenientVerifier,
		Failures:            s.failures,
		Lost:                s.pages.Fail,
	}
	config := s.fositeConfig()
	s.issuer.strategy = &oauth2.DefaultJWTStrategy{Signer: signer{ring}, Config: config}
	s.provider = fosite.NewOAuth2Provider(clientStore{}, config)
	c.Registry.OnClientChange(s.clients.Forget)
	return s, nil
}

// ForgetClient has the server read a client again that another process has changed, and ForgetClients all of them. Of its own Registry
// the server hears by itself; without a word it believes for client.Staleness what it has read.
func (s *Server) ForgetClient(id string) { s.clients.Forget(id) }

// ForgetClients has the server read every client again.
func (s *Server) ForgetClients() { s.clients.ForgetAll() }
