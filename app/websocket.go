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
	route := r.route
	route.webSockets.Inc()
	closed := func(end gateway.TunnelEnd) {
		route.webSockets.Dec()
		if cut := end.Ending.Cut(); cut != gateway.NotCut {
			route.cuts[cut].Inc()
		}
	}
	if o.access == nil {
		opened.OnEnd(closed)
		return
	}
	line := o.access.lineOf(ctx, r)
	line.requestID = bytes.Clone(line.requestID)
	opened.OnEnd(func(end gateway.TunnelEnd) {
		closed(end)
		line.durationMS, line.bytesIn, line.bytesOut = milliseconds(end.Took), int(end.Received), int(end.Sent)
		o.access.log.LogAttrs(context.Background(), slog.LevelInfo, accessMessage,
			append(line.attrs(), slog.String("ending", end.Ending.String()))...)
	})
}
