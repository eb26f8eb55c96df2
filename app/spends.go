package app

import (
	"github.com/prometheus/client_golang/prometheus"

	"gatehouse/gateway/payment"
)

// spendMetrics count what requests spend, by route.
type spendMetrics struct {
	outcomes, refused, amount *prometheus.CounterVec
}

func newSpendMetrics() *spendMetrics {
	return &spendMetrics{
		outcomes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gatehouse_spends_total",
			Help: "Requests that spend, by what the gateway knew of them when it answered.",
		}, []string{"route", "outcome"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gatehouse_spend_refused_total",
			Help: "Requests that were refused because of what they would spend.",
		}, []string{"route", "reason"}),
		amount: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gatehouse_spent_amount_total",
			Help: "What requests have cost, in the unit that the route counts.",
		}, []string{"route", "unit"}),
	}
}

// spends are the metrics of a route that spends.
type spends struct {
	outcomes []prometheus.Counter // by payment.SpendOutcome
	refused  []prometheus.Counter // by payment.SpendRefusal
	amount   prometheus.Counter
}

func (m *spendMetrics) route(template, unit string) *spends {
	s := &spends{
		outcomes: make([]prometheus.Counter, len(payment.SpendOutcomes())),
		refused:  make([]prometheus.Counter, len(payment.SpendRefusals())),
		amount:   m.amount.WithLabelValues(template, unit),
	}
	for _, o := range payment.SpendOutcomes() {
		s.outcomes[o] = m.outcomes.WithLabelValues(template, o.String())
	}
	for _, r := range payment.SpendRefusals() {
		s.refused[r] = m.refused.WithLabelValues(template, r.String())
	}
	return s
}

// spent is told of each request that spends.
func (o *observer) spent(seen payment.Spent) {
	s := o.routes[seen.Route].spends
	s.outcomes[seen.Outcome].Inc()
	switch seen.Outcome {
	case payment.SpendRefused:
		s.refused[seen.Reason].Inc()
	case payment.SpendPosted:
		s.amount.Add(float64(seen.Cost))
	}
}

// watchUnsettled counts what the ledger could not be told yet.
func (m *metrics) watchUnsettled(waiting func() int) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "gatehouse_spends_unsettled",
		Help: "Requests of which this gateway could not tell the ledger yet what became of them.",
	}, func() float64 { return float64(waiting()) }))
}
