package app

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"gatehouse/denylist"
	"gatehouse/gateway"
	"gatehouse/keys"
)

// anyToken takes every token for the same good one: what verification costs is not measured here.
type anyToken struct{ claims *keys.Claims }

func (a anyToken) Verify([]byte) (*keys.Claims, error) { return a.claims, nil }

type nothingRevoked struct{}

func (nothingRevoked) Check(context.Context, denylist.Query) error { return nil }

const benchmarkRequest = "GET /invoices/abc?x=y HTTP/1.1\r\nHost: gateway.example\r\nAuthorization: Bearer a.b.c\r\n" +
	"User-Agent: bench/1.0\r\nAccept: application/json\r\nAccept-Encoding: gzip\r\n\r\n"

// observing says what of the operator's view is switched on.
type observing struct {
	metrics bool
	access  bool
}

// gatewayHandler is the handler of the public listener of a gateway, without the network in front of it.
func gatewayHandler(tb testing.TB, on observing) fasthttp.RequestHandler {
	tb.Helper()
	config := Default()
	config.Routes = []gateway.Route{{
		Path: "/invoices/{payment_hash}", Methods: []string{"GET"}, Origin: "http://" + cheapUpstream(tb),
		Scope: "balance:read", Credential: "headers",
	}}
	config.Log.Access = on.access
	a := &App{config: config, options: Options{Role: GatewayOnly, Log: config.Log.Logger(&LogBuffer{Out: io.Discard, Delay: time.Second})}, log: slog.New(slog.DiscardHandler)}
	a.metrics = newMetrics(GatewayOnly)
	a.observer = a.newObserver()
	settings := gateway.Config{
		Routes: config.Routes, Denylist: nothingRevoked{}, Log: slog.New(slog.DiscardHandler),
		Verifier: anyToken{&keys.Claims{
			Subject: "7", ClientID: "app", ID: "token-1", GrantID: "grant-1",
			Scopes: []string{"balance:read"}, ExpiresAt: time.Now().Add(time.Hour),
		}},
	}
	if on.metrics {
		settings.RequestID, settings.Observer = requestID, a.observer
	}
	var err error
	a.gateway, err = gateway.New(settings)
	require.NoError(tb, err)
	tb.Cleanup(func() { _ = a.gateway.Close() })
	handler := a.publicServer().Server().Handler
	if !on.metrics {
		return a.gateway.OtherMethods(a.publicServer().Handler())
	}
	return handler
}

// BenchmarkGateway measures a request through the whole handler to an upstream on a socket and back: without the
// operator's view, with metrics and request ids, and with a line in the access log too.
func BenchmarkGateway(b *testing.B) {
	for _, test := range []struct {
		name string
		on   observing
	}{{"bare", observing{}}, {"metrics", observing{metrics: true}}, {"metrics and access log", observing{metrics: true, access: true}}} {
		b.Run(test.name, func(b *testing.B) {
			handler, ctx, next := gatewayHandler(b, test.on), newRequestCtx(b), requestReader(b)
			b.ReportAllocs()
			for b.Loop() {
				next(ctx)
				handler(ctx)
				if status := ctx.Response.StatusCode(); status != fasthttp.StatusOK {
					b.Fatal(status, string(ctx.Response.Body()))
				}
			}
		})
	}
}

// BenchmarkObserver measures what the operator's view costs by itself.
func BenchmarkObserver(b *testing.B) {
	for _, access := range []bool{false, true} {
		b.Run(map[bool]string{false: "metrics", true: "metrics and access log"}[access], func(b *testing.B) {
			handler, ctx := observedNothing(access), newRequestCtx(b)
			requestReader(b)(ctx)
			b.ReportAllocs()
			for b.Loop() {
				handler(ctx)
			}
		})
	}
}

func TestCountingARequestAllocatesNothing(t *testing.T) {
	handler, ctx := observedNothing(false), newRequestCtx(t)
	requestReader(t)(ctx)
	require.Zero(t, testing.AllocsPerRun(100, func() { handler(ctx) }))
}

// observedNothing is the observer around a gateway's request that costs nothing.
func observedNothing(access bool) fasthttp.RequestHandler {
	config := Default()
	config.Routes = []gateway.Route{{Path: "/invoices/{payment_hash}"}}
	config.Log.Access = access
	a := &App{config: config, options: Options{Role: GatewayOnly, Log: config.Log.Logger(&LogBuffer{Out: io.Discard, Delay: time.Second})}, log: slog.New(slog.DiscardHandler)}
	a.metrics = newMetrics(GatewayOnly)
	a.observer = a.newObserver()
	seen := &gateway.Observation{Verdict: gateway.Valid, Claims: &keys.Claims{Subject: "7", ClientID: "app"}}
	return a.observer.serve(func(ctx *fasthttp.RequestCtx) { a.observer.Served(ctx, seen) })
}

func newRequestCtx(tb testing.TB) *fasthttp.RequestCtx {
	tb.Helper()
	ctx := &fasthttp.RequestCtx{}
	ctx.Init(&fasthttp.Request{}, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1}, nil)
	return ctx
}

// requestReader returns what makes ctx that of a request that has just been read.
func requestReader(tb testing.TB) func(*fasthttp.RequestCtx) {
	tb.Helper()
	text := strings.NewReader(benchmarkRequest)
	reader := bufio.NewReader(text)
	return func(ctx *fasthttp.RequestCtx) {
		text.Reset(benchmarkRequest)
		reader.Reset(text)
		ctx.Response.Reset()
		require.NoError(tb, ctx.Request.Header.Read(reader))
	}
}

// cheapUpstream answers without allocating, so that what is reported is the gateway's.
func cheapUpstream(tb testing.TB) (address string) {
	tb.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(tb, err)
	tb.Cleanup(func() { _ = ln.Close() })
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = conn.Close() }()
				buffer, reply := make([]byte, 4096), []byte("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
				for {
					if n, err := conn.Read(buffer); err != nil || !bytes.HasSuffix(buffer[:n], []byte("\r\n\r\n")) {
						return
					}
					if _, err := conn.Write(reply); err != nil {
						return
					}
				}
			}()
		}
	}()
	return ln.Addr().String()
}
