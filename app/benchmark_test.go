package app

import (
	"bufio"
	"cmp"
	"context"
	"crypto/rand"
	"io"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"gatehouse/app/config"
	"gatehouse/denylist"
	"gatehouse/gateway"
	"gatehouse/gateway/gatewaytest"
	"gatehouse/keys"
)

// benchmarkRequest has a token unless that is empty.
func benchmarkRequest(token string) string {
	if token != "" {
		token = "Authorization: Bearer " + token + "\r\n"
	}
	return "GET /invoices/abc?x=y HTTP/1.1\r\nHost: gateway.example\r\n" + token +
		"User-Agent: bench/1.0\r\nAccept: application/json\r\nAccept-Encoding: gzip\r\n\r\n"
}

// How a handler for benchmarks knows a token.
const (
	warm = "warm" // it has seen each of them
	cold = "cold" // it has seen none, however often one comes
)

// served is what a benchmark serves.
type served struct {
	tokens  string // warm or cold; "" for a caller without one, on a public route
	alg     string
	strict  bool // asks a denylist that answers at once, as Redis would, if it were free
	access  bool
	handler fasthttp.RequestHandler
	sent    []string // requests, in turn
}

const benchmarkTokens = 200

func (s *served) make(tb testing.TB) {
	tb.Helper()
	cfg := config.Default()
	cfg.Routes = []gateway.Route{{
		Path: "/invoices/{payment_hash}", Methods: []string{"GET"}, Origin: "http://" + gatewaytest.CheapUpstream(tb),
		Scope: "balance:read", Credential: "headers", Public: s.tokens == "",
	}}
	cfg.Log.Access = s.access
	a := newBenchmarkApp(cfg)
	verifier, tokens := benchmarkVerifier(tb, cfg.Issuer, s.alg)
	settings := gateway.Config{
		Routes: cfg.Routes, Denylist: benchmarkDenylist(tb, s.strict), Verifier: verifier, Log: slog.New(slog.DiscardHandler),
		Observer: a.observer, Uses: nobodyCares{},
	}
	if s.tokens == warm {
		cache, err := keys.NewCache(verifier, 2*benchmarkTokens)
		require.NoError(tb, err)
		tb.Cleanup(func() { _ = cache.Close() })
		settings.Verifier = cache
	}
	var err error
	a.gateway, err = gateway.New(settings)
	require.NoError(tb, err)
	tb.Cleanup(func() { _ = a.gateway.Close() })
	s.handler = a.publicServer().Server().Handler
	s.sent = nil // by the run before, with the tokens of another key
	for _, token := range tokens {
		if s.tokens == "" {
			token = ""
		}
		s.sent = append(s.sent, benchmarkRequest(token))
	}
}

// nobodyCares when which grant was used.
type nobodyCares struct{}

func (nobodyCares) ReportUses(context.Context, ...denylist.Use) error { return nil }

// newBenchmarkApp is a gateway's App with nothing but an observer.
func newBenchmarkApp(cfg config.Config) *App {
	lines := &LogBuffer{Out: io.Discard, Delay: time.Second}
	a := &App{
		config: cfg, log: slog.New(slog.DiscardHandler),
		options: Options{Role: config.GatewayOnly, Log: NewLogger(cfg.Log, lines)},
	}
	a.metrics = newMetrics(config.GatewayOnly)
	a.observer = a.newObserver()
	return a
}

func benchmarkVerifier(tb testing.TB, issuer, alg string) (*keys.Verifier, []string) {
	tb.Helper()
	key, err := keys.Generate(cmp.Or(alg, keys.EdDSA))
	require.NoError(tb, err)
	ring, err := keys.NewRing(key)
	require.NoError(tb, err)
	tokens := make([]string, benchmarkTokens)
	for i := range tokens {
		tokens[i], err = key.Sign(keys.TypeAccessToken, map[string]any{
			"iss": issuer, "aud": []string{issuer}, "sub": strconv.Itoa(i), "client_id": "app", "jti": rand.Text(),
			"grant_id": rand.Text(), "scope": "balance:read invoices:read invoices:create payments:send",
			"iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
		})
		require.NoError(tb, err)
	}
	return &keys.Verifier{Issuer: issuer, Audience: issuer, Keys: ring}, tokens
}

