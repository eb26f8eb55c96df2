package app

import "gatehouse/gateway"

const (
	// maxChunkLine has room for the extensions that anybody uses, such as a chunk's signature.
	maxChunkLine = 256
	// maxChunkDigits is what fits an int64.
	maxChunkDigits = 15
	// maxExcess and its allowance for each chunk bound what a body costs beside its data, as net/http does: a limit on
	// bodies counts only the data.
	maxExcess      = 16 << 10
	chunkAllowance = 16
)

// takeChunkSize reads the line before a chunk: its size in hexadecimal digits, then perhaps extensions, which mean
// nothing to anybody here.
func (f *framing) takeChunkSize(line []byte) error {
	var size int64
	digits := 0
	for digits < len(line) {
		digit, ok := hexadecimal(line[digits])
		if !ok {
			break
		}
		if digits++; digits > maxChunkDigits {
			return gateway.ErrMalformedRequest
		}
		size = size<<4 | int64(digit)
	}
	if digits == 0 || !isExtension(line[digits:]) {
		return gateway.ErrMalformedRequest
	}
	f.excess = max(0, f.excess+int64(len(line))-chunkAllowance-2*min(size, maxExcess))
	if f.excess > maxExcess {
		return gateway.ErrMalformedRequest
	}
	if f.left = size; size == 0 {
		f.phase = inTrailers
	} else {
		f.phase = inChunk
	}
	return nil
}

// isExtension holds for nothing, and for what begins with a semicolon and is printable.
func isExtension(text []byte) bool {
	for _, b := range text {
		if b < ' ' && b != '\t' || b == 0x7f {
			return false
		}
	}
	return len(text) == 0 || text[0] == ';'
}

func hexadecimal(b byte) (digit byte, ok bool) {
	switch {
	case '0' <= b && b <= '9':
		return b - '0', true
	case 'a' <= b|0x20 && b|0x20 <= 'f':
		return b | 0x20 - 'a' + 10, true
	}
	return 0, false
}
