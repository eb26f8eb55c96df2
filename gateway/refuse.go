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
	if err := checkRequest(c.Context()); err != nil {
		answer(c.Context(), err)
		return nil
	}
	return c.Next()
}

func checkRequest(ctx *fasthttp.RequestCtx) *refusal {
	r := acquireRequest()
	defer releaseRequest(r)
	if err := r.parse(ctx); err != nil {
		return refusalFor(slog.Default(), err)
	}
	return nil
}

// OtherMethods answers requests whose method Fiber does not know (404, or 405 where the path is routed) and passes the
// rest to next, the handler of the Fiber server. Fiber itself would answer them in plain text, before any handler.
func (g *Gateway) OtherMethods(next fasthttp.RequestHandler) fasthttp.RequestHandler {
	return func(ctx *fasthttp.RequestCtx) {
		if slices.Contains(fiber.DefaultMethods, string(ctx.Method())) {
			next(ctx)
			return
		}
		r := acquireRequest()
		defer releaseRequest(r)
		err := r.parse(ctx)
		if err == nil {
			_, err = g.root.match(r.method, r.target.segments)
		}
		answer(ctx, refusalFor(g.log, err))
	}
}
