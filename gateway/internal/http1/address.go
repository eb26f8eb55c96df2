package http1

import "net/netip"

// AddressKey is what callers are counted by: an IPv4 address, or the /64 of an IPv6 address, since whoever has one address
// of it has them all. An IPv4 address has to be unmapped.
func AddressKey(of netip.Addr) netip.Addr {
	if !of.Is6() {
		return of
	}
	prefix, _ := of.Prefix(64)
	return prefix.Addr()
}
