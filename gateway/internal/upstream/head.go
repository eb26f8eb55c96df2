package upstream

import (
	"bufio"
	"bytes"

	"github.com/valyala/fasthttp"

	"gatehouse/gateway/internal/http1"
)

// maxHead bounds the status line and the fields of one answer, and the trailers after its body.
const maxHead = readBufferSize

// answerHead is the head of an upstream's answer, read strictly in what decides where the answer ends: two readers that
// disagree about that give one caller's answer to another.
type answerHead struct {
	status     int
	http11     bool
	connection []byte // every Connection field, as one list
	trailer    []byte // likewise

	chunked bool
	length  int // -1 unless a Content-Length says it

	// text is what the fields refer to: memory of the reader, until keep was called.
	text   []byte
	fields []fieldAt // those that may pass
	kept   []byte
}

// fieldAt is where in a text a field is.
type fieldAt struct{ name, nameEnd, value, valueEnd uint16 }

// read reads one head. Its fields are valid until something else is read.
func (h *answerHead) read(r *bufio.Reader) error {
	*h = answerHead{connection: h.connection[:0], trailer: h.trailer[:0], length: -1, fields: h.fields[:0], kept: h.kept}
	var err error
	if h.text, err = readHeadText(r); err != nil {
		return err
	}
	line, at := h.line(0)
	if !h.parseStatusLine(line) {
		return errNotHTTP
	}
	for {
		begin := at
		line, at = h.line(at)
		if len(line) == 0 {
			break
		}
		if !h.parseField(line, begin) {
			return errNotHTTP
		}
	}
	if h.chunked && (h.length >= 0 || !h.http11) {
		return errNotHTTP
	}
	return nil
}

// readHeadText reads to the empty line. All lines end in CR LF: who waits for a CR before an LF that came alone waits for
// ever.
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
				return nil, errNotHTTP
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
func (h *answerHead) line(at int) (line []byte, next int) {
	end := at + bytes.IndexByte(h.text[at:], '\n')
	return h.text[at : end-1], end + 1
}

// parseStatusLine wants HTTP/1.0 or HTTP/1.1 and three digits from 100 to 599 (RFC 9112 section 4). The reason is not
// looked at.
func (h *answerHead) parseStatusLine(line []byte) bool {
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
func (h *answerHead) parseField(line []byte, at int) bool {
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
		if !ok || h.length >= 0 && int64(h.length) != length {
			return false
		}
		h.length = int(length)
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
func (h *answerHead) endsHere(name []byte) bool {
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
			return h.status != fasthttp.StatusSwitchingProtocols
		}
	}
	return len(name) >= len(proxy) && http1.IsNamed(name[:len(proxy)], proxy)
}

// keep makes the fields outlast the next read.
func (h *answerHead) keep() {
	h.kept = append(h.kept[:0], h.text...)
	h.text = h.kept
}

// field returns the field with that index in fields.
func (h *answerHead) field(i int) (name, value []byte) {
	f := h.fields[i]
	return h.text[f.name:f.nameEnd], h.text[f.value:f.valueEnd]
}

// copyTo adds the fields that pass to header, but for the one that is named in lower case, if any.
func (h *answerHead) copyTo(header *fasthttp.ResponseHeader, except string) {
	header.SetStatusCode(h.status)
	header.SetNoDefaultContentType(true)
	for i := range h.fields {
		name, value := h.field(i)
		if http1.IsListed(h.connection, name) || http1.IsNamed(name, except) {
			continue
		}
		header.AddBytesKV(name, value)
	}
}

func (h *answerHead) framing() framing {
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
func (h *answerHead) isFinal() bool {
	return h.status >= fasthttp.StatusOK || h.status == fasthttp.StatusSwitchingProtocols
}

// hasBody is for answers to other methods than HEAD.
func (h *answerHead) hasBody() bool {
	return h.status != fasthttp.StatusNoContent && h.status != fasthttp.StatusNotModified
}

// staysOpen reports whether the connection is good for another request once the body was read.
func (h *answerHead) staysOpen() bool {
	ends := h.framing() != byClose || !h.hasBody()
	return ends && h.http11 && !http1.IsListed(h.connection, []byte("close"))
}
