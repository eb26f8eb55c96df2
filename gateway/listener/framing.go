package app

import (
	"bytes"
	"math"

	"gatehouse/gateway"
)

// framing follows the requests on one connection byte by byte and knows where each ends (RFC 9112 sections 6 and 7). It
// is stricter than the parser behind it, which takes a bare LF for the end of a line and skips empty lines: whatever two
// programs could frame differently is refused before anybody reads it. It decodes nothing: that is for the gateway.
type framing struct {
	maxSize, maxCount int // of a head, and of the trailers that may follow

	phase       phase
	line        []byte // the beginning of a line that goes on with the next read
	size, count int    // of the head so far
	head        framingFields
	left        int64 // of the body, or of the chunk
	excess      int64 // how much chunks are more than the data in them
}

// framingFields is what a head says about the body that follows.
type framingFields struct {
	isHTTP11           bool
	lengths, encodings int
	length             int64
}

// phase is what is expected next.
type phase uint8

const (
	atStart phase = iota // between two requests
	inRequestLine
	inFields
	inBody
	inChunkSize
	inChunk
	afterChunk
	inTrailers
)

func (f *framing) inHead() bool { return f.phase == inRequestLine || f.phase == inFields }

// follow reads p, which comes after what it has read before, at most to the end of a request. It returns how much of p
// belongs to that request. The error is one that the gateway answers; no byte after it means anything, and none that is
// returned beside it ends a line.
func (f *framing) follow(p []byte) (n int, err error) {
	if f.phase == atStart {
		if len(p) > 0 && (p[0] <= ' ' || p[0] >= 0x7f) {
			return 0, gateway.ErrMalformedRequest
		}
		f.begin()
	}
	for n < len(p) && f.phase != atStart {
		if f.phase == inBody || f.phase == inChunk {
			n += f.skip(len(p) - n)
			continue
		}
		end := len(p)
		if i := bytes.IndexByte(p[n:], '\n'); i >= 0 {
			end = n + i + 1
		}
		if err := f.read(p[n:end]); err != nil {
			return end - 1, err
		}
		n = end
	}
	return n, nil
}

// read takes a line or a part of one.
func (f *framing) read(part []byte) error {
	if err := f.grow(len(part)); err != nil {
		return err
	}
	if part[len(part)-1] != '\n' {
		f.line = append(f.line, part...)
		return nil
	}
	if len(f.line) > 0 {
		f.line = append(f.line, part...)
		part = f.line
	}
	f.line = f.line[:0]
	return f.takeLine(part)
}

func (f *framing) begin() {
	f.phase = inRequestLine
	f.size, f.count, f.excess, f.head = 0, 0, 0, framingFields{}
}

func (f *framing) end() {
	f.phase, f.line = atStart, nil
}

// grow counts what is part of a head, of the trailers or of a chunk's size.
func (f *framing) grow(n int) error {
	if f.phase == inChunkSize || f.phase == afterChunk {
		if len(f.line)+n > maxChunkLine {
			return gateway.ErrMalformedRequest
		}
		return nil
	}
	if f.size += n; f.size > f.maxSize {
		return gateway.ErrHeaderTooLarge
	}
	return nil
}

// skip passes over at most n bytes of a body.
func (f *framing) skip(n int) int {
	skipped := min(f.left, int64(n))
	if f.left -= skipped; f.left == 0 {
		if f.phase == inBody {
			f.end()
		} else {
			f.phase = afterChunk
		}
	}
	return int(skipped)
}

// takeLine reads a line that ends in LF.
func (f *framing) takeLine(line []byte) error {
	if bytes.IndexByte(line, '\r') != len(line)-2 || len(line) < 2 {
		return gateway.ErrMalformedRequest
	}
	line = line[:len(line)-2]
	switch f.phase {
	case inRequestLine:
		if len(line) == 0 {
			return gateway.ErrMalformedRequest
		}
		f.head.isHTTP11 = bytes.HasSuffix(line, []byte(" HTTP/1.1"))
		f.phase = inFields
		return nil
	case inFields:
		if len(line) == 0 {
			return f.endHead()
		}
		return f.takeField(line)
	case inTrailers:
		if len(line) == 0 {
			f.end()
			return nil
		}
		_, _, err := f.cutField(line)
		return err
	case inChunkSize:
		return f.takeChunkSize(line)
	default: // afterChunk
		if len(line) != 0 {
			return gateway.ErrMalformedRequest
		}
		f.phase = inChunkSize
		return nil
	}
}

func (f *framing) takeField(line []byte) error {
	name, value, err := f.cutField(line)
	if err != nil {
		return err
	}
	switch {
	case len(name) == len("content-length") && bytes.EqualFold(name, []byte("content-length")):
		f.head.lengths++
		f.head.length, err = parseLength(trimmed(value))
	case len(name) == len("transfer-encoding") && bytes.EqualFold(name, []byte("transfer-encoding")):
		f.head.encodings++
		if !f.head.isHTTP11 || !bytes.EqualFold(trimmed(value), []byte("chunked")) {
			err = gateway.ErrMalformedRequest
		}
	}
	return err
}

// cutField refuses names with white space beside them, and with them lines that continue the one before.
func (f *framing) cutField(line []byte) (name, value []byte, err error) {
	if f.count++; f.count > f.maxCount {
		return nil, nil, gateway.ErrHeaderTooLarge
	}
	name, value, found := bytes.Cut(line, []byte{':'})
	if !found || len(name) == 0 {
		return nil, nil, gateway.ErrMalformedRequest
	}
	for _, b := range name {
		if b <= ' ' {
			return nil, nil, gateway.ErrMalformedRequest
		}
	}
	return name, value, nil
}

func (f *framing) endHead() error {
	switch head := &f.head; {
	case head.lengths+head.encodings > 1:
		return gateway.ErrMalformedRequest
	case head.encodings == 1:
		f.phase = inChunkSize
	case head.length > 0:
		f.phase, f.left = inBody, head.length
	default:
		f.end()
	}
	return nil
}

// trimmed is a value without the white space around it.
func trimmed(value []byte) []byte { return bytes.Trim(value, " \t") }

// parseLength takes digits alone: no sign, no list.
func parseLength(value []byte) (int64, error) {
	var length int64
	for _, b := range value {
		if b < '0' || b > '9' || length > (math.MaxInt64-9)/10 {
			return 0, gateway.ErrMalformedRequest
		}
		length = length*10 + int64(b-'0')
	}
	if len(value) == 0 {
		return 0, gateway.ErrMalformedRequest
	}
	return length, nil
}
