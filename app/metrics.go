package app

import (
	"log/slog"
	"net/http"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"gatehouse/app/config"
	"gatehouse/authz"
	"gatehouse/authz/client"
	"gatehouse/gateway"
)

// metrics counts what this process does, for Prometheus. All values of all labels are known at start-up: no request can
// make a new one.
type metrics struct {
	registry  *prometheus.Registry
	requests  *prometheus.CounterVec
	durations *prometheus.HistogramVec
	verdicts  []prometheus.Counter // by gateway.Verdict
	failures  *prometheus.CounterVec
	cuts      *prometheus.CounterVec
	refused   *prometheus.CounterVec
	open      *prometheus.GaugeVec
	issued    *prometheus.CounterVec
	replayed  prometheus.Counter
	aboveHeld prometheus.Counter
	spends    *spendMetrics

	mu     sync.Mutex
	routes map[string]*route
}

// durationBuckets are in seconds: what a request costs that is answered from memory, up to how long a payment may take.
var durationBuckets = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120, 300}

func newMetrics(role config.Role) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gatehouse_http_requests_total",
			Help: "Requests on the public listener.",
		}, []string{"route", "method", "status"}),
		durations: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "gatehouse_http_request_duration_seconds",
			Help:    "Time from the head of a request to its answer, or to the head of one that is passed on as it arrives.",
			Buckets: durationBuckets,
		}, []string{"route", "method", "status"}),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gatehouse_upstream_errors_total",
			Help: "Requests that an upstream did not answer, by how it failed.",
		}, []string{"route", "kind"}),
		cuts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gatehouse_token_cuts_total",
			Help: "Uploads, answers and WebSockets that were ended because their token was no longer good.",
		}, []string{"route", "reason"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gatehouse_refused_requests_total",
			Help: "Requests that the gateway answered with an error of its own, by whether the upstream may have got any of them.",
		}, []string{"route", "sent"}),
		open: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "gatehouse_websockets",
			Help: "WebSockets that are open.",
		}, []string{"route"}),
		issued: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gatehouse_tokens_issued_total",
			Help: "Answers that held an access token.",
		}, []string{"grant_type"}),
		replayed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "gatehouse_refresh_token_replays_total",
			Help: "Refresh tokens that were used again within their grace.",
		}),
		spends: newSpendMetrics(),
		aboveHeld: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "gatehouse_budget_above_held_total",
			Help: "Payments that cost more than was held for them. Their budgets may be exceeded.",
		}),
		routes: make(map[string]*route),
	}
	m.registry.MustRegister(m.requests, m.durations, buildInfo(),
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	if role.HasAuthz() {
		m.registry.MustRegister(m.issued, m.replayed)
		for _, grantType := range client.GrantTypes() {
			m.issued.WithLabelValues(grantType) // zero before the first, so that it can be seen to rise
		}
	}
	if role.HasGateway() {
		m.registry.MustRegister(m.failures, m.cuts, m.refused, m.open)
		m.registry.MustRegister(m.spends.outcomes, m.spends.refused, m.spends.amount)
		m.countVerdicts()
	}
	return m
}

func (m *metrics) countVerdicts() {
	verdicts := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "gatehouse_token_verifications_total",
		Help: "Requests of a route, by what was found out about their token.",
	}, []string{"verdict"})
	m.registry.MustRegister(verdicts)
	m.verdicts = make([]prometheus.Counter, len(gateway.Verdicts()))
	for _, v := range gateway.Verdicts() {
		if v != gateway.Unjudged {
			m.verdicts[v] = verdicts.WithLabelValues(v.String())
		}
	}
}

// route returns the metrics of a template, always the same ones. It takes a lock: a gateway's request has its own at hand.
func (m *metrics) route(template string) *route {
	m.mu.Lock()
	defer m.mu.Unlock()
	found := m.routes[template]
	if found == nil {
		found = &route{template: template, metrics: m}
		m.routes[template] = found
	}
	return found
}

// gatewayRoutes returns the metrics of each of the routes, in their order.
func (m *metrics) gatewayRoutes(configured []gateway.Route) []*route {
	list := make([]*route, len(configured))
	for i := range configured {
		r := m.route(configured[i].Path)
		if r.failures == nil {
			r.failures = make([]prometheus.Counter, len(gateway.Failures()))
			for _, f := range gateway.Failures() {
				if f != gateway.NoFailure {
					r.failures[f] = m.failures.WithLabelValues(r.template, f.String())
				}
			}
		}
		if r.refused == nil {
			r.refused = []prometheus.Counter{
				m.refused.WithLabelValues(r.template, "false"), m.refused.WithLabelValues(r.template, "true"),
			}
		}
		if r.cuts == nil {
			r.cuts = make([]prometheus.Counter, len(gateway.Cuts()))
			for _, c := range gateway.Cuts() {
				if c != gateway.NotCut {
					r.cuts[c] = m.cuts.WithLabelValues(r.template, c.String())
				}
			}
		}
		if spend := configured[i].Spend; spend != nil && r.spends == nil {
			r.spends = m.spends.route(r.template, spend.Unit)
		}
		if configured[i].WebSocket {
			r.webSockets = m.open.WithLabelValues(r.template)
		}
		list[i] = r
	}
	return list
}

func (m *metrics) series(template string, name gateway.Method, class statusClass) *series {
	return &series{
		requests:  m.requests.WithLabelValues(template, name.String(), class.String()),
		durations: m.durations.WithLabelValues(template, name.String(), class.String()),
	}
}

func (m *metrics) tokenIssued(issued authz.Issued) {
	m.issued.WithLabelValues(issued.GrantType).Inc()
	if issued.Replayed {
		m.replayed.Inc()
	}
}

// handler serves the metrics to Prometheus. A collector that fails is logged and left out.
func (m *metrics) handler(log *slog.Logger) http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		ErrorLog:      slog.NewLogLogger(log.Handler(), slog.LevelError),
		ErrorHandling: promhttp.ContinueOnError,
	})
}

func buildInfo() prometheus.Collector {
	build := ThisBuild()
	labels := prometheus.Labels{"version": build.Version, "revision": build.Commit, "go_version": build.Go}
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "gatehouse_build_info", Help: "1, with what is running.", ConstLabels: labels,
	}, func() float64 { return 1 })
}
