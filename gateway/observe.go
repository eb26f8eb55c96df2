package gateway

import (
	"github.com/valyala/fasthttp"

	"gatehouse/keys"
)

// Observer is told what became of requests, for metrics and logs. It is called on the path of each request, by many at
// once: it must not block, and may keep nothing of what it is given but claims.
type Observer interface {
	// Begin is called first for each request, also for one that cannot be read, and twice for one whose caller waited with
	// the body. The id that it returns names the request in the log and to the upstream, as X-Request-Id in place of the
	// caller's. It is a token of HTTP, valid as long as the request. Without one the caller's passes like any other header.
	Begin(ctx *fasthttp.RequestCtx) (id []byte)
	// Served is called once for each request that was answered, when the answer is made and before it is written.
	Served(ctx *fasthttp.RequestCtx, seen *Observation)
	// Streamed is called after Served for each request of which Observation.Streams holds, when its answer has been written
	// to its end or was cut.
	Streamed(ctx *fasthttp.RequestCtx, end AnswerEnd)
}

// AnswerEnd is how an answer ended that was passed on as it arrived.
type AnswerEnd struct {
	// Sent is how many bytes of the answer's body were written to the caller, Received how many of the request's were read.
	Sent, Received int64
	// Failure is not NoFailure and Cut not NotCut when the answer was cut. Only one of the two is.
	Failure Failure
	Cut     Cut
}

// NoRoute is the Observation.Route of a request that no route lets pass.
const NoRoute = -1

// Observation is what was found out about one request.
type Observation struct {
	// Route is the index in Config.Routes, or NoRoute.
	Route   int
	Verdict Verdict
	// Claims are those of an authentic token, also of one that was refused after that; else nil. They are not changed.
	Claims *keys.Claims
	// Received is how many bytes of the request's body were read.
	Received int
	// Refused says that the answer is an error of the gateway's own, Sent that the upstream may have got any of the request.
	Refused, Sent bool
	Failure       Failure
	// Cut is why the request was ended before its answer had begun, if it was.
	Cut Cut
	// Streams says that the answer is written after Served, as it arrives.
	Streams bool
	// Tunnel is the WebSocket that the request has opened, else nil.
	Tunnel Tunnel
}

// all is what there is of an enumeration, by its values.
func all[T ~uint8](count T) []T {
	list := make([]T, count)
	for i := range count {
		list[i] = i
	}
	return list
}

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
