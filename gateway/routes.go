package gateway

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"gatehouse/gateway/internal/credential"
	"gatehouse/gateway/internal/handshake"
	"gatehouse/gateway/internal/header"
	"gatehouse/gateway/internal/routing"
	"gatehouse/gateway/internal/upstream"
	"gatehouse/gateway/payment"
)

// Route lets requests pass to an upstream. This is the form of the configuration; New compiles it.
type Route struct {
	// Path is a template such as /invoices/{payment_hash}. A parameter is one whole segment that is not empty. With a
	// pattern, /invoices/{payment_hash:[0-9a-f]{64}}, it is what matches that as a whole after percent-decoding, perhaps
	// within a segment (/x-{y}), or, where the pattern can match a slash, with all that follows (/files/{rest:.*}).
	//
	// Of several paths the one wins that says more, segment by segment from the left: a literal, then a pattern, by the
	// order of the routes, then a parameter, then a pattern for the rest.
	Path    string   `yaml:"path" json:"path"`
	Methods []string `yaml:"methods" json:"methods"`
	// Origin is an http or https URL. Its path, if any, is put before the request's.
	Origin string `yaml:"origin" json:"origin"`
	// Scope is what the token must carry. A public route may do without one.
	Scope       string `yaml:"scope" json:"scope"`
	Description string `yaml:"description" json:"description"`
	// Risk is what the scope lets an application do with the route, as users are told before they allow it: Read, Write or Spend.
	// Empty leaves it to what methods and path tell.
	Risk string `yaml:"risk" json:"risk"`
	// Resource is the one that the route belongs to, by its name in the configuration, so that it takes tokens for that alone. Empty is
	// the issuer's own.
	Resource string `yaml:"resource" json:"resource"`
	// Credential is how the upstream learns who the caller is: lndhub, forward, headers or none.
	Credential string `yaml:"credential" json:"credential"`
	// CredentialIn is where the credentials lndhub and forward go: query:<parameter> or header:<name>, and Authorization, after
	// the word Bearer, when it is empty. What callers send there themselves does not pass.
	CredentialIn string `yaml:"credential_in" json:"credential_in"`
	// Public routes need no token. One that is sent must still be good, and must carry the scope, if the route has one, where
	// the credential tells the upstream whose it is.
	Public bool `yaml:"public" json:"public"`
	// DPoP is "required" where only tokens pass that are bound to a key (RFC 9449). Elsewhere such a token needs its proof, and a
	// bearer token passes.
	DPoP string `yaml:"dpop" json:"dpop"`
	// DropHeaders are fields of the caller's that never reach the upstream, besides those that never do anyway: names, or
	// beginnings of names with a * at the end. It is for fields by which the upstream would take a caller for somebody.
	DropHeaders []string `yaml:"drop_headers" json:"drop_headers"`
	// OnUnavailable is deny or allow: what happens to a request when it cannot be told whether its token was revoked.
	// Empty means Config.OnUnavailable.
	OnUnavailable string `yaml:"on_unavailable" json:"on_unavailable"`
	// Timeout bounds the whole exchange with the upstream, from waiting for a connection to the last byte of the answer.
	// Zero means no bound: answers may be streams without an end.
	Timeout time.Duration `yaml:"timeout" json:"timeout"`
	// MaxBody is the largest request body, in bytes. Zero means Config.MaxBody, NoLimit none.
	MaxBody int `yaml:"max_body" json:"max_body"`

	// The rest takes the place of what Upstreams has under the same name, unless it is zero.

	ConnectTimeout   time.Duration `yaml:"connect_timeout" json:"connect_timeout"`
	FirstByteTimeout time.Duration `yaml:"first_byte_timeout" json:"first_byte_timeout"`
	IdleTimeout      time.Duration `yaml:"idle_timeout" json:"idle_timeout"`
	MaxConns         int           `yaml:"max_conns" json:"max_conns"`
	ConnWait         time.Duration `yaml:"conn_wait" json:"conn_wait"`
	CAFile           string        `yaml:"ca_file" json:"ca_file"`

	MaxConnsPerUser      int `yaml:"max_conns_per_user" json:"max_conns_per_user"`
	MaxWebSockets        int `yaml:"max_websockets" json:"max_websockets"`
	MaxWebSocketsPerUser int `yaml:"max_websockets_per_user" json:"max_websockets_per_user"`

	// WebSocket lets requests of GET open one, after they were authorized like every other. It is closed when its token is
	// no longer good, and takes one of MaxWebSockets until then. Timeout does not hold for it, and IdleTimeout only where the
	// route itself has one: many are silent for hours. Without WebSocket a request that wants one is an ordinary request.
	WebSocket bool `yaml:"websocket" json:"websocket"`
	// TokenFrom is where a WebSocket may bring its token besides Authorization: query:<parameter>, subprotocol.
	TokenFrom []string `yaml:"token_from" json:"token_from"`
	// AllowedOrigins are those whose pages may open a WebSocket, as browsers write them. None means all of them: a page can
	// send no token that it was not given.
	AllowedOrigins []string `yaml:"allowed_origins" json:"allowed_origins"`

	// Spend is what requests of the route spend; nil: nothing.
	Spend *Spending `yaml:"spend" json:"spend"`

	// MCP is for a route that leads to an MCP server; nil: it leads to none that the gateway knows of.
	MCP *MCP `yaml:"mcp" json:"mcp"`

	// FromTargets is for the routes of ParseTargets, which are served as oauth2server serves them: of several the first wins
	// that has the path and the method, the word Bearer may be missing before a token, and answers may take their time. One
	// without methods serves nothing.
	FromTargets bool `yaml:"-" json:"-"`
}

