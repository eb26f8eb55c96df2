package http1

// PercentDecoded decodes the first three bytes of text, of which the first is a percent sign.
func PercentDecoded(text []byte) (b byte, ok bool) {
	if len(text) < 3 {
		return 0, false
	}
	high, isHigh := HexDigit(text[1])
	low, isLow := HexDigit(text[2])
	return high<<4 | low, isHigh && isLow
}
