package gateway

import (
	"bufio"
	"bytes"
	"strconv"

	"github.com/valyala/fasthttp"
)

// maxHead bounds the status line and the fields of one answer, and the trailers after its body.
const maxHead = 16 << 10

// answerHead reads the head of an upstream's answer, strictly in what decides where the answer ends: two readers that
// disagree about that give one caller's answer to another. fasthttp takes status 000 and HTTP/2.0, waits for CR LF from
// an upstream that sends LF alone, and refuses whole answers for a Trailer field that ends here anyway.
type answerHead struct {
	status     int
	http11     bool
	connection []byte // every Connection field, as one list

	chunked bool
	length  int // -1 unless a Content-Length says it
}

// read reads one head and puts its fields into header, but for those about framing and connection; none of an interim
// answer other than 101.
func (h *answerHead) read(r *bufio.Reader, header *fasthttp.ResponseHeader) error {
	*h = answerHead{connection: h.connection[:0], length: -1}
	left := maxHead
	line, err := readLine(r, &left)
	if err != nil {
		return err
	}
	if !h.parseStatusLine(line) {
		return errNotHTTP
	}
	header.SetStatusCode(h.status)
	for {
		line, err := readLine(r, &left)
		if err != nil {
			return err
		}
		if len(line) == 0 {
			return h.frame(header)
		}
		// A line that begins with a space continues the one before it, which RFC 9112 section 5.2 lets a gateway refuse.
		name, value, ok := bytes.Cut(line, colon)
		if !ok || line[0] == ' ' || line[0] == '\t' || !isPrintableLine(line) {
			return errNotHTTP
		}
		// Space before the colon is not part of the name (section 5.1).
		if !h.take(header, bytes.TrimRight(name, " \t"), bytes.Trim(value, " \t")) {
			return errNotHTTP
		}
	}
}

// parseStatusLine wants HTTP/1.0 or HTTP/1.1 and three digits from 100 to 599 (section 4). The reason is not looked at.
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

// take reports whether the field leaves no doubt about the end of the answer.
func (h *answerHead) take(header *fasthttp.ResponseHeader, name, value []byte) bool {
	switch {
	case isNamed(name, "connection"):
		h.connection = append(append(h.connection, value...), ',')
	case isNamed(name, "content-length"):
		length, ok := parseLength(value)
		if !ok || h.length >= 0 && h.length != length {
			return false
		}
		h.length = length
	case isNamed(name, "transfer-encoding"):
		if h.chunked || !isNamed(value, "chunked") {
			return false
		}
		h.chunked = true
	case isNamed(name, "trailer"):
	case !h.isFinal(), !isToken(name):
	default:
		header.AddBytesKV(name, value)
	}
	return true
}

// frame settles how long the body is (section 6.3).
func (h *answerHead) frame(header *fasthttp.ResponseHeader) error {
	switch {
	case h.chunked && (h.length >= 0 || !h.http11):
		return errNotHTTP
	case h.chunked:
		header.SetContentLength(-1)
	case h.length >= 0:
		header.SetContentLength(h.length)
	default:
		header.SetContentLength(-2) // until the connection ends
	}
	return nil
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
	ends := h.chunked || h.length >= 0 || !h.hasBody()
	return ends && h.http11 && !listed(h.connection, []byte("close"))
}

func parseLength(digits []byte) (int, bool) {
	for _, b := range digits {
		if b < '0' || b > '9' {
			return 0, false
		}
	}
	length, err := strconv.Atoi(string(digits))
	return length, err == nil
}

// skipTrailers reads to the end of a chunked answer. Trailers may not become header fields, where they could say anything
// (RFC 9110 section 6.5.1).
func skipTrailers(r *bufio.Reader) error {
	left := maxHead
	for {
		if line, err := readLine(r, &left); err != nil || len(line) == 0 {
			return err
		}
	}
}

// readLine reads a line that ends in CR LF, without them. It is valid until the next read, and is taken from left.
func readLine(r *bufio.Reader, left *int) ([]byte, error) {
	line, err := r.ReadSlice('\n')
	if err != nil {
		return nil, err
	}
	if *left -= len(line); *left < 0 {
		return nil, errNotHTTP
	}
	line, ok := bytes.CutSuffix(line, headerEnd)
	if !ok {
		return nil, errNotHTTP
	}
	return line, nil
}

func isPrintableLine(line []byte) bool {
	for _, b := range line {
		if b < ' ' && b != '\t' || b == 0x7f {
			return false
		}
	}
	return true
}