// name is the route for the log, and in the ledger of budgets.
func (r *Route) name() string { return strings.Join(r.Methods, ",") + " " + r.Path }

// What OnUnavailable can be.
const (
	Deny  = "deny"
	Allow = "allow"
)

// Scopes returns what the routes' scopes are called: scope to description, for the authorization server. Where routes
// share a scope the last description counts, as oauth2server had it, and that of a route's own scope before those of MCP.
func Scopes(routes []Route) map[string]string {
	scopes := make(map[string]string)
	for _, r := range routes {
		for _, scope := range r.mcpScopes() {
			scopes[scope] = cmp.Or(r.MCP.Scopes[scope].Description, scopes[scope])
		}
	}
	for _, r := range routes {
		if r.Scope != "" {
			scopes[r.Scope] = r.Description
		}
	}
	return scopes
}

// rule is a Route compiled to what a request needs.
type rule struct {
	index int    // in Config.Routes
	name  string // for the log
	// fromTargets is Route.FromTargets.
	fromTargets bool
	scope       string
	public      bool
	// demandsScope is of a token, where there is one.
	demandsScope bool
	allows       bool // goes on when the denylist cannot tell
	credential   *credential.Credential
	hub          *credential.Hub // nil for other credentials than lndhub
	headers      header.Rules
	basePath     string
	upstream     *destination
	timeout      time.Duration // of the exchange; 0: none
	maxBody      int64         // -1: no limit
	boundOnly    bool          // only tokens that are bound to a key
	noToken      *refusal
	noScope      *refusal
	audience     audience
	webSocket    *webSocketRule // nil where there is none
	spend        *payment.Terms // nil: nothing
	mcp          *mcpRule       // nil: nothing depends on what messages ask for
	// streamsEvents lets answers of server-sent events be silent.
	streamsEvents bool
}

// terms are all those of what its requests spend.
func (r *rule) terms() (all []*payment.Terms) {
	if r.spend != nil {
		all = append(all, r.spend)
	}
	if r.mcp != nil {
		for _, of := range r.mcp.prices {
			if of.terms != nil {
				all = append(all, of.terms)
			}
		}
	}
	return all
}

// webSocketRule is what a rule says about WebSockets.
type webSocketRule struct {
	tokenFrom   tokenSources
	origins     handshake.Origins
	idleTimeout time.Duration // 0 for none
}

// compile turns routes into the tree of rules, and returns these. The error joins every problem of every route.
func (g *Gateway) compile(routes []Route, config *Config) ([]*rule, error) {
	var problems []error
	rules := make([]*rule, 0, len(routes))
	for i, route := range routes {
		problem := func(format string, args ...any) {
			what := fmt.Errorf(format, args...)
			problems = append(problems, fmt.Errorf("route %d (%s %s): %w", i+1, strings.Join(route.Methods, ","), route.Path, what))
		}
		r := g.compileRule(route, config, problem)
		r.index = i
		for _, terms := range r.terms() {
			terms.Index = i
		}
		rules = append(rules, r)
		template, err := routing.ParseTemplate(route.Path)
		if err != nil {
			problem("%w", err)
		}
		if len(route.Methods) == 0 && !route.FromTargets {
			problem("no methods")
		}
		var methods []Method
		for _, name := range route.Methods {
			m := MethodNamed(name)
			if m == OtherMethod {
				problem("unknown method %q, want one of %s", name, strings.Join(routing.MethodNames(), ", "))
				continue
			}
			methods = append(methods, m)
		}
		if err != nil {
			continue
		}
		for _, taken := range g.routes.Add(template, methods, r, r.fromTargets) {
			problem("%s of this path is routed already", taken)
		}
	}
	g.routes.Finish(methodRefusal)
	return rules, errors.Join(append(problems, checkUnits(routes))...)
}

