package app

import (
	"log/slog"
	"time"

	"github.com/valyala/fasthttp"
)

// accessLog writes a line for each request on the public listener. What it shows of a request is what was found out
// about it, never what was sent: no path, no query, no header but a harmless X-Request-Id.
type accessLog struct {
	log     *slog.Logger
	proxies proxies
}

// maxAccessAttrs is how many attributes a line has at most.
const maxAccessAttrs = 10

func (a *accessLog) write(ctx *fasthttp.RequestCtx, r *record, took time.Duration) {
	if !a.log.Enabled(ctx, slog.LevelInfo) {
		return
	}
	attrs := append(make([]slog.Attr, 0, maxAccessAttrs),
		slog.String("method", methodOf(ctx).String()),
		slog.String("route", r.route.template),
		slog.Int("status", ctx.Response.StatusCode()),
		slog.Float64("duration_ms", float64(took.Microseconds())/1000),
		slog.Int("bytes_in", bytesIn(&ctx.Request, r)),
		slog.Int("bytes_out", bytesOut(ctx)),
		slog.String("request_id", string(r.id)),
		slog.String("remote", a.proxies.callerOf(ctx).String()),
	)
	if r.subject != "" {
		attrs = append(attrs, slog.String("subject", r.subject))
	}
	if r.client != "" {
		attrs = append(attrs, slog.String("client", r.client))
	}
	a.log.LogAttrs(ctx, slog.LevelInfo, "request", attrs...)
}

// bytesIn is how much of the request's body was read.
func bytesIn(request *fasthttp.Request, r *record) int {
	if request.IsBodyStream() {
		return r.received
	}
	return len(request.Body())
}

// bytesOut is the size of the answer's body; 0 where it is a stream of unknown length.
func bytesOut(ctx *fasthttp.RequestCtx) int {
	switch response := &ctx.Response; {
	case ctx.IsHead():
		return 0
	case response.IsBodyStream():
		return max(response.Header.ContentLength(), 0)
	default:
		return len(response.Body())
	}
}
