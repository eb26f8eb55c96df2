package app

import (
	"bytes"
	"net/netip"
	"slices"

	"github.com/valyala/fasthttp"
)

// proxies are the peers whose X-Forwarded-For is believed.
type proxies []netip.Prefix

func (p proxies) contain(address netip.Addr) bool {
	return slices.ContainsFunc(p, func(prefix netip.Prefix) bool { return prefix.Contains(address) })
}

// callerOf is where a request comes from, for the log: the peer, or, as long as that is a trusted proxy, who it says it
// got the request from.
func (p proxies) callerOf(ctx *fasthttp.RequestCtx) netip.Addr {
	peer, _ := netip.AddrFromSlice(ctx.RemoteIP())
	caller := peer.Unmap()
	if !p.contain(caller) {
		return caller
	}
	for _, chain := range slices.Backward(ctx.Request.Header.PeekAll(fasthttp.HeaderXForwardedFor)) {
		for len(chain) > 0 {
			cut := bytes.LastIndexByte(chain, ',')
			hop, err := netip.ParseAddr(string(bytes.TrimSpace(chain[cut+1:])))
			if err != nil {
				return caller
			}
			if caller = hop.Unmap(); !p.contain(caller) {
				return caller
			}
			chain = chain[:max(cut, 0)]
		}
	}
	return caller
}