func (g *Gateway) compileRule(route Route, config *Config, problem func(string, ...any)) *rule {
	r := &rule{
		name:         route.name(),
		fromTargets:  route.FromTargets,
		scope:        route.Scope,
		public:       route.Public,
		demandsScope: !route.Public || route.Scope != "" && route.Credential != credential.None,
		timeout:      route.Timeout,
		maxBody:      int64(cmp.Or(route.MaxBody, config.MaxBody)),
		noToken:      errMissingToken,
		noScope:      scopeRefusal(route.Scope),
	}
	if config.Resources != nil {
		if of, ok := config.Resources.Of(route.Resource); ok {
			r.audience = newAudience(of, route)
		} else {
			problem("there is no resource %q", route.Resource)
		}
	}
	switch route.DPoP {
	case "":
	case DPoPRequired:
		r.boundOnly, r.noToken = true, errNoBoundToken
	default:
		problem("dpop is %q, want required", route.DPoP)
	}
	switch {
	case route.Scope == "" && !route.Public:
		problem("no scope, and not public")
	case !isScopeToken(route.Scope):
		problem("bad scope %q", route.Scope)
	}
	if route.Risk != "" && !slices.Contains(risks, route.Risk) {
		problem("risk is %q, want %s", route.Risk, strings.Join(risks, ", "))
	}
	for _, bound := range []struct {
		name  string
		value time.Duration
	}{
		{"timeout", route.Timeout}, {"connect_timeout", route.ConnectTimeout}, {"first_byte_timeout", route.FirstByteTimeout},
		{"idle_timeout", route.IdleTimeout}, {"conn_wait", route.ConnWait},
	} {
		if bound.value < 0 {
			problem("negative %s", bound.name)
		}
	}
	for _, bound := range []struct {
		name  string
		value int
	}{
		{"max_conns", route.MaxConns}, {"max_conns_per_user", route.MaxConnsPerUser},
		{"max_websockets", route.MaxWebSockets}, {"max_websockets_per_user", route.MaxWebSocketsPerUser},
	} {
		if bound.value < 0 {
			problem("negative %s", bound.name)
		}
	}
	if route.MaxBody < NoLimit {
		problem("max_body is %d, want a size, 0 for the default or -1 for no limit", route.MaxBody)
	}
	switch cmp.Or(route.OnUnavailable, config.OnUnavailable) {
	case Allow:
		r.allows = true
	case Deny:
	default:
		problem("on_unavailable is %q, want deny or allow", route.OnUnavailable)
	}
	var err error
	if r.webSocket, err = compileWebSocket(route); err != nil {
		problem("%w", err)
	}
	if r.headers, err = header.NewRules(config.Via, config.TrustedProxyHeaders, route.DropHeaders); err != nil {
		problem("%w", err)
	}
	place, err := credential.ParsePlace(route.CredentialIn, route.Credential)
	if err != nil {
		problem("%w", err)
	}
	r.headers.Drop(place.Field())
	r.credential, err = credential.New(credential.Config{Name: route.Credential, In: place, Secret: config.JWTSecret, Now: config.Now})
	if err != nil {
		problem("%w", err)
	}
	origin, basePath, err := upstream.ParseOrigin(route.Origin)
	if err != nil {
		problem("%w", err)
		return r
	}
	r.basePath = basePath
	if route.MCP == nil {
		r.spend = compileSpending(route, basePath, config.Upstreams, problem)
	}
	if r.spend != nil {
		if r.maxBody > maxSpendingBody || r.maxBody == NoLimit {
			r.maxBody = maxSpendingBody
		}
		r.headers.Drop("accept-encoding") // the answer has to be read
	}
	r.streamsEvents = route.MCP != nil && route.IdleTimeout == 0
	if r.mcp = compileMCP(route, basePath, config.Upstreams, problem); r.mcp != nil && (r.maxBody > maxMessage || r.maxBody == NoLimit) {
		r.maxBody = maxMessage
	}
	if route.Credential == credential.LNDHub {
		r.hub = g.hubAt(origin)
	}
	if route.MaxConns < 0 {
		return r
	}
	if r.upstream, err = g.destinationAt(origin, upstreamsOf(&route, config.Upstreams)); err != nil {
		problem("%w", err)
	}
	return r
}

func compileWebSocket(route Route) (*webSocketRule, error) {
	if !route.WebSocket {
		if len(route.TokenFrom) > 0 || len(route.AllowedOrigins) > 0 {
			return nil, errors.New("token_from and allowed_origins are for WebSockets, and websocket is not true")
		}
		return nil, nil
	}
	if !slices.Contains(route.Methods, routing.Get.String()) {
		return nil, errors.New("a WebSocket is opened with GET, which is not among the methods")
	}
	tokenFrom, tokenErr := parseTokenSources(route.TokenFrom)
	origins, originErr := handshake.ParseOrigins(route.AllowedOrigins)
	return &webSocketRule{tokenFrom, origins, route.IdleTimeout}, errors.Join(tokenErr, originErr)
}

// isScopeToken holds for the scope-token of RFC 6749 section 3.3, and for no scope at all.
func isScopeToken(scope string) bool {
	for i := range len(scope) {
		if b := scope[i]; b <= ' ' || b >= 0x7f || b == '"' || b == '\\' {
			return false
		}
	}
	return true
}
