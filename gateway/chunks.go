package gateway

import "math"

const (
	// maxChunkLine bounds a chunk's size with its extensions, in bytes.
	maxChunkLine = 4 << 10
	// maxChunkExcess bounds what a body may have of framing beyond what honest chunks need, in bytes. Chunks of one byte
	// with long extensions would make the gateway read without end for nothing.
	maxChunkExcess = 16 << 10
)

// chunks decodes the chunked coding (RFC 9112 section 7.1), strictly and byte by byte where it is not data: it goes on
// wherever the bytes before ended, and takes none that comes after the body. The zero value is at the beginning.
type chunks struct {
	state    chunkState
	size     int64 // of the chunk whose line is being read; then what is left of its data
	line     int   // bytes of the line so far
	excess   int
	trailers []byte // the lines after the last chunk, with their ends
}

type chunkState uint8

const (
	beforeSize chunkState = iota
	inSize
	afterSize // spaces
	inExtension
	atSizeEnd // LF
	inData
	atDataEnd // CR
	atDataLF  // LF
	atTrailer // the first byte of a line, or the CR of the empty one
	inTrailer
	atTrailerLF // LF
	atLastLF    // LF
	chunksEnded
)

// decode takes bytes from the beginning of src: framing, until there is data, then as much of that as there is. data is
// part of src and empty when src, or the body, ends before there is any.
func (c *chunks) decode(src []byte) (data []byte, used int, err error) {
	for used < len(src) && c.state != chunksEnded {
		if c.state == inData {
			n := int(min(int64(len(src)-used), c.size))
			data = src[used : used+n]
			c.take(n)
			return data, used + n, nil
		}
		if !c.step(src[used]) {
			return nil, used, errBadChunk
		}
		used++
	}
	return nil, used, nil
}

// dataLeft is how many bytes of data come next.
func (c *chunks) dataLeft() int64 {
	if c.state != inData {
		return 0
	}
	return c.size
}

// take notes that n bytes of data were read, at most dataLeft.
func (c *chunks) take(n int) {
	if c.size -= int64(n); c.size == 0 {
		c.state = atDataEnd
	}
}

func (c *chunks) ended() bool { return c.state == chunksEnded }

// step reports whether b may come next.
func (c *chunks) step(b byte) bool {
	switch c.state {
	case beforeSize, inSize, afterSize, inExtension:
		return c.stepInLine(b)
	case atSizeEnd:
		return b == '\n' && c.endLine()
	case atDataEnd:
		c.state = atDataLF
		return b == '\r'
	case atDataLF:
		c.state, c.size, c.line = beforeSize, 0, 0
		return b == '\n'
	case atTrailer, inTrailer:
		return c.stepInTrailer(b)
	case atTrailerLF:
		c.state = atTrailer
		c.trailers = append(c.trailers, b)
		return b == '\n'
	case atLastLF:
		c.state = chunksEnded
		return b == '\n'
	}
	return false
}

func (c *chunks) stepInLine(b byte) bool {
	if c.line++; c.line > maxChunkLine {
		return false
	}
	if c.state == beforeSize || c.state == inSize {
		if digit, ok := hexDigit(b); ok {
			c.state = inSize
			if c.size > (math.MaxInt64-15)>>4 || c.line > 16 {
				return false
			}
			c.size = c.size<<4 | int64(digit)
			return true
		}
		if c.state == beforeSize {
			return false
		}
	}
	switch {
	case b == '\r':
		c.state = atSizeEnd
	case c.state == inExtension:
		return b >= ' ' && b != 0x7f || b == '\t'
	case b == ';':
		c.state = inExtension
	case b == ' ', b == '\t':
		c.state = afterSize
	default:
		return false
	}
	return true
}

func (c *chunks) endLine() bool {
	const honest = 16 // a size, two line ends and a little
	c.excess = max(0, c.excess+c.line-honest-2*int(min(c.size, maxChunkExcess)))
	if c.state = inData; c.size == 0 {
		c.state = atTrailer
	}
	return c.excess <= maxChunkExcess
}

func (c *chunks) stepInTrailer(b byte) bool {
	if b == '\r' {
		if c.state == atTrailer {
			c.state = atLastLF
			return true
		}
		c.state = atTrailerLF
	} else {
		c.state = inTrailer
	}
	c.trailers = append(c.trailers, b)
	return b != '\n' && len(c.trailers) <= maxHead
}

// chunkRoom is what framing takes before the data of a chunk: up to seven digits, CR LF.
const chunkRoom = 9

// frameChunk puts the framing of one chunk around frame[chunkRoom:], its data, and returns where it begins. The data is
// not empty and shorter than 256 MiB.
func frameChunk(frame []byte) []byte {
	const digits = "0123456789abcdef"
	at := chunkRoom - 2
	frame[at], frame[at+1] = '\r', '\n'
	for size := len(frame) - chunkRoom; size > 0; size >>= 4 {
		at--
		frame[at] = digits[size&15]
	}
	return append(frame, "\r\n"...)[at:]
}
