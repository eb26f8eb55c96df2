package spend

import "strings"

// bech32 is BIP 173's encoding, of any length: a prefix, 1, groups of 5 bits, and a checksum of 6 groups. btcd's package would
// bring the sums of sixty modules, and takes bech32m for it.

const alphabet = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"

const checksumSize = 6

// decodeBech32 returns the prefix in lower case and the groups without the checksum. Capitals alone are as good; a mixture is
// not.
func decodeBech32(text string) (prefix string, groups []byte, ok bool) {
	lower := strings.ToLower(text)
	if text != lower && text != strings.ToUpper(text) {
		return "", nil, false
	}
	at := strings.LastIndexByte(lower, '1')
	if at < 1 || len(lower)-at-1 < checksumSize {
		return "", nil, false
	}
	prefix, data := lower[:at], lower[at+1:]
	groups = make([]byte, len(data))
	for i := range len(data) {
		group := strings.IndexByte(alphabet, data[i])
		if group < 0 {
			return "", nil, false
		}
		groups[i] = byte(group)
	}
	sum := uint32(1)
	for i := range len(prefix) {
		if prefix[i] < '!' || prefix[i] > '~' {
			return "", nil, false
		}
		sum = polymod(sum, prefix[i]>>5)
	}
	sum = polymod(sum, 0)
	for i := range len(prefix) {
		sum = polymod(sum, prefix[i]&31)
	}
	for _, group := range groups {
		sum = polymod(sum, group)
	}
	return prefix, groups[:len(groups)-checksumSize], sum == 1
}

// polymod takes one group more into a checksum.
func polymod(sum uint32, group byte) uint32 {
	top := sum >> 25
	sum = sum&0x1ffffff<<5 ^ uint32(group)
	for i, generator := range [...]uint32{0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3} {
		if top>>i&1 == 1 {
			sum ^= generator
		}
	}
	return sum
}

// octets are the bytes that groups of 5 bits hold. What is left at the end has to be less than a group, and zero.
func octets(groups []byte) (bytes []byte, ok bool) {
	held, bits := uint32(0), 0
	for _, group := range groups {
		held, bits = held<<5|uint32(group), bits+5
		if bits >= 8 {
			bits -= 8
			bytes = append(bytes, byte(held>>bits))
			held &= 1<<bits - 1
		}
	}
	return bytes, bits < 5 && held == 0
}
