package listener

import (
	"bytes"
	"errors"

	"gatehouse/gateway/internal/http1"
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
	left        int64        // of a body with a length
	chunks      http1.Chunks // of a body without
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
	inChunks // and in the trailers after them
)

func (f *framing) inHead() bool { return f.phase == inRequestLine || f.phase == inFields }

// follow reads p, which comes after what it has read before, at most to the end of a request. It returns how much of p
// belongs to that request. The error is one that the gateway answers; no byte after it means anything, and none that is
// returned beside it ends a line.
func (f *framing) follow(p []byte) (n int, err error) {
	if f.phase == atStart {
		if len(p) > 0 && (p[0] <= ' ' || p[0] >= 0x7f) {
			return 0, ErrMalformedRequest
		}
		f.begin()
	}
	for n < len(p) && f.phase != atStart {
		var used int
		switch f.phase {
		case inBody:
			used = f.skip(len(p) - n)
		case inChunks:
			used, err = f.followChunks(p[n:])
		default:
			used, err = f.followHead(p[n:])
		}
		if n += used; err != nil {
			return n, err
		}
	}
	return n, nil
}

// followHead takes one line, or what has come of it.
func (f *framing) followHead(p []byte) (used int, err error) {
	end := len(p)
	if i := bytes.IndexByte(p, '\n'); i >= 0 {
		end = i + 1
	}
	if err := f.read(p[:end]); err != nil {
		return end - 1, err
	}
	return end, nil
}

// followChunks takes what belongs to a body in chunks. Its trailers share the limits of the head.
func (f *framing) followChunks(p []byte) (used int, err error) {
	used, err = f.chunks.Follow(p)
	switch {
	case errors.Is(err, http1.ErrTrailersTooLarge):
		return used, ErrHeaderTooLarge
	case err != nil:
		return used, ErrMalformedRequest
	case f.chunks.Ended():
		f.end()
	}
	return used, nil
}

// read takes a line of a head or a part of one.
func (f *framing) read(part []byte) error {
	if f.size += len(part); f.size > f.maxSize {
		return ErrHeaderTooLarge
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
	f.size, f.count, f.head = 0, 0, framingFields{}
}

func (f *framing) end() {
	f.phase, f.line = atStart, nil
}

// skip passes over at most n bytes of a body.
func (f *framing) skip(n int) int {
	skipped := min(f.left, int64(n))
	if f.left -= skipped; f.left == 0 {
		f.end()
	}
	return int(skipped)
}

// takeLine reads a line that ends in LF.
func (f *framing) takeLine(line []byte) error {
	if bytes.IndexByte(line, '\r') != len(line)-2 || len(line) < 2 {
		return ErrMalformedRequest
	}
	line = line[:len(line)-2]
	switch {
	case f.phase == inFields && len(line) == 0:
		return f.endHead()
	case f.phase == inFields:
		return f.takeField(line)
	case len(line) == 0:
		return ErrMalformedRequest
	}
	f.head.isHTTP11 = bytes.HasSuffix(line, []byte(" HTTP/1.1"))
	f.phase = inFields
	return nil
}

func (f *framing) takeField(line []byte) error {
	name, value, err := f.cutField(line)
	if err != nil {
		return err
	}
	switch {
	case http1.IsNamed(name, "content-length"):
		length, ok := http1.ParseLength(http1.Trim(value))
		if !ok {
			return ErrMalformedRequest
		}
		f.head.lengths++
		f.head.length = length
	case http1.IsNamed(name, "transfer-encoding"):
		if !f.head.isHTTP11 || !http1.IsNamed(http1.Trim(value), "chunked") {
			return ErrMalformedRequest
		}
		f.head.encodings++
	}
	return nil
}

// cutField refuses names with white space beside them, and with them lines that continue the one before.
func (f *framing) cutField(line []byte) (name, value []byte, err error) {
	if f.count++; f.count > f.maxCount {
		return nil, nil, ErrHeaderTooLarge
	}
	name, value, found := bytes.Cut(line, []byte{':'})
	if !found || len(name) == 0 {
		return nil, nil, ErrMalformedRequest
	}
	for _, b := range name {
		if b <= ' ' {
			return nil, nil, ErrMalformedRequest
		}
	}
	return name, value, nil
}

func (f *framing) endHead() error {
	switch head := &f.head; {
	case head.lengths+head.encodings > 1:
		return ErrMalformedRequest
	case head.encodings == 1:
		if f.size+len("\r\n") > f.maxSize { // the line that ends the trailers counts
			return ErrHeaderTooLarge
		}
		f.phase = inChunks
		f.chunks = http1.Chunks{Strict: true}
		f.chunks.LimitTrailers(f.maxSize-f.size-len("\r\n"), f.maxCount-f.count)
	case head.length > 0:
		f.phase, f.left = inBody, head.length
	default:
		f.end()
	}
	return nil
}
