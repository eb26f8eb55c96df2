package app

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/valyala/fasthttp"

	"gatehouse/gateway"
)

// noRoute is the template of requests that have neither a route nor an endpoint.
const noRoute = "none"

// route is what requests are counted by: the template of a gateway's route, or the pattern of an endpoint.
type route struct {
	template string
	metrics  *metrics
	// series are made when they are first needed, so that a scrape has none for methods and statuses that never occur. A
	// request looks up no label.
	series [gateway.Methods][statusClasses]atomic.Pointer[series]
	// failures of the upstream, by gateway.Failure; nil where there is none.
	failures []prometheus.Counter
	// cuts are of what was ended because its token was no longer good, by gateway.Cut; nil where there is none.
	cuts []prometheus.Counter
	// refused counts errors of the gateway's own, by whether the request was sent: false, true; nil where there is none.
	refused []prometheus.Counter
	// spends count what requests spend; nil where they spend nothing.
	spends *spends
	// webSockets are those that are open; nil where there can be none.
	webSockets prometheus.Gauge
}

// series are the metrics of the requests with one route, method and class of status.
type series struct {
	requests  prometheus.Counter
	durations prometheus.Observer
}

func (r *route) seriesFor(m gateway.Method, c statusClass) *series {
	slot := &r.series[m][c]
	found := slot.Load()
	if found == nil {
		found = r.metrics.series(r.template, m, c) // racing callers get the same counters
		slot.Store(found)
	}
	return found
}

func methodOf(ctx *fasthttp.RequestCtx) gateway.Method { return gateway.MethodNamed(ctx.Method()) }

// statusClass is the first digit of a status, less one.
type statusClass int

var statusClassNames = [...]string{"1xx", "2xx", "3xx", "4xx", "5xx"}

const statusClasses = len(statusClassNames)

// classOf counts a status that does not exist, which an upstream can send, among the server errors.
func classOf(status int) statusClass {
	if c := status/100 - 1; 0 <= c && c < statusClasses {
		return statusClass(c)
	}
	return statusClass(statusClasses - 1)
}

func (c statusClass) String() string { return statusClassNames[c] }
