package gateway

import (
	"errors"
	"log/slog"

	"github.com/valyala/fasthttp"

	"gatehouse/gateway/internal/panics"
)

// logPanic writes what is needed to find a mistake in the program, if err is a panic, and reports whether it is. It is the
// one place for all that runs for requests.
func (g *Gateway) logPanic(err error, route string, id slog.Attr) bool {
	var panicked *panics.Error
	if !errors.As(err, &panicked) {
		return false
	}
	g.log.Error("panic", "panic", panicked.Value, "route", route, id, "stack", string(panicked.Stack))
	return true
}

// backgroundPanicked is told of what happens in a goroutine that works for all requests, and goes on. It may happen again
// and again.
func (g *Gateway) backgroundPanicked(err error) {
	if times, due := g.panicked.Due(); due {
		g.logPanic(err, "", slog.Int64("times", times))
	}
}

// aside runs what is beside the answering of a request, as observers are. After a panic the request is refused, and nothing
// goes on of what was begun for it.
func (g *Gateway) aside(ctx *fasthttp.RequestCtx, r *request, work func()) {
	if err := panics.Do(work); err != nil {
		g.refuse(ctx, r, err)
		ctx.SetConnectionClose()
	}
}

// withdraw ends what was begun for a request that is to be refused. A stream ends when its answer is replaced.
func (r *request) withdraw(ctx *fasthttp.RequestCtx) {
	r.seen.Streams = false
	if r.tunnel != nil {
		ctx.Hijack(nil)
		r.tunnel.Cut()
		r.tunnel.OnEnd(untold)
		r.tunnel, r.seen.Tunnel = nil, nil
	}
}

// route names the route of a request for the log.
func (r *request) route() string {
	if r.rule == nil {
		return ""
	}
	return r.rule.name
}
