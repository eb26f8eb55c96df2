package gateway

import (
	"cmp"
	"time"

	"gatehouse/gateway/internal/credential"
	"gatehouse/gateway/internal/occasional"
	"gatehouse/gateway/internal/panics"
	"gatehouse/gateway/internal/upstream"
)

// Upstreams is what the gateway asks of each upstream.
type Upstreams = upstream.Settings

// DefaultUpstreams is what holds where nobody says otherwise.
func DefaultUpstreams() Upstreams { return upstream.DefaultSettings() }

// targetIdle is how long a route of oauth2server may take between two parts of an answer, which that did not bound at all.
const targetIdle = time.Hour

// upstreamsOf returns the settings that hold for a route. oauth2server did not bound how long an upstream took to begin an answer:
// its routes have the time of a payment.
func upstreamsOf(route *Route, s Upstreams) Upstreams {
	if route.FromTargets {
		s.FirstByteTimeout = max(s.FirstByteTimeout, PaymentTimeout)
		s.IdleTimeout = max(s.IdleTimeout, targetIdle)
	}
	s.ConnectTimeout = cmp.Or(route.ConnectTimeout, s.ConnectTimeout)
	s.FirstByteTimeout = cmp.Or(route.FirstByteTimeout, s.FirstByteTimeout)
	s.IdleTimeout = cmp.Or(route.IdleTimeout, s.IdleTimeout)
	s.MaxConns = cmp.Or(route.MaxConns, s.MaxConns)
	s.MaxConnsPerUser = cmp.Or(route.MaxConnsPerUser, s.MaxConnsPerUser)
	s.MaxWebSockets = cmp.Or(route.MaxWebSockets, s.MaxWebSockets)
	s.MaxWebSocketsPerUser = cmp.Or(route.MaxWebSocketsPerUser, s.MaxWebSocketsPerUser)
	s.ConnWait = cmp.Or(route.ConnWait, s.ConnWait)
	s.CAFile = cmp.Or(route.CAFile, s.CAFile)
	return s
}

// Patience is how long the route's upstream may take to begin an answer, where upstreams is what holds for all routes.
func (r *Route) Patience(upstreams Upstreams) time.Duration {
	return upstreamsOf(r, upstreams).FirstByteTimeout
}

// destination is the upstream of one or more routes.
type destination struct {
	*upstream.Pool
	failed      [failures]occasional.Warning
	userRefused occasional.Warning
}

// shared is what routes have in common that share connections.
type shared struct {
	origin   upstream.Origin
	settings Upstreams
}

// destinationAt returns the upstream of that origin. Routes to one host share its connections, whatever is before their
// paths there, as long as they ask the same of it.
func (g *Gateway) destinationAt(origin upstream.Origin, settings Upstreams) (*destination, error) {
	at := shared{origin, settings}
	if known := g.destinations[at]; known != nil {
		return known, nil
	}
	pool, err := upstream.NewPool(origin, settings)
	if err != nil {
		return nil, err
	}
	d := &destination{Pool: pool}
	g.destinations[at] = d
	return d, nil
}

// hubAt returns the lndhub.go of that origin, which routes with different settings share.
func (g *Gateway) hubAt(origin upstream.Origin) *credential.Hub {
	known := g.hubs[origin]
	if known == nil {
		known = new(credential.Hub)
		g.hubs[origin] = known
	}
	return known
}

// MaxUpstreamConnections is how many connections the routes let be open to all upstreams together.
func MaxUpstreamConnections(routes []Route, upstreams Upstreams) int {
	type sharedBy struct {
		origin   string
		settings Upstreams
	}
	most := make(map[sharedBy]int)
	for _, route := range routes {
		settings := upstreamsOf(&route, upstreams)
		settings.SetDefaults()
		by := sharedBy{route.Origin, settings}
		if origin, _, err := upstream.ParseOrigin(route.Origin); err == nil {
			by.origin = origin.Address
		}
		sum := settings.MaxConns
		if route.WebSocket {
			sum += settings.MaxWebSockets
		}
		most[by] = max(most[by], sum)
	}
	all := 0
	for _, sum := range most {
		all += sum
	}
	return all
}

// sweep closes connections that nobody has used for a while, until the gateway is closed.
func (g *Gateway) sweep(keepIdle time.Duration) {
	ticker := time.NewTicker(keepIdle)
	defer ticker.Stop()
	for {
		select {
		case <-g.running.Done():
			return
		case now := <-ticker.C:
			for _, d := range g.destinations {
				if err := panics.Do(func() { d.CloseIdleSince(now.Add(-keepIdle)) }); err != nil {
					g.backgroundPanicked(err)
				}
			}
		}
	}
}
