package upstream

import (
	"bufio"
	"bytes"

	"gatehouse/gateway/internal/http1"
)

const (
	statusSwitchingProtocols = 101
	statusOK                 = 200
	statusNoContent          = 204
	statusNotModified        = 304
)

// Head is the head of an answer. It is read strictly in what decides where the answer ends: two readers that disagree
// about that give one caller's answer to another. It and what it returns are valid until the exchange has ended; its
// fields only until Take or Await is called.
type Head struct {
	status  int
	http11  bool
	chunked bool
	length  int64 // -1 unless a Content-Length says it

	connection []byte // every Connection field, as one list
	trailer    []byte // likewise

	// text is what the fields refer to: memory of the reader, until keep was called.
	text   []byte
	fields []fieldAt // those that may pass
	kept   []byte
}

// fieldAt is where in a text a field is.
type fieldAt struct{ name, nameEnd, value, valueEnd uint16 }

// read reads one head. Its fields are valid until something else is read.
func (h *Head) read(r *bufio.Reader) error {
	*h = Head{connection: h.connection[:0], trailer: h.trailer[:0], length: -1, fields: h.fields[:0], kept: h.kept}
	var err error
	if h.text, err = readHeadText(r); err != nil {
		return err
	}
	line, at := h.line(0)
	if !h.parseStatusLine(line) {
		return ErrNotHTTP
	}
	for {
		begin := at
		line, at = h.line(at)
		if len(line) == 0 {
			break
		}
		if !h.parseField(line, begin) {
			return ErrNotHTTP
		}
	}
	if h.chunked && (h.length >= 0 || !h.http11) {
		return ErrNotHTTP
	}
	return nil
}

// readHeadText reads to the empty line. A head that does not fit the reader's buffer is an error. All lines end in CR LF:
// who waits for a CR before an LF that came alone waits for ever.
func readHeadText(r *bufio.Reader) ([]byte, error) {
	lineStart, seen := 0, 0
	for {
		if _, err := r.Peek(seen + 1); err != nil {
			return nil, err // bufio.ErrBufferFull, too
		}
		text := buffered(r)
		for {
			n := bytes.IndexByte(text[seen:], '\n')
			if n < 0 {
				break
			}
			seen += n + 1
			if length := seen - lineStart; length < 2 || text[seen-2] != '\r' {
				return nil, ErrNotHTTP
			} else if length == 2 {
				_, _ = r.Discard(seen)
				return text[:seen], nil
			}
			lineStart = seen
		}
		seen = len(text)
	}
}

// line returns the line that begins at an offset, without its end, and where the next begins.
func (h *Head) line(at int) (line []byte, next int) {
	end := at + bytes.IndexByte(h.text[at:], '\n')
	return h.text[at : end-1], end + 1
}

// parseStatusLine wants HTTP/1.0 or HTTP/1.1 and three digits from 100 to 599 (RFC 9112 section 4). The reason is not
// looked at.
func (h *Head) parseStatusLine(line []byte) bool {
	version, rest, _ := bytes.Cut(line, []byte{' '})
	switch string(version) {
	case "HTTP/1.1":
		h.http11 = true
	case "HTTP/1.0":
	default:
		return false
	}
	digits, _, _ := bytes.Cut(rest, []byte{' '})
	if len(digits) != 3 {
		return false
	}
	for _, b := range digits {
		if b < '0' || b > '9' {
			return false
		}
		h.status = h.status*10 + int(b-'0')
	}
	return h.status >= 100 && h.status <= 599
}

