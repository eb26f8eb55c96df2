package gateway

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"gatehouse/gateway/internal/http1"
	"gatehouse/gateway/internal/routing"
	"gatehouse/gateway/resource"
)

// CORS lets pages of other origins use the API from a browser (the Fetch standard, section 3.3). Their requests carry a
// token that the page has, never what the browser itself knows of a user: credentials are not allowed.
type CORS struct {
	// Origins are exact, scheme://host[:port], or the one word "*" for all. None turns CORS off.
	Origins []string `yaml:"origins"`
	// Headers are those that requests may have besides Authorization, Content-Type and DPoP.
	Headers []string `yaml:"headers"`
	// ExposedHeaders are those of an answer that pages may read besides WWW-Authenticate, X-Request-Id, Retry-After,
	// Unconfirmed-Gateways, DPoP-Nonce and the ones that they always may.
	ExposedHeaders []string `yaml:"exposed_headers"`
	// MaxAge is how long a browser may remember what it was allowed, in whole seconds.
	MaxAge time.Duration `yaml:"max_age"`
}

const anyOrigin = "*"

// ValidateCORS reports every problem of c at once.
func ValidateCORS(c CORS) error {
	var problems []error
	for _, origin := range c.Origins {
		if origin == anyOrigin && len(c.Origins) > 1 {
			problems = append(problems, errors.New(`the origin "*" is all of them, and has no others beside it`))
		} else if origin != anyOrigin && !http1.IsOrigin(origin) {
			problems = append(problems, fmt.Errorf("the origin %q is not of the form scheme://host[:port] that browsers send", origin))
		}
	}
	for _, name := range slices.Concat(c.Headers, c.ExposedHeaders) {
		if !http1.IsToken([]byte(name)) || name == "*" {
			problems = append(problems, fmt.Errorf("%q is not the name of a header", name))
		}
	}
	if c.MaxAge < 0 || c.MaxAge%time.Second != 0 {
		problems = append(problems, fmt.Errorf("max_age must be whole seconds of at least 0s, not %s", c.MaxAge))
	}
	return errors.Join(problems...)
}

// cors is a CORS compiled to what an answer needs. A nil one allows nothing.
type cors struct {
	endpoints map[string]string // the methods of what others mount, by path
	documents bool              // there are those of resources
	origins   map[string]bool   // nil: any
	headers   string
	exposed   string
	maxAge    string
}

// newCORS returns nil when no origin has a part in anything.
func newCORS(settings CORS, endpoints map[string]string, documents bool) *cors {
	if len(settings.Origins) == 0 {
		return nil
	}
	c := &cors{
		endpoints: endpoints,
		documents: documents,
		headers:   strings.Join(append([]string{fiber.HeaderAuthorization, fiber.HeaderContentType, "DPoP"}, settings.Headers...), ", "),
		exposed: strings.Join(append([]string{fiber.HeaderWWWAuthenticate, "X-Request-Id", fiber.HeaderRetryAfter, "Unconfirmed-Gateways", dpopNonceHeader},
			settings.ExposedHeaders...), ", "),
		maxAge: strconv.Itoa(int(settings.MaxAge / time.Second)),
	}
	if !slices.Contains(settings.Origins, anyOrigin) {
		c.origins = make(map[string]bool, len(settings.Origins))
		for _, origin := range settings.Origins {
			c.origins[origin] = true
		}
	}
	return c
}

// endpoint reports whether what is at uri has a part in CORS, and the methods of an endpoint that others mount; they are
// empty for what is the gateway's.
func (c *cors) endpoint(uri []byte) (methods string, hasCORS bool) {
	if c == nil {
		return "", false
	}
	path, _, _ := bytes.Cut(uri, []byte{'?'})
	if methods, hasCORS = c.endpoints[string(path)]; hasCORS {
		return methods, true
	}
	if c.documents && resource.IsDocument(path) {
		return "GET, HEAD", true
	}
	return "", !routing.IsReserved(firstSegment(path))
}

// isPreflight reports whether a browser asks what it may ask (the Fetch standard, section 3.3.2).
func (r *request) isPreflight() bool {
	if string(r.method) != fasthttp.MethodOptions {
		return false
	}
	origin, _ := r.fields.Get("origin")
	method, _ := r.fields.Get("access-control-request-method")
	return len(origin) > 0 && len(method) > 0
}

// allowedMethods are those of an endpoint, or of the route at the path of r; empty when there is none.
func (g *Gateway) allowedMethods(r *request, endpoint string) string {
	if endpoint != "" {
		return endpoint
	}
	wanted, _ := r.fields.Get("access-control-request-method")
	return g.routes.Allow(&r.target, wanted)
}

// answerPreflight is given before anybody asks for a token: a browser sends none with the question.
func (c *cors) answerPreflight(ctx *fasthttp.RequestCtx, r *request, methods string) error {
	if origin, _ := r.fields.Get("origin"); !c.allows(origin) {
		return errOriginNotAllowed
	}
	response := &ctx.Response
	response.SetStatusCode(fiber.StatusNoContent)
	response.Header.Set(fiber.HeaderAccessControlAllowMethods, methods)
	response.Header.Set(fiber.HeaderAccessControlAllowHeaders, c.headers)
	response.Header.Set(fiber.HeaderAccessControlMaxAge, c.maxAge)
	if ctx.Request.IsBodyStream() {
		response.SetConnectionClose()
	}
	return nil
}

// allow writes what a browser asks of every answer.
func (c *cors) allow(ctx *fasthttp.RequestCtx) {
	header := &ctx.Response.Header
	origin := []byte(anyOrigin)
	if c.origins != nil {
		header.Add(fiber.HeaderVary, fiber.HeaderOrigin)
		origin = ctx.Request.Header.Peek(fiber.HeaderOrigin)
		if !c.allows(origin) {
			return
		}
	}
	header.SetBytesV(fiber.HeaderAccessControlAllowOrigin, origin)
	header.Set(fiber.HeaderAccessControlExposeHeaders, c.exposed)
}

// dropCORS removes what an upstream says of CORS, which it does not know is done already.
func dropCORS(header *fasthttp.ResponseHeader) {
	const prefix = "Access-Control-"
	var names []string
	for name := range header.All() {
		if bytes.HasPrefix(name, []byte(prefix)) {
			names = append(names, string(name))
		}
	}
	for _, name := range names {
		header.Del(name)
	}
}

func (c *cors) allows(origin []byte) bool { return c.origins == nil || c.origins[string(origin)] }
