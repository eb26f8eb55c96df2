package app

import (
	"database/sql"
	"log/slog"
	"math"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"gatehouse/app/config"
	"gatehouse/denylist"
	"gatehouse/gateway/listener"
	"gatehouse/keys"
)

// What is here is not counted but read when Prometheus asks.

func (m *metrics) gauge(name, help string, labels prometheus.Labels, value func() float64) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help, ConstLabels: labels}, value))
}

func (m *metrics) counter(name, help string, labels prometheus.Labels, value func() float64) {
	m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help, ConstLabels: labels}, value))
}

// watchMode shows how questions to the denylist are answered now. A mirror that is too old asks Redis, as strict does.
func (m *metrics) watchMode(mirrors func() bool) {
	for _, mode := range []string{config.Mirror, config.Strict} {
		m.gauge("gatehouse_denylist_mode", "1 for how questions to the denylist are answered now.", prometheus.Labels{"mode": mode},
			func() float64 { return boolean(mirrors() == (mode == config.Mirror)) })
	}
}

func (m *metrics) watchMirror(mirror *denylist.Mirror, maxStaleness time.Duration) {
	m.watchMode(func() bool { return mirror.Staleness() <= maxStaleness })
	m.gauge("gatehouse_denylist_entries", "Entries that the mirror of the denylist holds.", nil,
		func() float64 { return float64(mirror.Size()) })
	m.gauge("gatehouse_denylist_staleness_seconds", "Age of what the mirror knows; +Inf before it has loaded everything.", nil,
		func() float64 { return age(mirror.Ready(), mirror.Staleness()) })
	m.gauge("gatehouse_denylist_feed_lag_seconds", "How long the entry that came last had been in the feed.", nil,
		func() float64 { return mirror.Lag().Seconds() })
	m.counter("gatehouse_denylist_loads_total", "How often the mirror has loaded everything; once is usual.", nil,
		func() float64 { return float64(mirror.Loads()) })
}

func (m *metrics) watchKeys(remote *keys.Remote) {
	m.gauge("gatehouse_jwks_age_seconds", "Time since the authorization server confirmed its keys; +Inf before the first time.", nil,
		func() float64 { return age(remote.Ready(), remote.Age()) })
}

func (m *metrics) watchTokenCache(cache *keys.Cache) {
	m.counter("gatehouse_token_cache_hits_total", "Tokens that had been verified before.", nil,
		func() float64 { return float64(cache.Hits()) })
	m.counter("gatehouse_token_cache_misses_total", "Tokens that had to be verified, good or not.", nil,
		func() float64 { return float64(cache.Misses()) })
	m.gauge("gatehouse_token_cache_entries", "Verified tokens that are remembered.", nil,
		func() float64 { return float64(cache.Size()) })
}

func (m *metrics) watchRedis(store *denylist.Store) {
	for _, c := range denylist.Conditions() {
		m.gauge("gatehouse_redis_condition", "1 while Redis is in a condition in which revocations are lost or refused.",
			prometheus.Labels{"condition": c.Name}, func() float64 { return boolean(store.Condition().Has(c.Name)) })
	}
	for name := range store.Pools() {
		pool := prometheus.Labels{"pool": name}
		read := func(value func(*redis.PoolStats) uint32) func() float64 {
			return func() float64 { return float64(value(store.Pools()[name])) }
		}
		m.gauge("gatehouse_redis_connections", "Connections to Redis.", pool,
			read(func(s *redis.PoolStats) uint32 { return s.TotalConns }))
		m.gauge("gatehouse_redis_connections_idle", "Connections to Redis that are not in use.", pool,
			read(func(s *redis.PoolStats) uint32 { return s.IdleConns }))
		m.counter("gatehouse_redis_pool_hits_total", "Commands that found a connection free.", pool,
			read(func(s *redis.PoolStats) uint32 { return s.Hits }))
		m.counter("gatehouse_redis_pool_misses_total", "Commands that had to make or await a connection.", pool,
			read(func(s *redis.PoolStats) uint32 { return s.Misses }))
		m.counter("gatehouse_redis_pool_timeouts_total", "Commands that got no connection in time.", pool,
			read(func(s *redis.PoolStats) uint32 { return s.Timeouts }))
	}
}

func (m *metrics) watchUses(dropped func() int64) {
	m.counter("gatehouse_grant_uses_dropped_total", "Requests that passed without a note that their grant was used that day.", nil,
		func() float64 { return float64(dropped()) })
}

// watchLog counts the lines that a log drops, if it is one that does.
func (m *metrics) watchLog(log *slog.Logger) {
	handler, ok := log.Handler().(*bufferedHandler)
	if !ok {
		return
	}
	for kind, lines := range map[string]func(droppedLines) int64{
		"access": func(d droppedLines) int64 { return d.access },
		"other":  func(d droppedLines) int64 { return d.other },
		"failed": func(d droppedLines) int64 { return d.failed },
	} {
		m.counter("gatehouse_log_lines_dropped_total", "Lines of the log that were dropped.",
			prometheus.Labels{"kind": kind}, func() float64 { return float64(lines(handler.out.droppedSoFar())) })
	}
}

// watchConfirmation is for those who revoke.
func (m *metrics) watchConfirmation(store *denylist.Store) {
	m.counter("gatehouse_revocations_unconfirmed_total", "Gateways that did not confirm a revocation in time, once for each revocation.", nil,
		func() float64 { return float64(store.Unconfirmed()) })
}

func (m *metrics) watchCertificate(own *listener.Certificate) {
	secondsLeft := func() float64 { return time.Until(own.NotAfter()).Seconds() }
	m.gauge("gatehouse_tls_certificate_seconds_left", "How long the public listener's certificate is still valid.", nil, secondsLeft)
}

func (m *metrics) watchDatabase(stats func() sql.DBStats) {
	read := func(value func(sql.DBStats) float64) func() float64 { return func() float64 { return value(stats()) } }
	m.gauge("gatehouse_database_connections_max", "Connections to the database that there may be.", nil,
		read(func(s sql.DBStats) float64 { return float64(s.MaxOpenConnections) }))
	for state, value := range map[string]func(sql.DBStats) float64{
		"idle": func(s sql.DBStats) float64 { return float64(s.Idle) },
		"used": func(s sql.DBStats) float64 { return float64(s.InUse) },
	} {
		m.gauge("gatehouse_database_connections", "Connections to the database.", prometheus.Labels{"state": state}, read(value))
	}
	m.counter("gatehouse_database_waits_total", "Statements that had to wait for a connection.", nil,
		read(func(s sql.DBStats) float64 { return float64(s.WaitCount) }))
	m.counter("gatehouse_database_wait_seconds_total", "Time that statements have waited for connections.", nil,
		read(func(s sql.DBStats) float64 { return s.WaitDuration.Seconds() }))
}

func age(known bool, since time.Duration) float64 {
	if !known {
		return math.Inf(1)
	}
	return since.Seconds()
}

func boolean(holds bool) float64 {
	if holds {
		return 1
	}
	return 0
}
