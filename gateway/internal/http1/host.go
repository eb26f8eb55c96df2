package http1

import "bytes"

// IsHost holds for a name or an address with or without a port (RFC 9110 section 7.2), in the letters that names on the
// network have. It is stricter than the RFC: an upstream is told what the caller sent, and may build links of it.
func IsHost(value []byte) bool {
	if rest, ok := bytes.CutPrefix(value, []byte{'['}); ok {
		address, port, closed := bytes.Cut(rest, []byte{']'})
		return closed && len(address) > 0 && addressBytes.HoldsAll(address) &&
			(len(port) == 0 || port[0] == ':' && digits.HoldsAll(port[1:]))
	}
	name, port, _ := bytes.Cut(value, []byte{':'})
	return len(name) > 0 && nameBytes.HoldsAll(name) && digits.HoldsAll(port)
}

var (
	digits       = NewByteSet("0123456789")
	addressBytes = NewByteSet("0123456789abcdefABCDEF:.")
	nameBytes    = NewByteSet("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._")
)
