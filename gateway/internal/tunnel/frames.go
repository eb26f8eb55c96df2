package tunnel

import "encoding/binary"

const (
	maxFrameHeader = 14
	closeOpcode    = 0x8
	finalFrame     = 0x80
	maskedFrame    = 0x80
)

// frames follows the frames of one direction of a WebSocket (RFC 6455 section 5.2) and looks only at their headers. Between
// two frames a control frame may be put, also in the middle of a message.
type frames struct {
	header [maxFrameHeader]byte
	have   int    // bytes of a header that is not complete
	left   uint64 // of a payload
	// closed says that the last frame was a Close: no other may follow it.
	closed bool
}

// atBoundary reports whether the last frame is complete.
func (f *frames) atBoundary() bool { return f.have == 0 && f.left == 0 }

// follow takes note of p, the bytes that come next.
func (f *frames) follow(p []byte) {
	for len(p) > 0 {
		p = p[f.next(p):]
	}
}

// next is follow for the part of p that belongs to the current frame, and returns the length of that part. p is not empty.
func (f *frames) next(p []byte) int {
	taken := 0
	for f.left == 0 && taken < len(p) {
		f.header[f.have] = p[taken]
		f.have++
		taken++
		if f.have == headerSize(&f.header, f.have) {
			f.left = payloadSize(&f.header)
			f.closed = f.header[0]&0xf == closeOpcode
			f.have = 0
			if f.left == 0 {
				return taken
			}
		}
	}
	n := min(f.left, uint64(len(p)-taken))
	f.left -= n
	return taken + int(n)
}

// headerSize is that of a header of which have bytes are known.
func headerSize(header *[maxFrameHeader]byte, have int) int {
	if have < 2 {
		return 2
	}
	size := 2
	switch header[1] &^ maskedFrame {
	case 126:
		size += 2
	case 127:
		size += 8
	}
	if header[1]&maskedFrame != 0 {
		size += 4
	}
	return size
}

func payloadSize(header *[maxFrameHeader]byte) uint64 {
	switch size := header[1] &^ maskedFrame; size {
	case 126:
		return uint64(binary.BigEndian.Uint16(header[2:]))
	case 127:
		return binary.BigEndian.Uint64(header[2:])
	default:
		return uint64(size)
	}
}

// closeFrame is a Close (section 5.5.1): a server's, or masked as a client's has to be. The mask is zero and hides nothing.
// The reason has at most 123 bytes.
func closeFrame(code uint16, reason string, masked bool) []byte {
	size := byte(2 + len(reason))
	frame := []byte{finalFrame | closeOpcode, size}
	if masked {
		frame[1] |= maskedFrame
		frame = append(frame, 0, 0, 0, 0)
	}
	frame = binary.BigEndian.AppendUint16(frame, code)
	return append(frame, reason...)
}
