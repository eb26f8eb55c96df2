package gateway

import (
	"bytes"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"gatehouse/gateway/internal/http1"
)

// CORS lets pages of other origins use the API from a browser (the Fetch standard, section 3.3). Their requests carry a
// token that the page has, never what the browser itself knows of a user: credentials are not allowed.
type CORS struct {
	// Origins are exact, scheme://host[:port], or the one word "*" for all. None turns CORS off.
	Origins []string `yaml:"origins"`
	// Headers are those that requests may have besides Authorization and Content-Type.
	Headers []string `yaml:"headers"`
	// ExposedHeaders are those of an answer that pages may read besides WWW-Authenticate, X-Request-Id, Retry-After and
	// the ones that they always may.
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
		} else if origin != anyOrigin && !isOrigin(origin) {
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

// isOrigin holds for the one spelling that a browser sends: lower case, no default port, no slash at the end.
func isOrigin(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme+"://"+u.Host != text || strings.ToLower(text) != text {
		return false
	}
	isDefault := u.Scheme == "http" && u.Port() == "80" || u.Scheme == "https" && u.Port() == "443"
	return u.Hostname() != "" && !strings.HasSuffix(text, ":") && !isDefault && !strings.ContainsAny(u.Host, "*@, ")
}

// sharing is a CORS compiled to what an answer needs.
type sharing struct {
	gateway   *Gateway
	endpoints map[string]string // the methods of what others mount, by path
	origins   map[string]bool   // nil: any
	headers   string
	exposed   string
	maxAge    string
}

// ShareWithOrigins adds CORS to next, the handler of a whole server: to the gateway's routes, and to the endpoints, which
// are the paths of handlers that others mount, with the methods of each. It answers preflight requests itself, before
// anybody asks them for a token. Other paths under a name that the gateway leaves to others have no part in it. A nil
// Gateway has no routes.
func (g *Gateway) ShareWithOrigins(c CORS, endpoints map[string]string, next fasthttp.RequestHandler) fasthttp.RequestHandler {
	if len(c.Origins) == 0 {
		return next
	}
	s := &sharing{
		gateway:   g,
		endpoints: endpoints,
		headers:   strings.Join(append([]string{fiber.HeaderAuthorization, fiber.HeaderContentType}, c.Headers...), ", "),
		exposed: strings.Join(append([]string{fiber.HeaderWWWAuthenticate, "X-Request-Id", fiber.HeaderRetryAfter},
			c.ExposedHeaders...), ", "),
		maxAge: strconv.Itoa(int(c.MaxAge / time.Second)),
	}
	if !slices.Contains(c.Origins, anyOrigin) {
		s.origins = make(map[string]bool, len(c.Origins))
		for _, origin := range c.Origins {
			s.origins[origin] = true
		}
	}
	return func(ctx *fasthttp.RequestCtx) {
		methods, takesPart := s.endpoint(ctx)
		if !takesPart {
			next(ctx)
			return
		}
		if !isPreflight(&ctx.Request.Header) || !s.answerPreflight(ctx, methods) {
			next(ctx)
			if methods == "" {
				dropSharing(&ctx.Response.Header)
			}
		}
		s.share(ctx)
	}
}

// endpoint returns the methods of an endpoint; they are empty for what is the gateway's.
func (s *sharing) endpoint(ctx *fasthttp.RequestCtx) (methods string, takesPart bool) {
	path, _, _ := bytes.Cut(ctx.Request.Header.RequestURI(), []byte{'?'})
	if methods, takesPart = s.endpoints[string(path)]; takesPart {
		return methods, true
	}
	first, _, _ := bytes.Cut(bytes.TrimPrefix(path, []byte{'/'}), []byte{'/'})
	return "", !isReserved(string(first))
}

func isPreflight(header *fasthttp.RequestHeader) bool {
	return string(header.Method()) == fasthttp.MethodOptions && len(header.Peek(fiber.HeaderOrigin)) > 0 &&
		len(header.Peek(fiber.HeaderAccessControlRequestMethod)) > 0
}

// answerPreflight reports whether there is something to allow; methods are those of an endpoint, or empty.
func (s *sharing) answerPreflight(ctx *fasthttp.RequestCtx, methods string) bool {
	r := acquireRequest()
	defer releaseRequest(r)
	if r.parse(ctx) != nil {
		return false
	}
	if methods == "" {
		if s.gateway == nil {
			return false
		}
		found := s.gateway.root.find(r.target.segments)
		if found == nil {
			return false
		}
		methods = found.wrongMethod.allow
	}
	if !s.allows(ctx.Request.Header.Peek(fiber.HeaderOrigin)) {
		answer(ctx, errOriginNotAllowed)
		return true
	}
	response := &ctx.Response
	response.SetStatusCode(fiber.StatusNoContent)
	response.Header.Set(fiber.HeaderAccessControlAllowMethods, methods)
	response.Header.Set(fiber.HeaderAccessControlAllowHeaders, s.headers)
	response.Header.Set(fiber.HeaderAccessControlMaxAge, s.maxAge)
	if ctx.Request.IsBodyStream() {
		response.SetConnectionClose()
	}
	return true
}

// share writes what a browser asks of every answer.
func (s *sharing) share(ctx *fasthttp.RequestCtx) {
	header := &ctx.Response.Header
	origin := []byte(anyOrigin)
	if s.origins != nil {
		header.Add(fiber.HeaderVary, fiber.HeaderOrigin)
		origin = ctx.Request.Header.Peek(fiber.HeaderOrigin)
		if !s.allows(origin) {
			return
		}
	}
	header.SetBytesV(fiber.HeaderAccessControlAllowOrigin, origin)
	header.Set(fiber.HeaderAccessControlExposeHeaders, s.exposed)
}

// dropSharing removes what an upstream says of CORS, which it does not know is done already.
func dropSharing(header *fasthttp.ResponseHeader) {
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

func (s *sharing) allows(origin []byte) bool { return s.origins == nil || s.origins[string(origin)] }
