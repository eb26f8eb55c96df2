package gateway

import (
	"bytes"
	"errors"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"gatehouse/gateway/internal/credential"
	"gatehouse/gateway/resource"
	"gatehouse/keys"
)

// NewResources finds out which of the routes belong to which resource. The error joins every problem, with the name of the resource or
// the number of the route. issuerName is what the service is called.
func NewResources(issuer, issuerName string, resources map[string]resource.Settings, routes []Route) (*resource.Set, error) {
	seen := make([]resource.Route, len(routes))
	for i, r := range routes {
		seen[i] = resource.Route{
			Path: r.Path, Methods: r.Methods, IsOrdered: r.FromTargets, Scope: r.Scope, MoreScopes: r.mcpScopes(), Resource: r.Resource,
			BoundOnly: r.DPoP == DPoPRequired,
		}
	}
	return resource.New(issuer, issuerName, resources, seen)
}

var (
	errWrongAudience = tokenRefusal("The access token is for another resource.").judged(WrongClaims)
	// errSharedToken answers a token that the upstream, who gets it, could use elsewhere.
	errSharedToken = tokenRefusal("The access token is for several resources, and would be passed on here. Get one for this one alone.").
			judged(WrongClaims)
)

// audience is whose tokens a rule takes: those for its resource (RFC 8707 section 2), whatever else they are good for.
type audience struct {
	url string // empty: any that the verifier accepts
	// isForwarded says that the upstream gets the token.
	isForwarded bool
	// more is added to every challenge (RFC 9728 section 5.1), and before it, where there was no token, which scope one needs.
	scope, more string
}

func newAudience(of resource.Resource, route Route) audience {
	a := audience{url: of.URL, isForwarded: route.Credential == credential.Forward, more: `, resource_metadata="` + of.MetadataURL + `"`}
	if route.Scope != "" {
		a.scope = `, scope="` + route.Scope + `"`
	}
	return a
}

func (a *audience) check(claims *keys.Claims) error {
	switch {
	case a.url == "":
		return nil
	case !claims.IsFor(a.url):
		return errWrongAudience
	case a.isForwarded && len(claims.Audience) > 1:
		return errSharedToken
	}
	return nil
}

// challenge says in an answer that asks for another token where to learn how to get it.
func (a *audience) challenge(response *fasthttp.Response, refused *refusal) {
	if a.url == "" || refused.challenge == "" {
		return
	}
	var room [512]byte
	said := append(room[:0], refused.challenge...)
	if refused.verdict == Missing {
		said = append(said, a.scope...)
	}
	response.Header.SetBytesV(fiber.HeaderWWWAuthenticate, append(said, a.more...))
}

// checkResources refuses routes whose audience nobody could check.
func (c *Config) checkResources() error {
	for _, r := range c.Routes {
		if r.Resource != "" && c.Resources == nil {
			return errors.New("a route has a resource, and there are none")
		}
	}
	return nil
}

// beside is the handler of a request target that no route can have; nil where there is none.
func (g *Gateway) beside(target []byte) fasthttp.RequestHandler {
	first := firstSegment(target)
	if g.metadata != nil && bytes.Equal(first, wellKnown) && resource.IsDocument(target) {
		return g.metadata
	}
	return g.reserved[string(first)]
}

var wellKnown = []byte(".well-known")
