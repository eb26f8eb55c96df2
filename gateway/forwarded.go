package gateway

import (
	"net/netip"

	"github.com/valyala/fasthttp"

	"gatehouse/gateway/internal/http1"
)

// peer is the other end of the caller's connection: the caller, or a proxy in front of the gateway.
type peer struct {
	address netip.Addr
	trusted bool
	https   bool
}

func peerOf(ctx *fasthttp.RequestCtx, proxies TrustedProxies) peer {
	address := peerAddress(ctx)
	return peer{address: address, trusted: proxies.Contains(address), https: ctx.IsTLS()}
}

// appendForwarded adds what the upstream is told about the caller's connection. The chain in X-Forwarded-For goes on
// from a trusted proxy and begins here for everyone else. The other lines are the gateway's own, but for those that a
// trusted proxy sent: they pass like any field.
func (p peer) appendForwarded(dst []byte, f fields, host []byte) []byte {
	absent := func(name string) bool {
		if !p.trusted {
			return true
		}
		_, ok := f.get(name)
		return !ok
	}
	dst = append(dst, "X-Forwarded-For: "...)
	if p.trusted {
		for i := range f {
			if http1.IsNamed(f[i].name, "x-forwarded-for") && len(f[i].value) > 0 {
				dst = append(append(dst, f[i].value...), ", "...)
			}
		}
	}
	dst = p.address.AppendTo(dst)
	dst = append(dst, "\r\n"...)
	if absent("x-forwarded-proto") {
		if p.https {
			dst = append(dst, "X-Forwarded-Proto: https\r\n"...)
		} else {
			dst = append(dst, "X-Forwarded-Proto: http\r\n"...)
		}
	}
	if absent("x-forwarded-host") && len(host) > 0 {
		dst = append(append(append(dst, "X-Forwarded-Host: "...), host...), "\r\n"...)
	}
	if absent("x-real-ip") {
		dst = append(dst, "X-Real-Ip: "...)
		dst = p.address.AppendTo(dst)
		dst = append(dst, "\r\n"...)
	}
	return dst
}
