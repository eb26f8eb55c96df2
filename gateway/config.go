package gateway

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/valyala/fasthttp"

	"gatehouse/denylist"
	"gatehouse/gateway/internal/credential"
	"gatehouse/gateway/internal/header"
	"gatehouse/gateway/internal/opaque"
	"gatehouse/gateway/internal/routing"
	"gatehouse/gateway/internal/upstream"
	"gatehouse/gateway/payment"
	"gatehouse/gateway/resource"
)

// Config is what a Gateway is made from. Verifier and Denylist are required where there are routes; without any there is
// only what is mounted beside them.
type Config struct {
	Routes   []Route
	Verifier TokenVerifier
	Denylist denylist.Checker
	// OnUnavailable is deny (the default) or allow, for routes that do not say.
	OnUnavailable string
	// JWTSecret is shared with lndhub.go; the credential lndhub is signed with it.
	JWTSecret []byte
	// TrustedProxies are believed where a caller comes from. Who the caller is says the token alone.
	TrustedProxies TrustedProxies
	// TrustedProxyHeaders are more fields about a caller's connection that pass from TrustedProxies: those of
	// X-Forwarded-For, -Host, -Proto and X-Real-Ip pass anyway.
	TrustedProxyHeaders []string
	// Via is the gateway's name in the Via field of requests to upstreams (RFC 9110 section 7.6.3). A request that has it
	// more often than five times goes in a circle and is refused. Empty means no such field and no such refusal.
	Via string
	// MaxBody is the largest request body of routes that do not say, in bytes. Zero means 4 MiB, NoLimit none.
	MaxBody   int
	Upstreams Upstreams
	// Log hears of upstreams that fail and of a denylist that cannot tell. Nil means nobody does.
	Log *slog.Logger
	// Now is time.Now when nil.
	Now func() time.Time

	// Reserved are the handlers beside the gateway, by the first segment of their paths, which no route can have. They see
	// only requests with one meaning, with whatever method.
	Reserved map[string]fasthttp.RequestHandler
	// Start answers a browser that asks for "/" where no route does; nil: nobody does.
	Start fasthttp.RequestHandler
	// CORS is for the routes, and for the SharedEndpoints: paths of handlers beside the gateway, with the methods of each as
	// Allow lists them. Other reserved paths have no part in it.
	CORS            CORS
	SharedEndpoints map[string]string

	// Resources says which resource each route belongs to; a route takes tokens for that alone. Nil: there are none, and a route takes
	// whatever Verifier accepts. ResourceMetadata answers for their documents; nil: nobody does.
	Resources        *resource.Set
	ResourceMetadata fasthttp.RequestHandler

	// OpaqueTokens are looked up where a token is no JWT; nil: there are none, and it is refused. Issuer is whose they count
	// as, and OpaqueCache how many of them are remembered.
	OpaqueTokens OpaqueTokens
	Issuer       string
	OpaqueCache  int

	// DPoP is for tokens that are bound to a key.
	DPoP DPoP

	// Ledger is asked before a request is sent that spends; required where a route does.
	Ledger payment.Ledger
	// LedgerTimeout bounds each question to it; zero means 5 seconds.
	LedgerTimeout time.Duration
	// OnSpent is told once of each request that spends, by many at once: it must not block. Nil: nobody is.
	OnSpent func(payment.Spent)

	// Uses is told which grants were used, and on which day; nil: nobody is.
	Uses UseReporter

	// Observer and Tracer cost nothing when nil. Without a Tracer the caller's traceparent and tracestate pass.
	Observer Observer
	Tracer   Tracer
}

// OpaqueTokens finds what tokens stand for that are no JWTs.
type OpaqueTokens = opaque.Tokens

// NoLimit lets bodies be of any size.
const NoLimit = -1

const (
	defaultMaxBody       = 4 << 20
	defaultLedgerTimeout = 5 * time.Second
)

func (c *Config) setDefaults() error {
	c.MaxBody = cmp.Or(c.MaxBody, defaultMaxBody)
	c.Upstreams.SetDefaults()
	c.OnUnavailable = cmp.Or(c.OnUnavailable, Deny)
	c.LedgerTimeout = cmp.Or(c.LedgerTimeout, defaultLedgerTimeout)
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	var problems []error
	if len(c.Routes) > 0 && (c.Verifier == nil || c.Denylist == nil) {
		problems = append(problems, errors.New("gateway needs a token verifier and a denylist"))
	}
	if c.Ledger == nil && slices.ContainsFunc(c.Routes, func(r Route) bool { return r.Spend != nil }) {
		problems = append(problems, errors.New("a route spends, and there is no ledger to ask"))
	}
	problems = append(problems, c.checkResources())
	for first := range c.Reserved {
		if !routing.IsReserved([]byte(first)) {
			problems = append(problems, fmt.Errorf("%q is for routes, and for no handler beside the gateway", first))
		}
	}
	if c.OnUnavailable != Deny && c.OnUnavailable != Allow {
		problems = append(problems, fmt.Errorf("on_unavailable is %q, want deny or allow", c.OnUnavailable))
		c.OnUnavailable = Deny
	}
	return errors.Join(problems...)
}

// Validate returns the error that New would return for these routes. jwtSecret may be any that is not empty where only
// its presence is known. Files that are named are read.
func Validate(routes []Route, upstreams Upstreams, jwtSecret []byte) error {
	upstreams.SetDefaults()
	config := Config{JWTSecret: jwtSecret, OnUnavailable: Deny, Upstreams: upstreams}
	g := &Gateway{destinations: make(map[shared]*destination), hubs: make(map[upstream.Origin]*credential.Hub)}
	_, err := g.compile(routes, &config)
	return err
}

// ValidateTrustedProxyHeaders joins what is wrong with each name.
func ValidateTrustedProxyHeaders(names []string) error { return header.ValidateFromProxies(names) }

// ValidateVia tells what is wrong with a name for Via.
func ValidateVia(name string) error { return header.ValidateVia(name) }
