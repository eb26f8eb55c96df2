package gateway

import (
	"bytes"
	"errors"
	"fmt"
	"net"

	"github.com/valyala/fasthttp"
)

// Serve is the way of every request on the public listener, whoever answers it. It is a fasthttp.RequestHandler; Bind
// makes a server use it.
//
// What a handler beside the gateway gets to see has one meaning: whatever two programs could read differently was
// refused before.
func (g *Gateway) Serve(ctx *fasthttp.RequestCtx) {
	r := acquireRequest()
	defer releaseRequest(r)
	defer func() { // of what is outside of serve: nothing takes the process along
		if panicked := recover(); panicked != nil {
			answer(ctx, refusalFor(g.log, fmt.Errorf("panic beside a request: %v", panicked)))
		}
	}()
	g.begin(ctx, r)
	methods, hasCORS := g.cors.endpoint(ctx.Request.Header.RequestURI())
	if err := g.serve(ctx, r, methods, hasCORS); err != nil {
		g.refuse(ctx, r, err)
	}
	if hasCORS {
		g.cors.allow(ctx)
	}
	g.end(ctx, r)
}

// serve parses the request, once, and hands it to the one part that answers it.
func (g *Gateway) serve(ctx *fasthttp.RequestCtx, r *request, methods string, hasCORS bool) (err error) {
	defer func() {
		if panicked := recover(); panicked != nil {
			err = fmt.Errorf("a handler panicked: %v", panicked)
		}
	}()
	if err := r.parse(ctx); err != nil {
		return err
	}
	if hasCORS && r.isPreflight() {
		if allowed := g.allowedMethods(r, methods); allowed != "" {
			return g.cors.answerPreflight(ctx, r, allowed)
		}
	}
	if handler := g.reserved[string(firstSegment(ctx.Request.Header.RequestURI()))]; handler != nil {
		handler(ctx)
		return nil
	}
	rule, err := g.authorize(r)
	if err != nil {
		return err
	}
	err = g.forward(ctx, r, rule)
	if g.cors != nil {
		dropCORS(&ctx.Response.Header)
	}
	return err
}

// expect is fasthttp's ExpectHandler. It decides about a request whose caller waits with the body, and returns 100, or the
// status of the refusal that is then in ctx. When the body has come Serve decides about the whole of it once more: by then
// the token may have been revoked.
func (g *Gateway) expect(ctx *fasthttp.RequestCtx) int {
	r := acquireRequest()
	defer releaseRequest(r)
	g.begin(ctx, r)
	err := g.admit(ctx, r)
	if err == nil {
		return fasthttp.StatusContinue
	}
	g.refuse(ctx, r, err)
	g.end(ctx, r)
	return ctx.Response.StatusCode()
}

// admit decides about a request without its body. Handlers beside the gateway take what comes.
func (g *Gateway) admit(ctx *fasthttp.RequestCtx, r *request) error {
	if err := r.parse(ctx); err != nil {
		return err
	}
	if g.reserved[string(firstSegment(ctx.Request.Header.RequestURI()))] != nil {
		return nil
	}
	rule, err := g.authorize(r)
	if err != nil {
		return err
	}
	if size := ctx.Request.Header.ContentLength(); size != rawChunks && isAbove(int64(size), rule.maxBody) {
		return errBodyTooLarge
	}
	return nil
}

// unreadable returns fasthttp's ErrorHandler, which answers what cannot be read as a request. It asks next about errors
// that are none of the gateway's.
func (g *Gateway) unreadable(next func(*fasthttp.RequestCtx, error)) func(*fasthttp.RequestCtx, error) {
	return func(ctx *fasthttp.RequestCtx, err error) {
		if errors.Is(err, net.ErrClosed) { // by this process, while there was no request
			return
		}
		r := acquireRequest()
		defer releaseRequest(r)
		g.begin(ctx, r)
		if !AnswerRefusal(ctx, err) {
			next(ctx, err)
		}
		g.end(ctx, r)
	}
}

func (g *Gateway) begin(ctx *fasthttp.RequestCtx, r *request) {
	if g.observer != nil {
		r.id = g.observer.Begin(ctx)
	}
}

func (g *Gateway) end(ctx *fasthttp.RequestCtx, r *request) {
	if g.observer != nil {
		g.observer.Served(ctx, &r.seen)
	}
}

// firstSegment is what is between the first two slashes of a request target, as it was sent.
func firstSegment(uri []byte) []byte {
	uri = bytes.TrimPrefix(uri, []byte{'/'})
	if end := bytes.IndexAny(uri, "/?"); end >= 0 {
		uri = uri[:end]
	}
	return uri
}
