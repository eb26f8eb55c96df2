package authz

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/ory/fosite"
	"github.com/ory/fosite/handler/oauth2"

	"gatehouse/authz/client"
	"gatehouse/authz/keyring"
	"gatehouse/authz/outbox"
	"gatehouse/authz/page"
	"gatehouse/authz/user"
	"gatehouse/keys"
	"gatehouse/registry"
)

// ClockSkew is how far apart the clocks of two replicas may be. app/config/clocks.go says what depends on it.
const ClockSkew = time.Minute

const (
	minRefreshSecret        = 32
	defaultMaxGrants        = 50
	defaultMaxRevokedTokens = 100
)

// Config is what an authorization server is made of.
type Config struct {
	// Issuer is the server's public base URL, without a slash at the end. It is the iss and the aud of every token.
	Issuer string
	// Scopes are those of the routes, with their descriptions.
	Scopes map[string]string
	// Risks are what they let an application do. One that is missing is taken for Spend.
	Risks map[string]Risk
	// ScopeTranslations are the descriptions of scopes in other languages, by scope and language (page.Languages). Where there is none,
	// users are shown the one in Scopes.
	ScopeTranslations map[string]map[string]string

	// Brand is whose service it is, on the pages. Without a name they name the issuer's host.
	Brand page.Brand

	// Lifespans default to 10 minutes, 2 hours, 1 year and 30 days. Access tokens live whole seconds.
	CodeLifespan      time.Duration
	AccessLifespan    time.Duration
	MaxAccessLifespan time.Duration
	RefreshLifespan   time.Duration
	// WellKnownMaxAge is how long anyone may keep the JWKS and the metadata, in whole seconds; 5 minutes when 0. The
	// Keyring publishes a key for longer before it signs.
	WellKnownMaxAge time.Duration
	// RefreshGrace is how long a refresh token that was used can be used again for the same successor, as long as nobody has
	// used that; 0: not at all.
	RefreshGrace time.Duration
	// RefusePlainPKCE leaves S256 as the only code challenge method (RFC 7636 section 4.2).
	RefusePlainPKCE bool
	// MaxGrants is how many live grants one user may have given one client; the oldest ends for another. 50 when 0.
	MaxGrants int
	// MaxRevokedTokens is how many access tokens of one grant, that have not expired, its client may have revoked one by
	// one; the next ends the grant. 100 when 0.
	MaxRevokedTokens int
	// RefreshSecret makes successors of refresh tokens unguessable: at least 32 bytes, the same in every replica.
	RefreshSecret []byte

	// Users are asked in order; the first that applies decides.
	Users []user.Authenticator
	// NoPasswords says that none of Users looks at a login and a password, so that nobody is asked for them.
	NoPasswords bool
	// LoginURL is the login page of the host application, where users may sign in; empty: they may not. It gets return_to and
	// state in its query, and sends the browser back with a form: POST return_to, with state and the user's JWT as token.
	LoginURL string
	// A user who has signed in stays so for SessionIdle without a request, and for SessionAbsolute in any case; 24 hours and 30
	// days when 0.
	SessionIdle, SessionAbsolute time.Duration
	// Standing is asked at each refresh whether the user is suspended; nil: nobody is.
	Standing user.Standing
	// Caller is where a request comes from, which is told to Users; its peer when nil.
	Caller   func(*http.Request) netip.Addr
	Registry *registry.Registry
	Keyring  *keyring.Keyring // open
	Denylist outbox.Denylist
	// OpaqueTokens makes the access tokens good that were taken over of another server.
	OpaqueTokens bool
	// RevocationWait is how long the answer to a revocation waits at most for the gateways to confirm that they know; 0: not
	// at all.
	RevocationWait time.Duration
	// AdminToken is the bearer token of the admin API; empty leaves it open to whoever reaches it.
	AdminToken string
	// IgnoreUnknownFields makes the admin API ignore fields of a client that it does not know, or that do not change, as
	// oauth2server did. The log says so. They are refused without it.
	IgnoreUnknownFields bool
	// TrustedOrigins are those of other sites whose forms may sign a user in, as browsers send them: https://app.example.
	// ValidateTrustedOrigin says which can be.
	TrustedOrigins []string
	// OnIssued, when not nil, is told of each answer that holds an access token, before it is sent. ctx is that of the
	// request. It must not block.
	OnIssued func(ctx context.Context, issued Issued)

	Log *slog.Logger     // slog.Default when nil
	Now func() time.Time // time.Now when nil
}

