package gateway

import "github.com/valyala/fasthttp"

// Tracer follows requests to their upstreams (W3C Trace Context). It is called on the path of each request, by many at
// once, and must not block.
type Tracer interface {
	// Start is called before a request is sent to the upstream of the route with that index in Config.Routes.
	Start(ctx *fasthttp.RequestCtx, route int) Span
}

// Span is one exchange with an upstream.
type Span interface {
	// AppendHeader adds the header lines traceparent and tracestate, which take the place of the caller's.
	AppendHeader(dst []byte) []byte
	// End is called once. status is that of the upstream's answer, 0 when the exchange failed.
	End(status int, failure Failure)
}
