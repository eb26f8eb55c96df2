package gateway

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/valyala/fasthttp"

	"gatehouse/denylist"
	"gatehouse/gateway/internal/credential"
	"gatehouse/gateway/internal/lastused"
	"gatehouse/gateway/internal/occasional"
	"gatehouse/gateway/internal/opaque"
	"gatehouse/gateway/internal/routing"
	"gatehouse/gateway/internal/tunnel"
	"gatehouse/gateway/internal/upstream"
	"gatehouse/gateway/internal/watch"
	"gatehouse/gateway/payment"
	"gatehouse/keys"
)

// TokenVerifier tells whether a token is authentic and current. Implementations do not block but for work of their own,
// neither keep nor change the token, and are safe for concurrent use. Every error is one of the token and never holds it.
type TokenVerifier interface {
	Verify(token []byte) (*keys.Claims, error)
	// KeyWithdrawn reports whether the key of a token that was good is certainly no longer known.
	KeyWithdrawn(claims *keys.Claims) bool
}

var (
	_ TokenVerifier = (*keys.Verifier)(nil)
	_ TokenVerifier = (*keys.Cache)(nil)
)

// Gateway serves the configured routes. It is safe for concurrent use.
type Gateway struct {
	routes       routing.Tree[*rule]
	uses         *lastused.Notes // nil: nobody is told
	watch        *watch.Watch
	tunnels      *tunnel.Set
	destinations map[shared]*destination
	hubs         map[upstream.Origin]*credential.Hub
	verifier     TokenVerifier
	denylist     denylist.Checker
	dpop         DPoP
	proxies      TrustedProxies
	log          *slog.Logger
	now          func() time.Time
	clock        clockWarning

	// While the denylist is down every request has cause for one of them.
	revocationUnchecked, revocationUnknown, openUnknown occasional.Warning
	panicked, opaqueUnknown                             occasional.Warning
	unknownProxy, proofUnknown                          occasional.Warning

	reserved map[string]fasthttp.RequestHandler
	metadata fasthttp.RequestHandler // of resources; nil: none
	start    fasthttp.RequestHandler // nil: none
	cors     *cors                   // nil: none
	observer Observer
	tracer   Tracer

	payments *payment.Book

	running    context.Context // ends with Close
	stop       context.CancelFunc
	forget     func() // closes what is remembered of opaque tokens
	background sync.WaitGroup
}

// New compiles the routes. The error joins every problem of the configuration; those of a route name it. The Gateway has
// to be closed.
func New(config Config) (*Gateway, error) {
	problems := config.setDefaults()
	g := &Gateway{
		destinations: make(map[shared]*destination),
		hubs:         make(map[upstream.Origin]*credential.Hub),
		verifier:     config.Verifier,
		denylist:     config.Denylist,
		dpop:         config.DPoP,
		proxies:      config.TrustedProxies,
		log:          config.Log,
		now:          config.Now,
		reserved:     config.Reserved,
		metadata:     config.ResourceMetadata,
		start:        config.Start,
		cors:         newCORS(config.CORS, config.SharedEndpoints, config.ResourceMetadata != nil),
		observer:     config.Observer,
		tracer:       config.Tracer,
		forget:       func() {},
		unknownProxy: occasional.Warning{Every: unknownProxyInterval},
	}
	_, err := g.compile(config.Routes, &config)
	if err := errors.Join(problems, err); err != nil {
		return nil, err
	}
	g.payments = payment.NewBook(payment.Config{
		Ledger: config.Ledger, Timeout: config.LedgerTimeout, Now: config.Now, Log: config.Log, OnSpent: config.OnSpent,
		Panicked:           func(err error, route string, request slog.Attr) { g.logPanic(err, route, request) },
		BackgroundPanicked: g.backgroundPanicked,
	})
	g.running, g.stop = context.WithCancel(context.Background())
	if config.OpaqueTokens != nil {
		verifier, err := opaque.New(g.running, opaque.Config{
			Tokens: config.OpaqueTokens, Others: config.Verifier, Issuer: config.Issuer, Remembered: config.OpaqueCache, Now: config.Now,
		})
		if err != nil {
			return nil, err
		}
		g.verifier, g.forget = verifier, verifier.Close
	}
	g.watch = watch.New(watch.Config{
		Keys: g.verifier, Denylist: config.Denylist, Query: queryFor, Now: config.Now, Panicked: g.backgroundPanicked,
	})
	g.tunnels = tunnel.New(g.watch)
	g.background.Go(func() { g.watch.Run(g.running) })
	g.noteUses(&config)
	g.background.Go(func() { g.sweep(config.Upstreams.KeepIdle) })
	return g, nil
}

func (g *Gateway) refuse(ctx *fasthttp.RequestCtx, r *request, err error) {
	r.withdraw(ctx)
	refused := errInternal
	if !g.logPanic(err, r.route(), r.logged()) {
		refused = refusalFor(g.log, err)
	}
	r.seen.Verdict = cmp.Or(refused.verdict, r.seen.Verdict)
	r.seen.Refused = true
	answer(ctx, refused)
	if r.rule != nil {
		r.rule.audience.challenge(&ctx.Response, refused)
	}
	if r.seen.Sent {
		tellSent(ctx, refused, routing.IsSafe(r.method))
	}
}

// unknownTooLong notes that something which was open is ended because it cannot be told whether its token was revoked.
func (g *Gateway) unknownTooLong(to *rule, cause error, id slog.Attr) {
	if times, due := g.openUnknown.Due(); due {
		g.log.Warn("cut: cannot tell whether the token was revoked", "route", to.name, "error", cause, "times", times, id)
	}
}

// Unsettled is how many holds wait for the ledger to be told what became of them.
func (g *Gateway) Unsettled() int { return g.payments.Unsettled() }

// WebSockets is how many are open.
func (g *Gateway) WebSockets() int { return g.tunnels.Count() }

// Drain tells both ends of every WebSocket that the server is stopping and waits until they are closed. Those that are not
// at the end of ctx are cut, which is the error. No WebSocket can be opened after it; other requests are served as before.
func (g *Gateway) Drain(ctx context.Context) error { return g.tunnels.Drain(ctx) }

// Close cuts WebSockets and closes the connections to upstreams that are not in use; the others are closed as their
// requests end. It comes after the listener has drained.
func (g *Gateway) Close() error {
	g.stop()
	_ = g.tunnels.Drain(g.running)
	g.payments.Close()
	g.background.Wait()
	for _, d := range g.destinations {
		d.Close()
	}
	g.forget()
	return nil
}
