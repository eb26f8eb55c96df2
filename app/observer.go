package app

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net"
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
	routes   []*route // of the gateway
	none     *route
}

var _ gateway.Observer = (*observer)(nil)

func (a *App) newObserver() *observer {
	o := &observer{metrics: a.metrics, draining: &a.health.draining, none: a.metrics.route(noRoute)}
	if a.options.Role.HasGateway() {
		o.routes = a.metrics.gatewayRoutes(a.config.Routes)
	}
	if a.config.Log.Access {
		o.access = newAccessLog(cmp.Or(a.options.Log, slog.Default()), a.proxies)
	}
	return o
}

// serve wraps the handler of the public listener.
func (o *observer) serve(next fasthttp.RequestHandler) fasthttp.RequestHandler {
	return func(ctx *fasthttp.RequestCtx) {
		r := o.begin(ctx)
		defer releaseRecord(r)
		began := ctx.Time()
		next(ctx)
		o.end(ctx, r, began, time.Since(began))
	}
}

// serveError wraps what answers requests that never reach a handler, because they cannot be read.
func (o *observer) serveError(next func(*fasthttp.RequestCtx, error)) func(*fasthttp.RequestCtx, error) {
	return func(ctx *fasthttp.RequestCtx, err error) {
		if errors.Is(err, net.ErrClosed) { // by this process, while there was no request
			return
		}
		r := o.begin(ctx)
		defer releaseRecord(r)
		next(ctx, err)
		o.end(ctx, r, time.Now(), 0)
	}
}

// serveExpected wraps what decides whether a caller with Expect: 100-continue may send its body. A request that goes on is
// served, and recorded, with its body later.
func (o *observer) serveExpected(next func(*fasthttp.RequestCtx) int) func(*fasthttp.RequestCtx) int {
	return func(ctx *fasthttp.RequestCtx) int {
		r := o.begin(ctx)
		defer releaseRecord(r)
		began := time.Now()
		status := next(ctx)
		if status == fasthttp.StatusContinue {
			ctx.RemoveUserValue(recordKey{})
			return status
		}
		o.end(ctx, r, began, time.Since(began))
		return status
	}
}

func (o *observer) begin(ctx *fasthttp.RequestCtx) *record {
	r := acquireRecord()
	r.route = o.none
	r.identify(ctx)
	ctx.SetUserValue(recordKey{}, r)
	return r
}

func (o *observer) end(ctx *fasthttp.RequestCtx, r *record, began time.Time, took time.Duration) {
	ctx.RemoveUserValue(recordKey{}) // the record is the next request's
	ctx.Response.Header.SetBytesV(fiber.HeaderXRequestID, r.id)
	if o.draining.Load() {
		ctx.Response.SetConnectionClose() // the caller's next request goes to another process
	}
	counted := r.route.seriesFor(methodOf(ctx), classOf(ctx.Response.StatusCode()))
	counted.requests.Inc()
	counted.durations.Observe(took.Seconds())
	if o.access != nil && !r.isOpen {
		o.access.write(ctx, r, began.Add(took), took)
	}
}

// Served implements gateway.Observer.
func (o *observer) Served(ctx *fasthttp.RequestCtx, seen *gateway.Observation) {
	r, ok := recordOf(ctx)
	if !ok {
		return
	}
	if seen.Route != gateway.NoRoute {
		r.route = o.routes[seen.Route]
	}
	if seen.Claims != nil {
		r.subject, r.client = seen.Claims.Subject, seen.Claims.ClientID
	}
	r.received = seen.Received
	if seen.Verdict != gateway.Unjudged {
		o.metrics.verdicts[seen.Verdict].Inc()
	}
	if seen.Failure != gateway.NoFailure {
		r.route.failures[seen.Failure].Inc()
	}
	if seen.Tunnel != nil {
		o.follow(ctx, r, seen.Tunnel)
	}
}

// Cut implements gateway.Observer.
func (o *observer) Cut(route int, how gateway.Failure) { o.routes[route].failures[how].Inc() }

// issued is told of each token that the authorization server gives away.
func (o *observer) issued(ctx context.Context, issued authz.Issued) {
	o.metrics.tokenIssued(issued)
	if r, ok := recordOf(ctx); ok {
		r.subject, r.client = issued.Subject, issued.ClientID
	}
}
