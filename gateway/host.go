package gateway

import "bytes"

// isHost holds for a name or an address with or without a port (RFC 9110 section 7.2), in the letters that names on the
// network have: an upstream is told what the caller has sent, and may build links of it.
func isHost(value []byte) bool {
	if rest, ok := bytes.CutPrefix(value, []byte{'['}); ok {
		address, port, closed := bytes.Cut(rest, []byte{']'})
		return closed && len(address) > 0 && only(addressBytes, address) && (len(port) == 0 || port[0] == ':' && only(digits, port[1:]))
	}
	name, port, _ := bytes.Cut(value, colon)
	return len(name) > 0 && only(nameBytes, name) && only(digits, port)
}

func only(set *[256]bool, text []byte) bool {
	for _, b := range text {
		if !set[b] {
			return false
		}
	}
	return true
}

var (
	digits       = newByteSet("0123456789")
	addressBytes = newByteSet("0123456789abcdefABCDEF:.")
	nameBytes    = newByteSet("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._")
)

func newByteSet(members string) *[256]bool {
	set := byteSet(members)
	return &set
}