// Server is the authorization server. Its handlers are safe for concurrent use.
type Server struct {
	issuer   *issuer
	provider fosite.OAuth2Provider
	verifier *keys.Verifier
	// lenientVerifier verifies what is to be revoked: also a token that has expired here, and not yet at a gateway whose clock
	// is behind.
	lenientVerifier *keys.Verifier
	opaqueTokens    bool
	secrets         *client.SecretChecker
	scopes          scopes
	metadata        metadata
	crossOrigin     crossOrigin
	// cacheWellKnown is the Cache-Control of what is published for everyone.
	cacheWellKnown string
	plainPKCE      bool

	// base is what the paths of our pages begin with.
	base         string
	cookies      cookies
	sessions     *user.Sessions
	requestPace  *user.Pace // of authorization requests
	hostPace     *user.Pace // of sign-ins at the host application
	hasPasswords bool
	loginURL     *url.URL // nil: there is none
	layout       *page.Layout
	service      string // what pages call this service

	users      user.Authenticator
	caller     func(*http.Request) netip.Addr
	registry   *registry.Registry
	keys       *keys.Ring
	adminToken string
	// ignoreUnknown is Config.IgnoreUnknownFields.
	ignoreUnknown bool
	onIssued      func(context.Context, Issued)
	// administration is what an Operator of the admin API is made of; it has no Actor.
	administration Operator

	log *slog.Logger
	now func() time.Time
}

// New returns a server, or every problem of its configuration at once.
func New(c Config) (*Server, error) {
	c = c.withDefaults()
	if err := c.check(); err != nil {
		return nil, err
	}
	loginURL, err := parseLoginURL(c.LoginURL)
	if err != nil {
		return nil, err
	}
	layout, err := page.NewLayout(c.Brand, basePath(c.Issuer)+logoPath)
	if err != nil {
		return nil, err
	}
	known, ring := newScopes(c.Scopes, c.ScopeTranslations, c.Risks), c.Keyring.Ring()
	published := newMetadata(c.Issuer, known, !c.RefusePlainPKCE)
	relay := &outbox.Relay{Registry: c.Registry, Denylist: c.Denylist, Wait: c.RevocationWait, Log: c.Log}
	s := &Server{
		issuer: &issuer{
			name:     c.Issuer,
			registry: c.Registry,
			relay:    relay,
			standing: c.Standing,

			codeLifespan:      c.CodeLifespan,
			accessLifespan:    c.AccessLifespan,
			maxAccessLifespan: c.MaxAccessLifespan,
			refreshLifespan:   c.RefreshLifespan,
			refreshGrace:      c.RefreshGrace,
			refreshSecret:     slices.Clone(c.RefreshSecret),
			maxGrants:         c.MaxGrants,
			maxRevokedTokens:  c.MaxRevokedTokens,
			now:               c.Now,
			log:               c.Log,
		},
		verifier: &keys.Verifier{Issuer: c.Issuer, Audience: c.Issuer, Keys: ring, Leeway: ClockSkew, Now: c.Now},
		lenientVerifier: &keys.Verifier{
			Issuer: c.Issuer, Audience: c.Issuer, Keys: ring, Leeway: 2 * ClockSkew,
			Now: func() time.Time { return c.Now().Add(-ClockSkew) },
		},
		opaqueTokens: c.OpaqueTokens,
		secrets:      client.NewSecretChecker(),
		scopes:       known,
		metadata:     published,
		crossOrigin:  newCrossOrigin(c.Issuer, c.TrustedOrigins),

		cacheWellKnown: cacheFor(c.WellKnownMaxAge),
		plainPKCE:      !c.RefusePlainPKCE,

		base:         basePath(c.Issuer),
		cookies:      newCookies(c.Issuer),
		sessions:     &user.Sessions{Registry: c.Registry, Idle: c.SessionIdle, Absolute: c.SessionAbsolute, Now: c.Now},
		requestPace:  &user.Pace{Burst: requestBurst, Every: requestEvery, Now: c.Now},
		hostPace:     &user.Pace{Burst: requestBurst, Every: requestEvery, Now: c.Now},
		hasPasswords: !c.NoPasswords,
		loginURL:     loginURL,
		layout:       layout,

		users:      user.InOrder(c.Users),
		caller:     c.Caller,
		registry:   c.Registry,
		keys:       ring,
		adminToken: c.AdminToken,

		ignoreUnknown: c.IgnoreUnknownFields,
		onIssued:      c.OnIssued,
		administration: Operator{
			Registry:          c.Registry,
			Relay:             relay,
			Keyring:           c.Keyring,
			Scopes:            c.Scopes,
			MaxAccessLifespan: c.MaxAccessLifespan,
			Log:               c.Log,
			Now:               c.Now,
		},
		log: c.Log,
		now: c.Now,
	}
	s.service = cmp.Or(c.Brand.Name, s.crossOrigin.host)
	config := s.fositeConfig()
	s.issuer.strategy = &oauth2.DefaultJWTStrategy{Signer: signer{ring}, Config: config}
	s.provider = fosite.NewOAuth2Provider(clientStore{}, config)
	return s, nil
}