// parseField reports whether the line is a field and leaves no doubt about the end of the answer.
func (h *Head) parseField(line []byte, at int) bool {
	name, value, ok := bytes.Cut(line, []byte{':'})
	// A line that begins with a space continues the one before it, which RFC 9112 section 5.2 lets a gateway refuse.
	if !ok || line[0] == ' ' || line[0] == '\t' || !http1.IsPrintable(line) {
		return false
	}
	valueAt := len(line) - len(bytes.TrimLeft(value, " \t"))
	value = http1.Trim(value)
	name = bytes.TrimRight(name, " \t") // space before the colon is not part of the name (section 5.1)
	switch {
	case http1.IsNamed(name, "connection"):
		h.connection = append(append(h.connection, value...), ',')
	case http1.IsNamed(name, "content-length"):
		length, ok := http1.ParseLength(value)
		if !ok || h.length >= 0 && h.length != length {
			return false
		}
		h.length = length
	case http1.IsNamed(name, "transfer-encoding"):
		if h.chunked || !http1.IsNamed(value, "chunked") {
			return false
		}
		h.chunked = true
	case http1.IsNamed(name, "trailer"):
		h.trailer = append(append(h.trailer, value...), ',')
	case http1.IsToken(name) && !h.endsHere(name):
		h.fields = append(h.fields, fieldAt{
			uint16(at), uint16(at + len(name)), uint16(at + valueAt), uint16(at + valueAt + len(value)),
		})
	}
	return true
}

// endsHere tells which fields are for this hop only. The caller's connection has its own Date.
func (h *Head) endsHere(name []byte) bool {
	const proxy = "proxy-"
	switch len(name) {
	case len("te"):
		return http1.IsNamed(name, "te")
	case len("date"):
		return http1.IsNamed(name, "date")
	case len("keep-alive"):
		if http1.IsNamed(name, "keep-alive") {
			return true
		}
	case len("upgrade"):
		if http1.IsNamed(name, "upgrade") {
			return h.status != statusSwitchingProtocols
		}
	}
	return len(name) >= len(proxy) && http1.IsNamed(name[:len(proxy)], proxy)
}

// keep makes the fields outlast the next read.
func (h *Head) keep() {
	h.kept = append(h.kept[:0], h.text...)
	h.text = h.kept
}

// Status is from 100 to 599.
func (h *Head) Status() int { return h.status }

// IsHTTP11 is false for HTTP/1.0.
func (h *Head) IsHTTP11() bool { return h.http11 }

// IsChunked reports whether the body comes in chunks.
func (h *Head) IsChunked() bool { return h.chunked }

// Length is what the Content-Length says, in bytes, or -1 when there is none. It is not that of a body where HasBody of the
// exchange does not hold.
func (h *Head) Length() int64 { return h.length }

// Fields is how many fields there are, but for those that are always for this hop alone.
func (h *Head) Fields() int { return len(h.fields) }

// Field returns one of the fields as it was sent. ok is false when the Connection field says that it is for this hop.
func (h *Head) Field(i int) (name, value []byte, ok bool) {
	name, value = h.field(i)
	return name, value, !h.ListsInConnection(name)
}

func (h *Head) field(i int) (name, value []byte) {
	f := h.fields[i]
	return h.text[f.name:f.nameEnd], h.text[f.value:f.valueEnd]
}

// Get returns the first value of the field of that lower-case name, and how many there are.
func (h *Head) Get(name string) (value []byte, times int) {
	for i := range h.fields {
		if n, v := h.field(i); http1.IsNamed(n, name) {
			if times == 0 {
				value = v
			}
			times++
		}
	}
	return value, times
}

// ListsInConnection reports whether the Connection field holds that name, in any case.
func (h *Head) ListsInConnection(name []byte) bool { return http1.IsListed(h.connection, name) }

// Trailer is the list of the names that were announced as trailers; empty when there are none.
func (h *Head) Trailer() []byte { return h.trailer }

func (h *Head) framing() framing {
	switch {
	case h.chunked:
		return byChunks
	case h.length >= 0:
		return byLength
	default:
		return byClose
	}
}

// isFinal reports whether no other head follows: it is that of the answer, or ends HTTP on this connection.
func (h *Head) isFinal() bool {
	return h.status >= statusOK || h.status == statusSwitchingProtocols
}

// hasBody is for answers to other methods than HEAD.
func (h *Head) hasBody() bool {
	return h.status != statusNoContent && h.status != statusNotModified
}

// staysOpen reports whether the connection is good for another request once the body was read.
func (h *Head) staysOpen() bool {
	ends := h.framing() != byClose || !h.hasBody()
	return ends && h.http11 && !http1.IsListed(h.connection, []byte("close"))
}
