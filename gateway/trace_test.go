package gateway_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"gatehouse/gateway"
)

// chronicle is a Tracer that says what it was told.
type chronicle struct {
	header  string
	started chan int
	ended   chan end
}

type end struct {
	status  int
	failure gateway.Failure
}

var (
	_ gateway.Tracer = (*chronicle)(nil)
	_ gateway.Span   = (*chronicle)(nil)
)

func (c *chronicle) Start(_ *fasthttp.RequestCtx, route int) gateway.Span {
	c.started <- route
	return c
}

func (c *chronicle) AppendHeader(dst []byte) []byte          { return append(dst, c.header...) }
func (c *chronicle) End(status int, failure gateway.Failure) { c.ended <- end{status, failure} }

func TestATraceGoesOnAtTheUpstream(t *testing.T) {
	upstream := newUpstream(t, answering("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"))
	trace := &chronicle{
		header:  "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n",
		started: make(chan int, 1), ended: make(chan end, 1),
	}
	s := newSystem(t, []gateway.Route{
		balance("http://127.0.0.1:1", public, path("/broken")), balance(upstream.URL(), public),
		balance(upstream.URL(), path("/private")),
	}, options{config: func(c *gateway.Config) { c.Tracer = trace }})

	s.do(raw("GET /balance", "Traceparent: the caller's", "TraceState: the caller's", "trace_parent: other"))
	sent := upstream.Only()
	require.Equal(t, []string{"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}, sent.Values("traceparent"))
	require.Empty(t, sent.Values("tracestate"))
	require.Equal(t, 1, <-trace.started)
	require.Equal(t, end{404, gateway.NoFailure}, <-trace.ended)

	s.do(raw("GET /broken"))
	require.Equal(t, 0, <-trace.started)
	require.Equal(t, end{0, gateway.Unreachable}, <-trace.ended)

	s.do(raw("GET /private"))
	require.Empty(t, trace.started, "what is refused goes nowhere")
}

func TestATracePassesWhereNobodyTraces(t *testing.T) {
	passed := passing(t)
	const parent, state = "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "tracestate: a=b, c=d"
	require.Equal(t, []string{parent, state}, passed(parent, state))
	require.Equal(t, []string{"tracestate: e=f"}, passed("Connection: traceparent", parent, "tracestate: e=f"))
}
