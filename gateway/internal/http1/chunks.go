package http1

import "errors"

const (
	// MaxTrailers bounds the trailers of a body, in bytes, where LimitTrailers says nothing else.
	MaxTrailers = 16 << 10
	// maxChunkLine bounds a chunk's size with its extensions, in bytes.
	maxChunkLine = 4 << 10
	// maxChunkDigits bounds the digits of a size, leading zeros included.
	maxChunkDigits = 16
	// maxChunkExcess bounds what a body may have of framing beyond what honest chunks need, in bytes. Chunks of one byte
	// with long extensions would otherwise be read without end for nothing.
	maxChunkExcess = 16 << 10
)

var (
	// ErrChunk is framing that is no chunked coding, or more of it than an honest sender needs.
	ErrChunk = errors.New("a chunk is not valid")
	// ErrTrailersTooLarge is a trailer section of more bytes or more fields than it may have.
	ErrTrailersTooLarge = errors.New("the trailers are too large")
)

// Chunks decodes the chunked coding (RFC 9112 section 7.1), byte by byte where it is not data: it goes on wherever the
// bytes before ended, and takes none that comes after the body. The zero value is at the beginning of a body. An error
// stays: nothing after it is decoded.
type Chunks struct {
	// Strict is for what callers send: no white space behind a size, and trailers that are fields. Some upstreams pad
	// sizes with spaces; what is wrong with a trailer of theirs is left to whoever reads it.
	Strict bool

	state    chunkState
	limited  bool
	tooLarge bool  // the trailers
	size     int64 // of the chunk whose line is being read; then what is left of its data
	line     int   // bytes of the line so far
	excess   int
	trailers []byte // the lines after the last chunk, with their ends
	fields   int    // in trailers

	maxTrailers, maxFields int // if limited
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
	inTrailerName
	inTrailer
	atTrailerLF // LF
	atLastLF    // LF
	chunksEnded
	chunksBroken
)

// LimitTrailers bounds the trailers that follow by their bytes, line ends included but for the empty line at the end, and
// by the number of lines.
func (c *Chunks) LimitTrailers(size, count int) {
	c.limited, c.maxTrailers, c.maxFields = true, size, count
}

// Decode takes bytes from the beginning of src: framing, until there is data, then as much of that as there is. data is
// part of src and empty when src, or the body, ends before there is any. At an error (ErrChunk, ErrTrailersTooLarge),
// src[used] is the byte that is wrong.
func (c *Chunks) Decode(src []byte) (data []byte, used int, err error) {
	for used < len(src) && c.state != chunksEnded {
		if c.state == inData {
			n := int(min(int64(len(src)-used), c.size))
			data = src[used : used+n]
			c.Take(n)
			return data, used + n, nil
		}
		if !c.step(src[used]) {
			c.state = chunksBroken
			if c.tooLarge {
				return nil, used, ErrTrailersTooLarge
			}
			return nil, used, ErrChunk
		}
		used++
	}
	return nil, used, nil
}

// Follow takes bytes like Decode, at most to the end of the body, and passes over the data.
func (c *Chunks) Follow(src []byte) (used int, err error) {
	for used < len(src) && c.state != chunksEnded {
		_, n, err := c.Decode(src[used:])
		used += n
		if err != nil {
			return used, err
		}
	}
	return used, nil
}

// DataLeft is how many bytes of data come next, before any framing. Who reads them elsewhere tells Take.
func (c *Chunks) DataLeft() int64 {
	if c.state != inData {
		return 0
	}
	return c.size
}

// Take notes that n bytes of data were read, at most DataLeft. Zero is nothing.
func (c *Chunks) Take(n int) {
	if n == 0 || c.state != inData {
		return
	}
	if c.size -= int64(n); c.size == 0 {
		c.state = atDataEnd
	}
}

// Ended reports whether the body was decoded to its end, the trailers included.
func (c *Chunks) Ended() bool { return c.state == chunksEnded }

// Trailers are the lines after the last chunk as far as they were decoded, with their ends but without the empty line.
// They are the decoder's memory.
func (c *Chunks) Trailers() []byte { return c.trailers }

// step reports whether b may come next.
func (c *Chunks) step(b byte) bool {
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
	case atTrailer, inTrailerName, inTrailer:
		return c.stepInTrailer(b)
	case atTrailerLF:
		c.state = atTrailer
		c.trailers = append(c.trailers, b)
		c.tooLarge = c.exceedsLimit()
		return b == '\n' && !c.tooLarge
	case atLastLF:
		c.state = chunksEnded
		return b == '\n'
	}
	return false
}

func (c *Chunks) stepInLine(b byte) bool {
	if c.line++; c.line > maxChunkLine {
		return false
	}
	if c.state == beforeSize || c.state == inSize {
		if digit, ok := HexDigit(b); ok {
			c.state = inSize
			if c.size >= 1<<56 || c.line > maxChunkDigits {
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
	case isBlank(b) && !c.Strict:
		c.state = afterSize
	default:
		return false
	}
	return true
}

func (c *Chunks) endLine() bool {
	const honest = 16 // a size, two line ends and a little
	c.excess = max(0, c.excess+c.line-honest-2*int(min(c.size, maxChunkExcess)))
	if c.state = inData; c.size == 0 {
		c.state = atTrailer
	}
	return c.excess <= maxChunkExcess
}

func (c *Chunks) stepInTrailer(b byte) bool {
	switch c.state {
	case atTrailer:
		if b == '\r' {
			c.state = atLastLF
			return true
		}
		c.fields++
		c.state = inTrailer
		if c.Strict {
			c.state = inTrailerName
			if b <= ' ' || b == ':' {
				return false
			}
		}
	case inTrailerName:
		if b == ':' {
			c.state = inTrailer
		} else if b <= ' ' {
			return false
		}
	}
	if b == '\r' {
		c.state = atTrailerLF
	}
	c.trailers = append(c.trailers, b)
	c.tooLarge = c.exceedsLimit()
	return b != '\n' && !c.tooLarge
}

func (c *Chunks) exceedsLimit() bool {
	if c.limited {
		return len(c.trailers) > c.maxTrailers || c.fields > c.maxFields
	}
	return len(c.trailers) > MaxTrailers
}
