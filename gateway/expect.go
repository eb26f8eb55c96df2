package gateway

import (
	"bytes"

	"github.com/valyala/fasthttp"
)

var continues = []byte("100-continue")

// settleExpectation leaves fasthttp only what it has to wait for, in its own spelling: the name of an expectation has no
// case, one of HTTP/1.0 is ignored, and so is one of a request without a body (RFC 9110 section 10.1.1).
func settleExpectation(header *fasthttp.RequestHeader) {
	expected := header.Peek(fasthttp.HeaderExpect)
	switch {
	case len(expected) == 0:
	case !header.IsHTTP11(), header.ContentLength() == 0, header.ContentLength() == -2:
		header.Del(fasthttp.HeaderExpect)
	case bytes.EqualFold(expected, continues):
		header.SetBytesV(fasthttp.HeaderExpect, continues)
	}
}

// expect is fasthttp's ExpectHandler: it decides about a request whose caller waits with the body, and returns 100 or the
// status of the refusal, whose answer is then in ctx. Everything is decided once more when the body has come: by then the
// token may have been revoked.
func (g *Gateway) expect(ctx *fasthttp.RequestCtx) int {
	if g == nil {
		return fasthttp.StatusContinue
	}
	r := acquireRequest()
	defer releaseRequest(r)
	if g.requestID != nil {
		r.id = g.requestID(ctx)
	}
	err := g.admit(ctx, r)
	if err == nil {
		return fasthttp.StatusContinue
	}
	g.refuse(ctx, r, err)
	if g.observer != nil {
		g.observer.Served(ctx, &r.seen)
	}
	return ctx.Response.StatusCode()
}

// admit decides about a request without its body. Reserved paths are other handlers' to refuse.
func (g *Gateway) admit(ctx *fasthttp.RequestCtx, r *request) error {
	if err := r.parse(ctx); err != nil {
		return err
	}
	if isReserved(string(r.target.segments[0])) {
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
