package gateway

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/valyala/fasthttp"

	"gatehouse/gateway/internal/header"
)

// TrustedProxies are the peers that are believed where a caller comes from: X-Forwarded-For, -Host, -Proto and their
// kind. It is safe for concurrent use.
type TrustedProxies []netip.Prefix

// ParseTrustedProxies reads addresses and CIDR prefixes. The error joins every text that is neither.
func ParseTrustedProxies(texts []string) (TrustedProxies, error) {
	proxies := make(TrustedProxies, 0, len(texts))
	var problems []error
	for _, text := range texts {
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			address, addressErr := netip.ParseAddr(text)
			if addressErr != nil {
				problems = append(problems, fmt.Errorf("%q is neither an address nor a CIDR prefix", text))
				continue
			}
			prefix = netip.PrefixFrom(address, address.BitLen())
		}
		proxies = append(proxies, prefix.Masked())
	}
	return proxies, errors.Join(problems...)
}

// Contains reports whether the address is a trusted proxy's. An IPv4 address has to be unmapped.
func (p TrustedProxies) Contains(address netip.Addr) bool {
	return slices.ContainsFunc(p, func(prefix netip.Prefix) bool { return prefix.Contains(address) })
}

// Caller returns where a request comes from: its peer, or, when that is a trusted proxy, the last address of
// X-Forwarded-For that is none. At an entry that is no address the search ends with the proxy that sent it.
func (p TrustedProxies) Caller(ctx *fasthttp.RequestCtx) netip.Addr {
	caller := peerAddress(ctx)
	if !p.Contains(caller) {
		return caller
	}
	for _, chain := range slices.Backward(ctx.Request.Header.PeekAll(fasthttp.HeaderXForwardedFor)) {
		for len(chain) > 0 {
			cut := bytes.LastIndexByte(chain, ',')
			hop, err := netip.ParseAddr(string(bytes.TrimSpace(chain[cut+1:])))
			if err != nil {
				return caller
			}
			if caller = hop.Unmap(); !p.Contains(caller) {
				return caller
			}
			chain = chain[:max(cut, 0)]
		}
	}
	return caller
}

func peerOf(ctx *fasthttp.RequestCtx, proxies TrustedProxies) header.Peer {
	address := peerAddress(ctx)
	return header.Peer{Address: address, Trusted: proxies.Contains(address), HTTPS: ctx.IsTLS()}
}

// peerAddress is the other end of the caller's connection.
func peerAddress(ctx *fasthttp.RequestCtx) netip.Addr {
	address, _ := netip.AddrFromSlice(ctx.RemoteIP())
	return address.Unmap()
}

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
