package gateway

import (
	"bytes"
	"errors"
	"net"

	"github.com/valyala/fasthttp"

	"gatehouse/gateway/internal/panics"
	"gatehouse/gateway/internal/routing"
)

// Serve is the way of every request on the public listener, whoever answers it. It is a fasthttp.RequestHandler; Bind
// makes a server use it.
//
// What a handler beside the gateway gets to see has one meaning: whatever two programs could read differently was
// refused before.
func (g *Gateway) Serve(ctx *fasthttp.RequestCtx) {
	r := takeRequest(ctx)
	defer releaseRequest(r)
	g.aside(ctx, r, func() {
		g.begin(ctx, r)
		if err := g.serve(ctx, r); err != nil {
			g.refuse(ctx, r, err)
		}
		g.end(ctx, r)
	})
}

// serve hands the request to the one part that answers it.
func (g *Gateway) serve(ctx *fasthttp.RequestCtx, r *request) (err error) {
	defer panics.Catch(&err)
	if !r.wasAdmitted {
		if err := g.admit(ctx, r); err != nil {
			return err
		}
	}
	switch {
	case r.preflight != "":
		return g.cors.answerPreflight(ctx, r, r.preflight)
	case r.handler != nil:
		r.handler(ctx)
		return nil
	}
	err = g.forward(ctx, r, r.rule)
	if g.cors != nil {
		dropCORS(&ctx.Response.Header)
	}
	return err
}

// admit parses a request, once, and decides by its head who answers it. Handlers beside the gateway take what comes.
func (g *Gateway) admit(ctx *fasthttp.RequestCtx, r *request) (err error) {
	defer panics.Catch(&err)
	uri := ctx.Request.Header.RequestURI()
	var methods string
	methods, r.hasCORS = g.cors.endpoint(uri)
	if err := r.parse(ctx); err != nil {
		return err
	}
	if r.hasCORS && r.isPreflight() {
		if r.preflight = g.allowedMethods(r, methods); r.preflight != "" {
			return nil
		}
	}
	if r.handler = g.beside(uri); r.handler != nil {
		g.lookForProxy(ctx, r)
		return nil
	}
	err = g.authorize(r)
	if g.start != nil && errors.Is(err, routing.ErrNoRoute) && isVisit(ctx) {
		r.handler = g.start
		g.lookForProxy(ctx, r)
		return nil
	}
	return err
}

// isVisit holds for the request of a person who has typed this server's name into a browser.
func isVisit(ctx *fasthttp.RequestCtx) bool {
	return string(ctx.Request.Header.RequestURI()) == "/" && (ctx.IsGet() || ctx.IsHead()) &&
		bytes.Contains(ctx.Request.Header.Peek("Accept"), []byte("text/html"))
}

// expect is fasthttp's ExpectHandler. It decides about a request whose caller waits with the body, and returns 100, or the
// status of the refusal that is then in ctx. Serve goes on with what was found out once the body has come.
func (g *Gateway) expect(ctx *fasthttp.RequestCtx) int {
	r := acquireRequest()
	defer func() {
		if !r.wasAdmitted {
			releaseRequest(r)
		}
	}()
	g.aside(ctx, r, func() {
		g.begin(ctx, r)
		err := g.admit(ctx, r)
		if err == nil && r.rule != nil {
			if size := ctx.Request.Header.ContentLength(); size != rawChunks && isAbove(int64(size), r.rule.maxBody) {
				err = errBodyTooLarge
			}
		}
		if err != nil {
			g.refuse(ctx, r, err)
			g.end(ctx, r)
			return
		}
		r.wasAdmitted = true
		ctx.SetUserValue(admittedRequest{}, r)
	})
	if r.wasAdmitted {
		return fasthttp.StatusContinue
	}
	return ctx.Response.StatusCode()
}

// admittedRequest finds the request that expect has admitted. If the body never comes, fasthttp closes the request.
type admittedRequest struct{}

// takeRequest returns what is known of the request in ctx, for whoever called to release.
func takeRequest(ctx *fasthttp.RequestCtx) *request {
	if r, ok := ctx.UserValue(admittedRequest{}).(*request); ok {
		ctx.RemoveUserValue(admittedRequest{})
		return r
	}
	return acquireRequest()
}

// unreadable returns fasthttp's ErrorHandler, which answers what cannot be read as a request. It asks next about errors
// that are none of the gateway's.
func (g *Gateway) unreadable(next func(*fasthttp.RequestCtx, error)) func(*fasthttp.RequestCtx, error) {
	return func(ctx *fasthttp.RequestCtx, err error) {
		if errors.Is(err, net.ErrClosed) { // by this process, while there was no request
			return
		}
		r := takeRequest(ctx)
		defer releaseRequest(r)
		g.aside(ctx, r, func() {
			g.begin(ctx, r)
			if !AnswerRefusal(ctx, err) {
				next(ctx, err)
			}
			g.end(ctx, r)
		})
	}
}

func (g *Gateway) begin(ctx *fasthttp.RequestCtx, r *request) {
	if g.observer != nil {
		r.id = g.observer.Begin(ctx)
	}
}

func (g *Gateway) end(ctx *fasthttp.RequestCtx, r *request) {
	if r.isDPoP {
		g.tellSender(ctx, r)
	}
	if r.hasCORS {
		g.cors.allow(ctx)
	}
	if g.observer != nil {
		g.observer.Served(ctx, &r.seen)
	}
	if r.seen.Streams {
		r.stream.isServed = true
	}
	if r.tunnel != nil {
		r.tunnel.OnEnd(untold)
	}
}

// untold is for a WebSocket of whose end nobody wants to be told.
func untold(TunnelEnd) {}

// firstSegment is what is between the first two slashes of a request target, as it was sent.
func firstSegment(uri []byte) []byte {
	uri = bytes.TrimPrefix(uri, []byte{'/'})
	if end := bytes.IndexAny(uri, "/?"); end >= 0 {
		uri = uri[:end]
	}
	return uri
}
