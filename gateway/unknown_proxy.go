package gateway

import (
	"net/netip"
	"time"

	"github.com/valyala/fasthttp"
)

// unknownProxyInterval is long, because anybody may send the field, and some browsers' proxies do.
const unknownProxyInterval = 10 * time.Minute

// lookForProxy is for requests that are not forwarded.
func (g *Gateway) lookForProxy(ctx *fasthttp.RequestCtx, r *request) {
	if _, ok := r.fields.Get("x-forwarded-for"); !ok {
		return
	}
	if peer := peerOf(ctx, g.proxies); !peer.Trusted {
		g.foundUnknownProxy(peer.Address)
	}
}

// foundUnknownProxy warns of a peer that speaks for others and is not believed: limits for each address, here and at
// upstreams, then hold for all of its callers together. What it said is not logged: anybody can say it.
func (g *Gateway) foundUnknownProxy(peer netip.Addr) {
	if times, due := g.unknownProxy.Due(); due {
		g.log.Warn("requests with X-Forwarded-For from a peer that is not in trusted_proxies: if it is a proxy of yours, "+
			"all of its callers are one address", "peer", peer, "times", times)
	}
}