// Public are the endpoints for clients and users. Everything else is 404.
func (s *Server) Public() http.Handler {
	public := routes{
		"/oauth/authorize":           {http.MethodGet: s.beginAuthorize, http.MethodPost: s.handleAuthorize},
		"/oauth/authorize/{request}": {http.MethodGet: s.showConsent, http.MethodPost: s.decide},
		"/oauth/token":               {http.MethodPost: s.handleToken},
		"/oauth/revoke":              {http.MethodPost: s.handleRevoke},
		"/oauth/introspect":          {http.MethodPost: s.handleIntrospect},
		"/oauth/token/introspect":    {http.MethodGet: s.handleIntrospectOwn},
		"/oauth/scopes":              {http.MethodGet: s.handleScopes},
		"/.well-known/jwks.json":     {http.MethodGet: s.handleJWKS},
		"/clients":                   {http.MethodGet: s.handleConnections},
		"/clients/{clientId}":        {http.MethodDelete: s.handleDisconnect},
	}
	maps.Copy(public, s.pages())
	for _, path := range MetadataPaths(s.issuer.name) {
		public[path] = map[string]http.HandlerFunc{http.MethodGet: s.handleMetadata}
	}
	return s.serve(public)
}

// Admin are the endpoints for the operator, to be served where only the operator can reach them.
func (s *Server) Admin() http.Handler {
	return s.guardAdmin(s.serve(routes{
		"/admin/clients":                   {http.MethodGet: s.listClients, http.MethodPost: s.createClient},
		"/admin/clients/{clientId}":        {http.MethodGet: s.showClient, http.MethodPut: s.updateClient, http.MethodDelete: s.deleteClient},
		"/admin/clients/{clientId}/secret": {http.MethodPost: s.rotateSecret},
		"/admin/revocations":               {http.MethodPost: s.revokeAny},
		"/admin/keys":                      {http.MethodGet: s.listKeys},
		"/admin/keys/rotate":               {http.MethodPost: s.rotateKeys},
		"/admin/keys/{kid}/revoke":         {http.MethodPost: s.revokeKey},
	}))
}

// routes are the handlers of each path, by method. GET answers HEAD too.
type routes map[string]map[string]http.HandlerFunc

