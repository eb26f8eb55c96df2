package gateway

import (
	"log/slog"
	"slices"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
)

// Refuse is mounted before every other handler of the public listener. It answers 400 to a request that two programs
// could read differently: an ambiguous path, two Authorization headers, a malformed header block. Everything after it,
// the OAuth endpoints included, sees only requests with one meaning.
func Refuse(c *fiber.Ctx) error {
	ctx := c.Context()
	r := acquireRequest()
	defer releaseRequest(r)
	if err := r.parse(ctx); err != nil {
		answer(ctx, refusalFor(slog.Default(), err))
		return nil
	}
	ctx.SetUserValue(parsed{}, r)
	defer ctx.RemoveUserValue(parsed{})
	return c.Next()
}

// parsed is the key of the request that Refuse has read.
type parsed struct{}

// OtherMethods answers requests whose method Fiber does not know and passes the rest to next, the handler of the Fiber
// server. Fiber itself would answer them in plain text, before any handler. The answer is 405 with Allow where a route has
// other methods, and 404 where nothing is. A nil Gateway has no routes: there is only what others mount.
//
// What others mount sees such a request with the method TRACE, which nobody has: Allow is theirs to say.
func (g *Gateway) OtherMethods(next fasthttp.RequestHandler) fasthttp.RequestHandler {
	return func(ctx *fasthttp.RequestCtx) {
		if slices.Contains(fiber.DefaultMethods, string(ctx.Method())) {
			next(ctx)
			return
		}
		refused, others := g.refuseMethod(ctx)
		if others {
			ctx.Request.Header.SetMethod(fasthttp.MethodTrace)
			next(ctx)
			return
		}
		answer(ctx, refused)
	}
}

// refuseMethod is the answer to a method that no route can have, or that the path is for others to answer.
func (g *Gateway) refuseMethod(ctx *fasthttp.RequestCtx) (_ *refusal, others bool) {
	r := acquireRequest()
	defer releaseRequest(r)
	err := r.parse(ctx)
	switch {
	case err != nil:
	case isReserved(string(r.target.segments[0])):
		return nil, true
	case g == nil:
		err = errNotFound
	default:
		_, err = g.root.match(r.method, r.target.segments)
	}
	return refusalFor(slog.Default(), err), false
}
