package gateway_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// fakeUpstream accepts connections and does with each what the test says.
type fakeUpstream struct {
	t    *testing.T
	ln   net.Listener
	done sync.WaitGroup
	idle chan struct{} // for a test to close
	// forgets requests, and which connections there were: for long tests.
	forgets bool

	mu    sync.Mutex
	seen  []received
	conns []*link
	count int
}

// received is one request as it came over the wire.
type received struct {
	method, target string
	lines          []string // header lines, untouched
	body           string
	trailers       []string // lines
}

// values returns the values of all header lines of that name, in any case.
func (r received) values(name string) []string {
	var values []string
	for _, line := range r.lines {
		if n, v, _ := strings.Cut(line, ": "); strings.EqualFold(n, name) {
			values = append(values, v)
		}
	}
	return values
}

// link is one connection as the upstream sees it. number counts from 0.
type link struct {
	net.Conn
	reader   *bufio.Reader
	number   int
	upstream *fakeUpstream
	last     received
	closed   chan struct{}
}

const okAnswer = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"

// answerAll answers every request of a connection with 200.
func answerAll(l *link) {
	for l.read() {
		l.write(okAnswer)
	}
}

// answering answers every request with the same bytes.
func answering(raw string) func(*link) {
	return func(l *link) {
		for l.read() {
			l.write(raw)
		}
	}
}

func newUpstream(t *testing.T, serve func(*link)) *fakeUpstream {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	return upstreamOn(t, ln, serve)
}

func upstreamOn(t *testing.T, ln net.Listener, serve func(*link)) *fakeUpstream {
	u := &fakeUpstream{t: t, ln: ln, idle: make(chan struct{})}
	u.done.Go(func() {
		for number := 0; ; number++ {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			l := &link{Conn: conn, reader: bufio.NewReader(conn), number: number, upstream: u, closed: make(chan struct{})}
			u.mu.Lock()
			if u.count++; !u.forgets {
				u.conns = append(u.conns, l)
			}
			u.mu.Unlock()
			u.done.Go(func() {
				defer close(l.closed)
				defer conn.Close()
				serve(l)
			})
		}
	})
	t.Cleanup(func() {
		_ = ln.Close()
		u.mu.Lock()
		for _, c := range u.conns {
			_ = c.Close()
		}
		u.mu.Unlock()
		u.done.Wait()
	})
	return u
}

func (u *fakeUpstream) url() string { return "http://" + u.ln.Addr().String() }

func (u *fakeUpstream) requests() []received {
	u.mu.Lock()
	defer u.mu.Unlock()
	return append([]received(nil), u.seen...)
}

func (u *fakeUpstream) connections() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.count
}

// only returns the one request that was seen. It may still be on its way: the gateway knows only that it was sent.
func (u *fakeUpstream) only() received {
	u.t.Helper()
	require.Eventually(u.t, func() bool { return len(u.requests()) > 0 }, patience, time.Millisecond)
	seen := u.requests()
	require.Len(u.t, seen, 1)
	return seen[0]
}

// awaitClosed waits until the upstream has closed a connection: because it meant to, or because the gateway did.
func (u *fakeUpstream) awaitClosed(number int) {
	u.t.Helper()
	select {
	case <-u.closed(number):
	case <-time.After(patience):
		require.Fail(u.t, "the connection stays open")
	}
}

func (u *fakeUpstream) closed(number int) <-chan struct{} { return u.link(number).closed }

// link waits until a connection was accepted: for who has connected it is open before.
func (u *fakeUpstream) link(number int) *link {
	u.t.Helper()
	require.Eventually(u.t, func() bool { return u.connections() > number }, patience, time.Millisecond)
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.conns[number]
}

// awaitEnd waits until the gateway has ended a connection from which nobody else reads any more.
func (u *fakeUpstream) awaitEnd(number int) {
	u.t.Helper()
	l := u.link(number)
	_ = l.SetReadDeadline(time.Now().Add(patience)) // fails when it is closed already
	_, err := io.Copy(io.Discard, l.Conn)
	require.NotErrorIs(u.t, err, os.ErrDeadlineExceeded, "the connection stays open")
}

// read waits for one whole request and remembers it; false means that the connection has ended, or that it was not.
func (l *link) read() bool {
	r, ok := l.readHead()
	if !ok {
		return false
	}
	if len(r.values("Transfer-Encoding")) > 0 {
		if r.body, ok = l.readChunks(); ok {
			r.trailers, ok = l.readLines()
		}
	} else {
		size, _ := strconv.Atoi(strings.Join(r.values("Content-Length"), ""))
		r.body, ok = l.readBytes(size)
	}
	if !ok {
		return false
	}
	l.upstream.mu.Lock()
	if !l.upstream.forgets {
		l.upstream.seen = append(l.upstream.seen, r)
	}
	l.last = r
	l.upstream.mu.Unlock()
	return true
}

// readHead leaves the body to be read.
func (l *link) readHead() (r received, ok bool) {
	line, err := l.reader.ReadString('\n')
	if err != nil {
		return r, false
	}
	parts := strings.Split(strings.TrimSuffix(line, "\r\n"), " ")
	if len(parts) != 3 || parts[2] != "HTTP/1.1" {
		l.upstream.t.Errorf("bad request line %q", line)
		return r, false
	}
	r.method, r.target = parts[0], parts[1]
	r.lines, ok = l.readLines()
	return r, ok
}

// readLines reads to the empty line.
func (l *link) readLines() (lines []string, ok bool) {
	for {
		line, err := l.reader.ReadString('\n')
		if err != nil {
			return nil, false
		}
		if line == "\r\n" {
			return lines, true
		}
		lines = append(lines, strings.TrimSuffix(line, "\r\n"))
	}
}

// readChunk returns the data of one chunk, nothing of the last.
func (l *link) readChunk() (data string, ok bool) {
	line, err := l.reader.ReadString('\n')
	if err != nil {
		return "", false
	}
	size, err := strconv.ParseUint(strings.TrimSuffix(line, "\r\n"), 16, 31)
	if err != nil {
		l.upstream.t.Errorf("bad chunk %q", line)
		return "", false
	}
	if size == 0 {
		return "", true
	}
	data, ok = l.readBytes(int(size) + 2)
	if ok && !strings.HasSuffix(data, "\r\n") {
		l.upstream.t.Errorf("a chunk ends in %q", data[size:])
	}
	return strings.TrimSuffix(data, "\r\n"), ok
}

// readChunks stops before the trailers.
func (l *link) readChunks() (body string, ok bool) {
	var all strings.Builder
	for {
		chunk, ok := l.readChunk()
		if !ok || chunk == "" {
			return all.String(), ok
		}
		all.WriteString(chunk)
	}
}

func (l *link) readBytes(size int) (data string, ok bool) {
	read := make([]byte, size)
	_, err := io.ReadFull(l.reader, read)
	return string(read), err == nil
}

func (l *link) write(format string, args ...any) {
	if len(args) > 0 {
		format = fmt.Sprintf(format, args...)
	}
	_, _ = io.WriteString(l.Conn, format) // the gateway may have hung up, which its answer shows
}

// resetOnClose makes the connection end in a reset.
func resetOnClose(l *link) { _ = l.Conn.(*net.TCPConn).SetLinger(0) }
