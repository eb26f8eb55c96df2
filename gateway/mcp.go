package gateway

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"gatehouse/gateway/internal/header"
	"gatehouse/gateway/internal/mcp"
	"gatehouse/keys"
)

// MCP says that the upstream of a route is an MCP server, and what its clients need beyond the route's own scope. Its streams of events
// may be silent for as long as their token is good.
type MCP struct {
	// Tools and Methods are the scopes that calls of a tool, and messages of a method, need; the name "*" is for those that are not
	// listed. With either, every message is read before it is sent.
	Tools   map[string]string `yaml:"tools" json:"tools"`
	Methods map[string]string `yaml:"methods" json:"methods"`
	// Prices are what a call of a tool costs, in the unit of the route's Spend, and 0 nothing; the name "*" is for tools that are not listed.
	Prices map[string]int64 `yaml:"prices" json:"prices"`
	// Scopes describes those of the scopes above that no route has as its own.
	Scopes map[string]ScopeText `yaml:"scopes" json:"scopes"`
}

// ScopeText is what users are told of a scope.
type ScopeText struct {
	Description string `yaml:"description" json:"description"`
	// Risk is as that of a Route; empty is Write.
	Risk string `yaml:"risk" json:"risk"`
}

// others is the name of what is not listed.
const others = "*"

// maxMessage is how much is read of a message, where messages are read.
const maxMessage = 1 << 20

// mcpScopes are what messages may need beyond the route's own scope, each once.
func (r *Route) mcpScopes() []string {
	if r.MCP == nil {
		return nil
	}
	scopes := slices.AppendSeq(slices.Collect(maps.Values(r.MCP.Tools)), maps.Values(r.MCP.Methods))
	slices.Sort(scopes)
	return slices.Compact(scopes)
}

// mcpRule is a route's MCP compiled to what a message needs, and costs. None of its maps changes.
type mcpRule struct {
	methods, tools map[string]*need
	prices         map[string]*price
}

// need is the scopes that a message needs beyond the route's own, and the answer to a token that lacks one.
type need struct {
	scopes  []string
	refused *refusal
}

// compileMCP returns nil where nothing depends on messages.
func compileMCP(route Route, basePath string, upstreams Upstreams, problem func(string, ...any)) *mcpRule {
	of := route.MCP
	if of == nil {
		return nil
	}
	for _, check := range []struct {
		holds bool
		text  string
	}{
		{route.Public && (route.mcpScopes() != nil || of.Prices != nil), "a public route has no token whose scopes could be compared"},
		{route.WebSocket, "messages in a WebSocket are not read"},
		{!slices.Contains(route.Methods, fasthttp.MethodPost), "messages come with POST, which is not among the methods"},
	} {
		if check.holds {
			problem("mcp: %s", check.text)
		}
	}
	for kind, listed := range map[string]map[string]string{"tools": of.Tools, "methods": of.Methods} {
		names := slices.Sorted(maps.Keys(listed))
		checkNames(kind, names, problem)
		for _, name := range names {
			if scope := listed[name]; scope == "" || !isScopeToken(scope) {
				problem("mcp.%s: bad scope %q of %s", kind, scope, name)
			}
		}
	}
	checkNames("prices", slices.Sorted(maps.Keys(of.Prices)), problem)
	prices := compilePrices(route, basePath, upstreams, problem)
	needed := route.mcpScopes()
	for _, scope := range slices.Sorted(maps.Keys(of.Scopes)) {
		if !slices.Contains(needed, scope) {
			problem("mcp.scopes: no tool and no method needs %s", scope)
		}
		if risk := of.Scopes[scope].Risk; risk != "" && !slices.Contains(risks, risk) {
			problem("mcp.scopes: risk of %s is %q, want %s", scope, risk, strings.Join(risks, ", "))
		}
	}
	if len(needed) == 0 && prices == nil {
		return nil
	}
	rule := &mcpRule{methods: make(map[string]*need), tools: make(map[string]*need), prices: prices}
	for name, scope := range of.Methods {
		rule.methods[name] = newNeed(route, scope)
	}
	calling := cmp.Or(of.Methods[mcp.CallTool], of.Methods[others])
	for name, scope := range of.Tools {
		rule.tools[name] = newNeed(route, calling, scope)
	}
	if rule.methods[mcp.CallTool] == nil && len(rule.tools)+len(prices) > 0 {
		rule.methods[mcp.CallTool] = newNeed(route, calling) // so that nothing is taken for it
	}
	return rule
}

