package app

import (
	"cmp"
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"gatehouse/authz"
	"gatehouse/gateway"
)

// observer follows every request on the public listener: it gives it an id, counts it and logs it. It is safe for
// concurrent use.
type observer struct {
	metrics  *metrics
	access   *accessLog // nil when there is none
	draining *atomic.Bool
	tracing  *tracing // nil unless it is wanted
	routes   []*route // of the gateway
	none     *route
}

var _ gateway.Observer = (*observer)(nil)

func (a *App) newObserver() *observer {
	o := &observer{metrics: a.metrics, draining: &a.health.draining, tracing: a.tracing, none: a.metrics.route(noRoute)}
	if a.options.Role.HasGateway() {
		o.routes = a.metrics.gatewayRoutes(a.config.Routes)
	}
	if a.config.Log.Access {
		o.access = newAccessLog(cmp.Or(a.options.Log, slog.Default()), a.proxies)
	}
	return o
}

// Begin implements gateway.Observer.
func (o *observer) Begin(ctx *fasthttp.RequestCtx) []byte {
	r, hasBegun := recordOf(ctx)
	if !hasBegun {
		r = acquireRecord()
		r.route = o.none
		r.identify(ctx)
		ctx.SetUserValue(recordKey{}, r)
		if o.tracing != nil {
			o.tracing.begin(ctx, r)
		}
	}
	r.began = time.Now()
	return r.id
}

// Served implements gateway.Observer.
func (o *observer) Served(ctx *fasthttp.RequestCtx, seen *gateway.Observation) {
	r, _ := recordOf(ctx)
	if r.streams = seen.Streams; !r.streams {
		defer releaseRecord(r)
		defer ctx.RemoveUserValue(recordKey{}) // the record is the next request's
	}
	took := time.Since(r.began)
	o.learn(ctx, r, seen)
	if r.span != nil {
		endSpan(ctx, r)
	}
	ctx.Response.Header.SetBytesV(fiber.HeaderXRequestID, r.id)
	if o.draining.Load() {
		ctx.Response.SetConnectionClose() // the caller's next request goes to another process
	}
	counted := r.route.seriesFor(methodOf(ctx), classOf(ctx.Response.StatusCode()))
	counted.requests.Inc()
	counted.durations.Observe(took.Seconds())
	if o.access != nil && !r.isOpen && !r.streams {
		o.access.write(ctx, r, took, bytesIn(&ctx.Request, r), bytesOut(ctx))
	}
}

// Streamed implements gateway.Observer. The line of an answer that is passed on as it arrives says how it ended.
func (o *observer) Streamed(ctx *fasthttp.RequestCtx, end gateway.AnswerEnd) {
	r, ok := recordOf(ctx)
	if !ok {
		return // the connection has ended before the answer was begun
	}
	defer releaseRecord(r)
	defer ctx.RemoveUserValue(recordKey{})
	o.count(r, end.Failure, end.Cut)
	if o.access != nil {
		o.access.write(ctx, r, time.Since(r.began), int(end.Received), int(end.Sent))
	}
}

// count counts a request that has failed or was ended.
func (o *observer) count(r *record, how gateway.Failure, cut gateway.Cut) {
	if how != gateway.NoFailure {
		r.route.failures[how].Inc()
		if r.streams {
			r.cut = how.String()
		}
	}
	if cut != gateway.NotCut {
		r.route.cuts[cut].Inc()
		r.cut = cut.String()
	}
}

// learn takes over what the gateway found out about a request.
func (o *observer) learn(ctx *fasthttp.RequestCtx, r *record, seen *gateway.Observation) {
	if seen.Route != gateway.NoRoute {
		r.route = o.routes[seen.Route]
		if seen.Refused {
			r.refused, r.sent = true, seen.Sent
			r.route.refused[wasSent(seen.Sent)].Inc()
		}
	}
	if seen.Claims != nil {
		r.subject, r.client = seen.Claims.Subject, seen.Claims.ClientID
	}
	r.received = seen.Received
	if seen.Verdict != gateway.Unjudged {
		o.metrics.verdicts[seen.Verdict].Inc()
	}
	o.count(r, seen.Failure, seen.Cut)
	if seen.Tunnel != nil {
		o.follow(ctx, r, seen.Tunnel)
	}
}

// wasSent is the index of a counter in route.refused.
func wasSent(sent bool) int {
	if sent {
		return 1
	}
	return 0
}

// issued is told of each token that the authorization server gives away.
func (o *observer) issued(ctx context.Context, issued authz.Issued) {
	o.metrics.tokenIssued(issued)
	if r, ok := recordOf(ctx); ok {
		r.subject, r.client = issued.Subject, issued.ClientID
	}
}
