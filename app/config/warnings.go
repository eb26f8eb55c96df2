package config

import (
	"cmp"
	"fmt"
	"strings"

	"gatehouse/gateway"
	"gatehouse/gateway/listener"
)

// Warnings are about settings that are allowed and do not fit together. The limits of descriptors are those of this
// process.
func (c *Config) Warnings(role Role) []string {
	warnings := c.oauth2serverWarnings(role)
	warn := func(format string, args ...any) { warnings = append(warnings, fmt.Sprintf(format, args...)) }
	if c.standsBehindUnknownProxy() {
		warn("trusted_proxies: none, but callers come through a proxy: issuer is https, and this process has no certificate. "+
			"All of them are one address, the proxy's, to limits.connections_per_address (%d), to the limits of upstreams and in the log",
			c.Limits.ConnectionsPerAddress)
	}
	for _, route := range c.Routes {
		if role.HasAuthz() && route.IsPayment() && route.Risk != "" && route.Risk != gateway.Spend {
			warn("route %s: risk is %s, and it is a payment: users are not told that applications spend with %s", route.Path, route.Risk, route.Scope)
		}
	}
	for _, route := range gateway.WithoutBudget(c.Routes) {
		warn("route %s: it spends with %s, and counts against no budget, as other routes with that scope do: it has no spend", route.Path, route.Scope)
	}
	if !role.HasGateway() {
		return warnings
	}
	warnings = append(warnings, c.TargetsNotes...)
	connections := (listener.Limits{Connections: c.Limits.Connections}).MaxConnections()
	if perAddress := c.Limits.ConnectionsPerAddress; perAddress == 0 || perAddress >= connections {
		warn("limits.connections_per_address: one address may take all %d connections", connections)
	}
	if takesAll(c.Upstream.MaxConnsPerUser, c.Upstream.MaxConns) {
		warn("upstream.max_conns_per_user: one user may take all %d connections to an upstream", c.Upstream.MaxConns)
	}
	if takesAll(c.Upstream.MaxWebSocketsPerUser, c.Upstream.MaxWebSockets) {
		warn("upstream.max_websockets_per_user: one user may take all %d WebSockets to an upstream", c.Upstream.MaxWebSockets)
	}
	for _, route := range c.Routes { // of which each may set one of a pair and leave the other to upstream
		conns, webSockets := cmp.Or(route.MaxConns, c.Upstream.MaxConns), cmp.Or(route.MaxWebSockets, c.Upstream.MaxWebSockets)
		if route.MaxConns+route.MaxConnsPerUser > 0 && takesAll(cmp.Or(route.MaxConnsPerUser, c.Upstream.MaxConnsPerUser), conns) {
			warn("route %s: max_conns_per_user: one user may take all %d connections", route.Path, conns)
		}
		if route.WebSocket && route.MaxWebSockets+route.MaxWebSocketsPerUser > 0 &&
			takesAll(cmp.Or(route.MaxWebSocketsPerUser, c.Upstream.MaxWebSocketsPerUser), webSockets) {
			warn("route %s: max_websockets_per_user: one user may take all %d WebSockets", route.Path, webSockets)
		}
		if patience := route.Patience(c.Upstream); route.IsPayment() && patience < gateway.PaymentTimeout {
			warn("route %s: first_byte_timeout: a payment may take longer than %v, and is made although its caller gets 504; want %v",
				route.Path, patience, gateway.PaymentTimeout)
		}
	}
	const others = 64 // Redis, the database, log files
	if files := listener.Descriptors(); files > 0 {
		if upstreams := gateway.MaxUpstreamConnections(c.Routes, c.Upstream); connections+upstreams+others > files {
			warn("limits.connections (%d) and the connections to upstreams (%d) may need more than the %d file descriptors of the process",
				connections, upstreams, files)
		}
	}
	return warnings
}

// standsBehindUnknownProxy holds where callers speak TLS, and not with this process.
func (c *Config) standsBehindUnknownProxy() bool {
	return len(c.TrustedProxies) == 0 && strings.HasPrefix(c.Issuer, "https://") && c.TLS.CertFile == ""
}

// takesAll reports whether the share of one user leaves others nothing. A share of 0 is a part in any case, and of one
// place there are no parts.
func takesAll(each, all int) bool { return all > 1 && each >= all }