func checkNames(kind string, names []string, problem func(string, ...any)) {
	for i, name := range names {
		if !isListable(name) {
			problem("mcp.%s: %q is no name, want visible ASCII characters or *", kind, name)
		}
		for _, other := range names[:i] {
			if strings.EqualFold(other, name) {
				problem("mcp.%s: %s and %s differ only in case", kind, other, name)
			}
		}
	}
}

func isListable(name string) bool {
	return name != "" && len(name) <= 200 && !strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' })
}

func newNeed(route Route, scopes ...string) *need {
	n := &need{}
	for _, scope := range scopes {
		if scope != "" && scope != route.Scope && !slices.Contains(n.scopes, scope) {
			n.scopes = append(n.scopes, scope)
		}
	}
	all := strings.TrimSpace(route.Scope + " " + strings.Join(n.scopes, " "))
	n.refused = newRefusal(fiber.StatusForbidden, "insufficient_scope", fmt.Sprintf("This needs an access token with the scopes %s.", all)).
		challenged(realm + `, error="insufficient_scope", scope="` + all + `"`).judged(Insufficient)
	return n
}

// check holds a message to the scopes of its token.
func (m *mcpRule) check(asked mcp.Message, claims *keys.Claims) error {
	needed, err := find(m.methods, asked.Method)
	if asked.Tool != "" && err == nil {
		var ofTool *need
		if ofTool, err = find(m.tools, asked.Tool); ofTool != nil {
			needed = ofTool // which has what every call needs
		}
	}
	if err != nil || needed == nil {
		return err
	}
	for _, scope := range needed.scopes {
		if !claims.HasScope(scope) {
			return needed.refused
		}
	}
	return nil
}

// find returns what something needs, or costs; nil is nothing. A name that differs from a listed one only in case is refused: the upstream might
// not care about that.
func find[V any](in map[string]*V, name string) (*V, error) {
	if name == "" {
		return nil, nil
	}
	if needed := in[name]; needed != nil && name != others {
		return needed, nil
	}
	for listed := range in {
		if strings.EqualFold(listed, name) && listed != others {
			return nil, errNearlyListed
		}
	}
	return in[others], nil
}

// beginMessage reads the whole body and what it asks for, and puts what is sent into r.head: the bytes that were read, and no others.
func (r *request) beginMessage(g *Gateway, to *rule, from header.Peer) (waited bool, err error) {
	body, waited, err := r.readWhole()
	if err != nil {
		return false, err
	}
	contentType, _ := r.fields.Only("content-type")
	_, isEncoded := r.fields.Get("content-encoding")
	asked, err := mcp.Read(&mcp.Request{Body: body, ContentType: string(contentType), IsEncoded: isEncoded, Header: r.countField})
	if err != nil {
		return false, unreadableMessage(err)
	}
	if err := to.mcp.check(asked, r.seen.Claims); err != nil {
		return false, err
	}
	cost, err := find(to.mcp.prices, asked.Tool)
	if err == nil {
		err = r.beginCall(g, cost, body)
	}
	if err != nil {
		return false, err
	}
	return waited, r.appendWhole(to, from, body)
}

var errNearlyListed = unreadableMessage(mcp.Unreadable("The name of the method or tool differs only in case from one that is known here."))

// unreadableMessage says what is wrong, and quotes nothing of the request.
func unreadableMessage(why error) *refusal {
	return newRefusal(fiber.StatusBadRequest, "unreadable_message", "What the message asks for cannot be told. "+why.Error())
}

// bringsMessage holds for a request whose body an MCP server might read.
func (r *request) bringsMessage() bool {
	return string(r.method) == fasthttp.MethodPost || !r.body.HasEnded()
}
