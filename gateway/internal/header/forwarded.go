package header

import (
	"net/netip"

	"gatehouse/gateway/internal/http1"
)

// Peer is the other end of the caller's connection: the caller, or a proxy in front of the gateway.
type Peer struct {
	Address netip.Addr
	Trusted bool
	HTTPS   bool
}

// appendForwarded adds what the upstream is told about the caller's connection. The chain in X-Forwarded-For goes on
// from a trusted proxy and begins here for everyone else. The other lines are the gateway's own, but for those that a
// trusted proxy sent: they pass like any field.
func (p *Peer) appendForwarded(dst []byte, f Fields) []byte {
	absent := func(name string) bool {
		if !p.Trusted {
			return true
		}
		_, ok := f.Get(name)
		return !ok
	}
	dst = append(dst, "X-Forwarded-For: "...)
	if p.Trusted {
		for i := range f {
			if http1.IsNamed(f[i].Name, "x-forwarded-for") && len(f[i].Value) > 0 {
				dst = append(append(dst, f[i].Value...), ", "...)
			}
		}
	}
	dst = p.Address.AppendTo(dst)
	dst = append(dst, "\r\n"...)
	if absent("x-forwarded-proto") {
		if p.HTTPS {
			dst = append(dst, "X-Forwarded-Proto: https\r\n"...)
		} else {
			dst = append(dst, "X-Forwarded-Proto: http\r\n"...)
		}
	}
	if host, _ := f.Get("host"); len(host) > 0 && absent("x-forwarded-host") {
		dst = append(append(append(dst, "X-Forwarded-Host: "...), host...), "\r\n"...)
	}
	if absent("x-real-ip") {
		dst = append(dst, "X-Real-Ip: "...)
		dst = p.Address.AppendTo(dst)
		dst = append(dst, "\r\n"...)
	}
	return dst
}
