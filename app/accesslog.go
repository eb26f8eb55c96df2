package app

import (
	"log/slog"
	"time"

	"github.com/valyala/fasthttp"

	"gatehouse/gateway"
)

// accessLog writes a line for each request on the public listener. The line says what was found out about the request,
// never what was sent: no path, no query, no header but a harmless X-Request-Id.
type accessLog struct {
	log     *slog.Logger
	lines   *LogBuffer // for lines of JSON that are written here; nil where log has another format
	proxies gateway.TrustedProxies
}

func newAccessLog(log *slog.Logger, from gateway.TrustedProxies) *accessLog {
	a := &accessLog{log: log, proxies: from}
	if handler, ok := log.Handler().(*bufferedHandler); ok {
		a.log = slog.New(handler.access)
		if handler.isJSON {
			a.lines = handler.out
		}
	}
	return a
}

func (a *accessLog) write(ctx *fasthttp.RequestCtx, r *record, took time.Duration, in, out int) {
	if !a.log.Enabled(ctx, slog.LevelInfo) {
		return
	}
	line := a.lineOf(ctx, r)
	line.durationMS, line.bytesIn, line.bytesOut = milliseconds(took), in, out
	if a.lines != nil {
		var ok bool
		if r.line, ok = line.appendJSON(r.line[:0], r.began.Add(took)); ok {
			a.lines.gather(r.line)
			return
		}
	}
	a.log.LogAttrs(ctx, slog.LevelInfo, accessMessage, line.attrs()...)
}

// lineOf returns the line of a request without how long it took and how much was transferred.
func (a *accessLog) lineOf(ctx *fasthttp.RequestCtx, r *record) accessLine {
	return accessLine{
		method:    methodOf(ctx).String(),
		route:     r.route.template,
		status:    ctx.Response.StatusCode(),
		requestID: r.id,
		remote:    a.proxies.Caller(ctx),
		subject:   r.subject,
		client:    r.client,
		cut:       r.cut,
		refused:   r.refused,
		sent:      r.sent,
	}
}

func milliseconds(took time.Duration) float64 { return float64(took.Microseconds()) / 1000 }

// bytesIn is how much of the request's body was read.
func bytesIn(request *fasthttp.Request, r *record) int {
	if request.IsBodyStream() {
		return r.received
	}
	return len(request.Body())
}

// bytesOut is the size of the answer's body, where it is no stream of the gateway's.
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
