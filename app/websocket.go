package app

import (
	"bytes"
	"context"
	"log/slog"

	"github.com/valyala/fasthttp"

	"gatehouse/gateway"
)

// follow counts a WebSocket while it is open. Its request gets its line when it has ended, which says how long it was open,
// how much went through it and why it ended.
func (o *observer) follow(ctx *fasthttp.RequestCtx, r *record, opened gateway.Tunnel) {
	r.isOpen = true
	open := r.route.webSockets
	open.Inc()
	if o.access == nil {
		opened.OnEnd(func(gateway.TunnelEnd) { open.Dec() })
		return
	}
	line := o.access.lineOf(ctx, r)
	line.requestID = bytes.Clone(line.requestID)
	opened.OnEnd(func(end gateway.TunnelEnd) {
		open.Dec()
		line.durationMS, line.bytesIn, line.bytesOut = milliseconds(end.Took), int(end.Received), int(end.Sent)
		o.access.log.LogAttrs(context.Background(), slog.LevelInfo, accessMessage,
			append(line.attrs(), slog.String("ending", end.Ending.String()))...)
	})
}
