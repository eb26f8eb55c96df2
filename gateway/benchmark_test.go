package gateway_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"gatehouse/denylist"
	"gatehouse/gateway"
	"gatehouse/gateway/gatewaytest"
	"gatehouse/keys"
	"gatehouse/keys/dpop"
	"gatehouse/keys/dpop/dpoptest"
)

type sameClaims struct{ claims *keys.Claims }

func (s sameClaims) Verify([]byte) (*keys.Claims, error) { return s.claims, nil }

func (sameClaims) KeyWithdrawn(*keys.Claims) bool { return false }

type neverRevoked struct{}

func (neverRevoked) Check(context.Context, denylist.Query) error { return nil }

// BenchmarkHandle measures a request through the whole handler to an upstream on a socket and back, per credential. What
// a token's signature and the denylist cost is left out; the caller's side of the network too.
func BenchmarkHandle(b *testing.B) {
	ln := gatewaytest.CheapUpstream(b)
	for _, name := range []string{"none", "forward", "headers", "lndhub"} {
		b.Run(name, func(b *testing.B) {
			g, err := gateway.New(gateway.Config{
				Routes: []gateway.Route{balance("http://"+ln, credential(name), path("/invoices/{payment_hash}"))},
				Verifier: sameClaims{&keys.Claims{
					Subject: "7", ClientID: "app", ID: "token-1", GrantID: "grant-1",
					Scopes: []string{"balance:read"}, ExpiresAt: time.Now().Add(time.Hour),
				}},
				Denylist:  neverRevoked{},
				JWTSecret: []byte(jwtSecret),
			})
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = g.Close() }()
			ctx, reader := parsedRequest(b, raw("GET /invoices/abc?x=y", bearer("a.b.c"),
				"User-Agent: bench/1.0", "Accept: application/json", "Accept-Encoding: gzip", "X-Request-Id: 1"))
			b.ReportAllocs()
			for b.Loop() {
				reader.rewind()
				if err := ctx.Request.Header.Read(reader.Reader); err != nil {
					b.Fatal(err)
				}
				ctx.Response.Reset()
				g.Serve(ctx)
				if status := ctx.Response.StatusCode(); status != fasthttp.StatusOK {
					b.Fatal(status, string(ctx.Response.Body()))
				}
			}
		})
	}
}

// BenchmarkDPoP measures what a proof costs beside BenchmarkHandle's credential headers: an ES256 signature above all. The question to
// Redis whether it was used is left out.
func BenchmarkDPoP(b *testing.B) {
	client := dpoptest.New(b)
	claims := &keys.Claims{
		Subject: "7", ClientID: "app", ID: "token-1", GrantID: "grant-1", BoundTo: client.Thumbprint,
		Scopes: []string{"balance:read"}, ExpiresAt: time.Now().Add(time.Hour),
	}
	g, err := gateway.New(gateway.Config{
		Routes:   []gateway.Route{balance("http://"+gatewaytest.CheapUpstream(b), credential("headers"), path("/invoices/{payment_hash}"))},
		Verifier: sameClaims{claims}, Denylist: neverRevoked{},
		DPoP: gateway.DPoP{
			Proofs: &dpop.Checker{Verifier: dpop.Verifier{MaxAge: time.Hour}, Uses: alwaysFirst{}}, URLs: []string{issuer},
		},
	})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = g.Close() }()
	proof := client.Proof("GET", issuer+"/invoices/abc", "a.b.c", nil)
	ctx, reader := parsedRequest(b, raw("GET /invoices/abc?x=y", append(withProof("a.b.c", proof),
		"User-Agent: bench/1.0", "Accept: application/json", "Accept-Encoding: gzip", "X-Request-Id: 1")...))
	b.ReportAllocs()
	for b.Loop() {
		reader.rewind()
		if err := ctx.Request.Header.Read(reader.Reader); err != nil {
			b.Fatal(err)
		}
		ctx.Response.Reset()
		g.Serve(ctx)
		if status := ctx.Response.StatusCode(); status != fasthttp.StatusOK {
			b.Fatal(status, string(ctx.Response.Body()))
		}
	}
}

// alwaysFirst knows of no proof that was used.
type alwaysFirst struct{}

func (alwaysFirst) UseProof(context.Context, string, string, string, time.Time) (bool, error) {
	return true, nil
}

// BenchmarkRefuse measures a request that is refused for want of a token.
func BenchmarkRefuse(b *testing.B) {
	g, err := gateway.New(gateway.Config{
		Routes:   []gateway.Route{balance("http://127.0.0.1:1")},
		Verifier: sameClaims{}, Denylist: neverRevoked{},
	})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = g.Close() }()
	ctx, _ := parsedRequest(b, raw("GET /balance", "User-Agent: bench/1.0"))
	b.ReportAllocs()
	for b.Loop() {
		ctx.Response.Reset()
		g.Serve(ctx)
	}
}

// rewound is a bufio.Reader that can be made to give the same bytes again.
type rewound struct {
	*bufio.Reader
	bytes *strings.Reader
}

func (r *rewound) rewind() {
	_, _ = r.bytes.Seek(0, io.SeekStart)
	r.Reset(r.bytes)
}

func parsedRequest(b *testing.B, request string) (*fasthttp.RequestCtx, *rewound) {
	b.Helper()
	bytes := strings.NewReader(request)
	r := &rewound{bufio.NewReader(bytes), bytes}
	ctx := &fasthttp.RequestCtx{}
	ctx.Init(&fasthttp.Request{}, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1}, nil)
	if err := ctx.Request.Header.Read(r.Reader); err != nil {
		b.Fatal(err)
	}
	return ctx, r
}
