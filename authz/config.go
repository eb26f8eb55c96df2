package authz

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"gatehouse/authz/browser"
	"gatehouse/authz/budget"
	"gatehouse/authz/client/assertion"
	"gatehouse/authz/client/document"
	"gatehouse/authz/keyring"
	"gatehouse/authz/outbox"
	"gatehouse/authz/page"
	"gatehouse/authz/user"
	"gatehouse/keys/dpop"
	"gatehouse/registry"
)

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

	// FindResource finds the resource that an indicator means (RFC 8707), the issuer's own among them; nil: there is that alone. It must
	// be safe for concurrent use and not block. ProtectedResources are their URLs, for the metadata (RFC 9728 section 4); empty leaves
	// them out.
	FindResource       func(indicator string) (Resource, bool)
	ProtectedResources []string

	// Budgets is what users let clients spend, required where there are SpendUnits: the units that scopes let them spend, by scope.
	Budgets    *budget.Ledger
	SpendUnits map[string]string

	// Documents is where clients are found that nobody has registered, by their metadata documents; nil: there are none.
	Documents *document.Source
	// Assertions checks what clients sign to prove who they are, and uses each up; nil: they cannot (private_key_jwt).
	Assertions *assertion.Checker
	// ClientKeys fetches the keys of clients that were registered with a URL of theirs; nil: such clients are refused.
	ClientKeys *document.Source

	// Registration lets clients register themselves (RFC 7591); nil: only operators register any. KeepUnused is how long such a client
	// is kept without a grant, from when it has registered or a user has allowed it something; 24 hours when 0.
	Registration *Registration
	KeepUnused   time.Duration

	// Brand is whose service it is, on the pages. Without a name they name the issuer's host.
	Brand page.Brand

	// Lifespans default to 10 minutes, 2 hours, 1 year and 30 days. Access tokens live whole seconds.
	CodeLifespan      time.Duration
	AccessLifespan    time.Duration
	MaxAccessLifespan time.Duration
	RefreshLifespan   time.Duration
	// PushedLifespan is how long after a client has pushed an authorization request a browser may begin it (RFC 9126), in whole
	// seconds; a minute when 0. PushedRequestsOnly refuses every request that was not pushed.
	PushedLifespan     time.Duration
	PushedRequestsOnly bool
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
	// Proofs checks DPoP proofs, and uses each up. Nil: no token is bound to a key, and one that was is refused.
	Proofs *dpop.Checker
	// RevocationWait is how long the answer to a revocation waits at most for the gateways to confirm that they know; 0: not
	// at all.
	RevocationWait time.Duration
	// AdminToken is the bearer token of the admin API; empty leaves it open to whoever reaches it.
	AdminToken string
	// IgnoreUnknownFields makes the admin API ignore fields of a client that it does not know, or that do not change, as
	// oauth2server did. The log says so. They are refused without it.
	IgnoreUnknownFields bool
	// TrustedOrigins are those of other sites whose forms may sign a user in, as browsers send them: https://app.example.
	// browser.ValidateTrustedOrigin says which can be.
	TrustedOrigins []string
	// OnIssued, when not nil, is told of each answer that holds an access token, before it is sent. ctx is that of the
	// request. It must not block.
	OnIssued func(ctx context.Context, issued Issued)

	Log *slog.Logger     // slog.Default when nil
	Now func() time.Time // time.Now when nil
}

func (c Config) withDefaults() Config {
	for lifespan, usual := range map[*time.Duration]time.Duration{
		&c.CodeLifespan:      10 * time.Minute,
		&c.AccessLifespan:    2 * time.Hour,
		&c.MaxAccessLifespan: keyring.LongestToken,
		&c.RefreshLifespan:   720 * time.Hour,
		&c.PushedLifespan:    time.Minute,
		&c.WellKnownMaxAge:   defaultWellKnownMaxAge,
		&c.SessionIdle:       24 * time.Hour,
		&c.SessionAbsolute:   720 * time.Hour,
		&c.KeepUnused:        24 * time.Hour,
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
	if c.Now == nil {
		c.Now = time.Now
	}
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
	complain(c.PushedLifespan < time.Second || c.PushedLifespan%time.Second != 0,
		"the lifespan of pushed requests %v must be whole seconds", c.PushedLifespan)
	complain(c.CodeLifespan < 0 || c.RefreshLifespan < 0 || c.RefreshGrace < 0, "lifespans must not be negative")
	for _, origin := range c.TrustedOrigins {
		err := browser.ValidateTrustedOrigin(origin)
		complain(err != nil, "the trusted origin %w", err)
	}
	complain(c.SessionIdle < time.Second || c.SessionAbsolute < c.SessionIdle,
		"a session must be able to last a second, and not be idle for longer than it lasts")
	complain(c.KeepUnused < time.Hour, "a client that has registered itself must be kept for an hour")
	if c.Registration != nil {
		complain(c.Registration.MaxUnused < 0, "the most clients that no user has allowed anything must not be negative")
		for _, name := range c.Registration.Scopes {
			_, known := c.Scopes[name]
			complain(!known, "clients that register themselves cannot have the scope %q, which no route has", name)
		}
	}
	complain(c.MaxGrants < 0 || c.MaxRevokedTokens < 0, "bounds must not be negative")
	complain(len(c.RefreshSecret) < minRefreshSecret, "the refresh secret must have at least %d bytes", minRefreshSecret)
	for name, risk := range c.Risks {
		complain(risk != Read && risk != Write && risk != Spend, "the risk of scope %s is %q, want %s, %s or %s", name, risk, Read, Write, Spend)
	}
	complain(len(c.SpendUnits) > 0 && c.Budgets == nil, "scopes that spend need budgets")
	complain(c.Registry == nil || c.Denylist == nil, "registry and denylist are required")
	complain(c.Keyring == nil || c.Keyring.Ring() == nil, "a keyring is required that was opened")
	return errors.Join(problems...)
}

// peerOf is the other end of the request's connection.
func peerOf(r *http.Request) netip.Addr {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil { // a listener that is no network's
		return netip.Addr{}
	}
	return peer.Addr().Unmap()
}