func (s *Server) serve(all routes) http.Handler {
	mux := http.NewServeMux()
	for path, methods := range all {
		allowed := make([]string, 0, len(methods)+1)
		for method := range methods {
			allowed = append(allowed, method)
		}
		if get, ok := methods[http.MethodGet]; ok {
			methods[http.MethodHead] = get
			allowed = append(allowed, http.MethodHead)
		}
		slices.Sort(allowed)
		allow := strings.Join(allowed, ", ")
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			if handle, ok := methods[r.Method]; ok {
				handle(w, withWish(r))
				return
			}
			w.Header().Set("Allow", allow)
			s.fail(w, r, errMethodNotAllowed)
		})
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { s.fail(w, r, errNotFound) })
	return mux
}

// deadline bounds a request. Nothing else ends it: what was begun, above all a revocation, is finished although the caller
// has hung up.
func deadline(r *http.Request) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(r.Context()), keyring.RequestTimeout)
}

func (c Config) withDefaults() Config {
	for lifespan, usual := range map[*time.Duration]time.Duration{
		&c.CodeLifespan:      10 * time.Minute,
		&c.AccessLifespan:    2 * time.Hour,
		&c.MaxAccessLifespan: defaultMaxAccessLifespan,
		&c.RefreshLifespan:   720 * time.Hour,
		&c.WellKnownMaxAge:   defaultWellKnownMaxAge,
		&c.SessionIdle:       24 * time.Hour,
		&c.SessionAbsolute:   720 * time.Hour,
	} {
		if *lifespan == 0 {
			*lifespan = usual
		}
	}
	c.MaxGrants = cmp.Or(c.MaxGrants, defaultMaxGrants)
	c.MaxRevokedTokens = cmp.Or(c.MaxRevokedTokens, defaultMaxRevokedTokens)
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.OnIssued == nil {
		c.OnIssued = func(context.Context, Issued) {}
	}
	if c.Caller == nil {
		c.Caller = peerOf
	}
	c.Now = clock(c.Now)
	return c
}

func (c Config) check() error {
	var problems []error
	complain := func(bad bool, format string, args ...any) {
		if bad {
			problems = append(problems, fmt.Errorf("authz: "+format, args...))
		}
	}
	issuer, err := url.Parse(c.Issuer)
	complain(err != nil || issuer.Host == "" || (issuer.Scheme != "https" && issuer.Scheme != "http") ||
		issuer.RawQuery != "" || issuer.Fragment != "" || strings.HasSuffix(c.Issuer, "/"),
		"the issuer %q must be an http(s) URL without query, fragment and slash at the end", c.Issuer)
	complain(c.AccessLifespan < time.Second || c.AccessLifespan%time.Second != 0,
		"the access token lifespan %v must be whole seconds", c.AccessLifespan)
	complain(c.MaxAccessLifespan < c.AccessLifespan || c.MaxAccessLifespan%time.Second != 0,
		"the maximum access token lifespan %v must be whole seconds and not below the usual one", c.MaxAccessLifespan)
	complain(c.CodeLifespan < 0 || c.RefreshLifespan < 0 || c.RefreshGrace < 0, "lifespans must not be negative")
	for _, origin := range c.TrustedOrigins {
		err := ValidateTrustedOrigin(origin)
		complain(err != nil, "the trusted origin %w", err)
	}
	complain(c.SessionIdle < time.Second || c.SessionAbsolute < c.SessionIdle,
		"a session must be able to last a second, and not be idle for longer than it lasts")
	complain(c.MaxGrants < 0 || c.MaxRevokedTokens < 0, "bounds must not be negative")
	complain(len(c.RefreshSecret) < minRefreshSecret, "the refresh secret must have at least %d bytes", minRefreshSecret)
	for name, risk := range c.Risks {
		complain(risk != Read && risk != Write && risk != Spend, "the risk of scope %s is %q, want %s, %s or %s", name, risk, Read, Write, Spend)
	}
	complain(c.Registry == nil || c.Denylist == nil, "registry and denylist are required")
	complain(c.Keyring == nil || c.Keyring.Ring() == nil, "a keyring is required that was opened")
	return errors.Join(problems...)
}