// benchmarkDenylist is a mirror, or the Redis that it would mirror.
func benchmarkDenylist(tb testing.TB, strict bool) denylist.Checker {
	tb.Helper()
	server, err := startEmbeddedRedis()
	require.NoError(tb, err)
	tb.Cleanup(server.stop)
	store, err := denylist.Connect("redis://" + server.redis.Addr())
	require.NoError(tb, err)
	tb.Cleanup(func() { _ = store.Close() })
	require.NoError(tb, store.Deny(tb.Context(), denylist.Entry{Kind: denylist.Token, ID: "a", ExpiresAt: time.Now().Add(time.Hour)}))
	require.NoError(tb, store.Reload(tb.Context(), func(func([]denylist.Entry, error) bool) {}))
	if strict {
		return store
	}
	mirror := denylist.NewMirror(store, time.Hour, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(tb.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		mirror.Run(ctx)
	}()
	for !mirror.Ready() {
		time.Sleep(time.Millisecond)
	}
	cancel() // what it knows stays fresh for long enough
	<-ended
	return mirror
}

// serveNext serves the next of the requests.
func (s *served) serveNext(tb testing.TB) func() {
	ctx, next := newRequestCtx(tb), requestReader(tb)
	number := 0
	return func() {
		next(ctx, s.sent[number%len(s.sent)])
		number++
		s.handler(ctx)
		switch status := ctx.Response.StatusCode(); {
		case status == fasthttp.StatusOK:
		case status == fasthttp.StatusServiceUnavailable && s.strict: // a busy machine, on which Redis took too long
		default:
			tb.Fatal(status, string(ctx.Response.Body()))
		}
	}
}

// BenchmarkGateway measures a request through the whole handler to an upstream on a socket and back, with metrics. Strict
// shows what a question costs the gateway when nobody shares its round trip; Redis runs in the process, and allocates too.
func BenchmarkGateway(b *testing.B) {
	for _, test := range []struct {
		name string
		served
	}{
		{"warm", served{tokens: warm}},
		{"warm, access log", served{tokens: warm, access: true}},
		{"warm, strict", served{tokens: warm, strict: true}},
		{"public", served{}},
		{"cold ES256", served{tokens: cold, alg: keys.ES256}},
		{"cold RS256", served{tokens: cold, alg: keys.RS256}},
	} {
		b.Run(test.name, func(b *testing.B) {
			test.make(b)
			serve := test.serveNext(b)
			for range test.sent {
				serve()
			}
			b.ReportAllocs()
			for b.Loop() {
				serve()
			}
		})
	}
}

// BenchmarkObserver measures what the operator's view costs by itself.
func BenchmarkObserver(b *testing.B) {
	for _, access := range []bool{false, true} {
		b.Run(map[bool]string{false: "metrics", true: "metrics and access log"}[access], func(b *testing.B) {
			handler, ctx := observedNothing(access), newRequestCtx(b)
			requestReader(b)(ctx, benchmarkRequest(""))
			b.ReportAllocs()
			for b.Loop() {
				handler(ctx)
			}
		})
	}
}

func TestCountingARequestAllocatesNothing(t *testing.T) {
	handler, ctx := observedNothing(false), newRequestCtx(t)
	requestReader(t)(ctx, benchmarkRequest(""))
	require.Zero(t, testing.AllocsPerRun(100, func() { handler(ctx) }))
}

// observedNothing is the observer around a gateway's request that costs nothing.
func observedNothing(access bool) fasthttp.RequestHandler {
	cfg := config.Default()
	cfg.Routes = []gateway.Route{{Path: "/invoices/{payment_hash}"}}
	cfg.Log.Access = access
	a := newBenchmarkApp(cfg)
	seen := &gateway.Observation{Verdict: gateway.Valid, Claims: &keys.Claims{Subject: "7", ClientID: "app"}}
	return func(ctx *fasthttp.RequestCtx) {
		a.observer.Begin(ctx)
		a.observer.Served(ctx, seen)
	}
}

func newRequestCtx(tb testing.TB) *fasthttp.RequestCtx {
	tb.Helper()
	ctx := &fasthttp.RequestCtx{}
	ctx.Init(&fasthttp.Request{}, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1}, nil)
	return ctx
}

// requestReader returns what makes ctx that of a request that has just been read.
func requestReader(tb testing.TB) func(ctx *fasthttp.RequestCtx, request string) {
	tb.Helper()
	text := strings.NewReader("")
	reader := bufio.NewReader(text)
	return func(ctx *fasthttp.RequestCtx, request string) {
		text.Reset(request)
		reader.Reset(text)
		ctx.Response.Reset()
		require.NoError(tb, ctx.Request.Header.Read(reader))
	}
}
