package app

import (
	"github.com/prometheus/client_golang/prometheus"

	"gatehouse/gateway/listener"
)

// connectionCounts are the metrics of the public listener's connections.
type connectionCounts struct {
	open             prometheus.Gauge
	refused          prometheus.Counter
	failedHandshakes prometheus.Counter
}

var _ listener.Counts = connectionCounts{}

func (m *metrics) connections() connectionCounts {
	c := connectionCounts{
		open: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "gatehouse_connections", Help: "Open connections on the public listener.",
		}),
		refused: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "gatehouse_connections_refused_total", Help: "Connections that were closed at once because their address had too many.",
		}),
		failedHandshakes: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "gatehouse_tls_handshakes_failed_total", Help: "Connections on which no TLS handshake was completed.",
		}),
	}
	m.registry.MustRegister(c.open, c.refused, c.failedHandshakes)
	return c
}

// Opened implements listener.Counts.
func (c connectionCounts) Opened() { c.open.Inc() }

// Closed implements listener.Counts.
func (c connectionCounts) Closed() { c.open.Dec() }

// Refused implements listener.Counts.
func (c connectionCounts) Refused() { c.refused.Inc() }

// HandshakeFailed implements listener.Counts.
func (c connectionCounts) HandshakeFailed() { c.failedHandshakes.Inc() }
