package gatewaytest

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
)

// Conn is one connection as an upstream sees it. It is for the goroutine of its script.
type Conn struct {
	net.Conn
	// Reader is what to read from, for it may hold bytes already.
	Reader *bufio.Reader
	// Number counts the connections of an upstream from 0.
	Number   int
	Upstream *Upstream
	// Last is the request that ReadRequest has read last.
	Last Request

	socket net.Conn // below TLS
	closed chan struct{}
}

// Request is one request as it came over the wire.
type Request struct {
	Method, Target string
	// Lines are the lines of the header, untouched but for their ends.
	Lines []string
	Body  string
	// Trailers are lines, too.
	Trailers []string
}

// Values returns the values of all header lines of a name, in any case.
func (r Request) Values(name string) []string {
	var values []string
	for _, line := range r.Lines {
		if n, v, _ := strings.Cut(line, ": "); strings.EqualFold(n, name) {
			values = append(values, v)
		}
	}
	return values
}

// ReadRequest waits for one whole request and remembers it; false means that the connection has ended before, or that it
// was none. What is no request fails the test.
func (c *Conn) ReadRequest() bool {
	r, ok := c.ReadHead()
	if !ok {
		return false
	}
	if len(r.Values("Transfer-Encoding")) > 0 {
		if r.Body, ok = c.ReadChunks(); ok {
			r.Trailers, ok = c.ReadLines()
		}
	} else {
		size, _ := strconv.Atoi(strings.Join(r.Values("Content-Length"), ""))
		r.Body, ok = c.ReadBytes(size)
	}
	if !ok {
		return false
	}
	c.Upstream.remember(r)
	c.Last = r
	return true
}

// ReadHead leaves the body to be read, and is not remembered.
func (c *Conn) ReadHead() (r Request, ok bool) {
	line, err := c.Reader.ReadString('\n')
	if err != nil {
		return r, false
	}
	parts := strings.Split(strings.TrimSuffix(line, "\r\n"), " ")
	if len(parts) != 3 || parts[2] != "HTTP/1.1" {
		c.Upstream.t.Errorf("bad request line %q", line)
		return r, false
	}
	r.Method, r.Target = parts[0], parts[1]
	r.Lines, ok = c.ReadLines()
	return r, ok
}

// ReadLines reads to the empty line.
func (c *Conn) ReadLines() (lines []string, ok bool) {
	for {
		line, err := c.Reader.ReadString('\n')
		if err != nil {
			return nil, false
		}
		if line == "\r\n" {
			return lines, true
		}
		lines = append(lines, strings.TrimSuffix(line, "\r\n"))
	}
}

// ReadChunk returns the data of one chunk, nothing of the last. What is no chunk fails the test.
func (c *Conn) ReadChunk() (data string, ok bool) {
	line, err := c.Reader.ReadString('\n')
	if err != nil {
		return "", false
	}
	size, err := strconv.ParseUint(strings.TrimSuffix(line, "\r\n"), 16, 31)
	if err != nil {
		c.Upstream.t.Errorf("bad chunk %q", line)
		return "", false
	}
	if size == 0 {
		return "", true
	}
	data, ok = c.ReadBytes(int(size) + 2)
	if ok && !strings.HasSuffix(data, "\r\n") {
		c.Upstream.t.Errorf("a chunk ends in %q", data[size:])
	}
	return strings.TrimSuffix(data, "\r\n"), ok
}

// ReadChunks stops before the trailers.
func (c *Conn) ReadChunks() (body string, ok bool) {
	var all strings.Builder
	for {
		chunk, ok := c.ReadChunk()
		if !ok || chunk == "" {
			return all.String(), ok
		}
		all.WriteString(chunk)
	}
}

// ReadBytes reads so many bytes.
func (c *Conn) ReadBytes(size int) (data string, ok bool) {
	read := make([]byte, size)
	_, err := io.ReadFull(c.Reader, read)
	return string(read), err == nil
}

// ReadParsed reads one request as net/http does, for tests that ask how another reader understands it. It is not
// remembered, and no mistake in it fails the test. err is io.EOF where the connection has ended before the request; a
// request beside an error is one whose body is not whole.
func (c *Conn) ReadParsed() (request *http.Request, body string, err error) {
	if _, err := c.Reader.Peek(1); err != nil {
		return nil, "", io.EOF
	}
	if request, err = http.ReadRequest(c.Reader); err != nil {
		return nil, "", fmt.Errorf("no request: %w", err)
	}
	read, err := io.ReadAll(request.Body)
	return request, string(read), err
}

// Say writes text. The other side may have hung up, which its own answer shows.
func (c *Conn) Say(text string) { _, _ = io.WriteString(c.Conn, text) }

// Sayf is Say with a format.
func (c *Conn) Sayf(format string, args ...any) { c.Say(fmt.Sprintf(format, args...)) }

// Hold waits for Upstream.Release.
func (c *Conn) Hold() { <-c.Upstream.released }

// ResetOnClose makes the connection end in a reset.
func (c *Conn) ResetOnClose() { _ = c.socket.(*net.TCPConn).SetLinger(0) }

// Secure speaks TLS from now on, over what Conn is at the time. The handshake is made by the first read or write.
func (c *Conn) Secure(config *tls.Config) *tls.Conn {
	secured := tls.Server(c.Conn, config)
	c.Conn, c.Reader = secured, bufio.NewReader(secured)
	return secured
}
