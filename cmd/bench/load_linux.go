package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"runtime"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"golang.org/x/sys/unix"
)

// The latencies that are told apart: 1 µs to 10 s, to three digits.
const minLatency, maxLatency, latencyDigits = 1, 10_000_000, 3

// errRanOut ends a load whose fresh requests have all been sent.
var errRanOut = errors.New("the fresh tokens or proofs are used up")

// load is a closed loop: each connection sends its next request when it has the answer to the last one. So the rate is what
// the contestant can do, provided that the contestant is what keeps its core busy. It is not safe for concurrent use.
type load struct {
	requests [][]byte
	fresh    bool // each request is sent once; else they are sent again and again, in turn
	sent     int

	poller      *poller
	connections map[int]*connection // by socket

	answered  int64
	latencies *hdrhistogram.Histogram // in microseconds
}

// connection waits for the answer to its request.
type connection struct {
	sentAt time.Time
	answer []byte // what has arrived of it
}

// newLoad connects to where target is, and has a request that shows each of these, or the same that shows nothing.
func newLoad(target string, shown []credential, fresh bool, connections int) (*load, error) {
	u, err := url.Parse(target)
	if err != nil {
		return nil, err
	}
	l := &load{
		fresh: fresh, connections: map[int]*connection{},
		latencies: hdrhistogram.New(minLatency, maxLatency, latencyDigits),
	}
	if len(shown) == 0 {
		shown = make([]credential, 1)
	}
	for _, one := range shown {
		l.requests = append(l.requests, rawRequest(u, one))
	}
	if l.poller, err = newPoller(); err != nil {
		return nil, err
	}
	for range connections {
		if err := l.connect(u.Host); err != nil {
			l.close()
			return nil, err
		}
	}
	return l, nil
}

func rawRequest(u *url.URL, shown credential) []byte {
	return fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: bench\r\nAccept: application/json\r\n%s\r\n",
		u.RequestURI(), u.Host, shown.fields())
}

func (l *load) connect(address string) error {
	socket, err := dial(address)
	if err != nil {
		return err
	}
	l.connections[socket] = &connection{answer: make([]byte, 0, 16<<10)}
	return l.poller.add(socket)
}

func (l *load) close() {
	for socket := range l.connections {
		_ = unix.Close(socket)
	}
	l.poller.close()
}

// run sends requests for as long as it is told; it can be called again to go on. Any answer but the upstream's is an
// error, and so is a connection that ends; errRanOut comes when there is no fresh request any more.
func (l *load) run(ctx context.Context, length time.Duration) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	end := time.Now().Add(length)
	if l.sent == 0 {
		for socket, c := range l.connections {
			if err := l.ask(socket, c); err != nil {
				return err
			}
		}
	}
	for {
		ready, err := l.poller.wait()
		if err != nil {
			return err
		}
		for _, event := range ready {
			if err := l.hear(int(event.Fd)); err != nil {
				return err
			}
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if time.Now().After(end) {
			return nil
		}
	}
}

// ask sends the next request.
func (l *load) ask(socket int, c *connection) error {
	if l.fresh && l.sent == len(l.requests) {
		return errRanOut
	}
	request := l.requests[l.sent%len(l.requests)]
	l.sent++
	c.sentAt = time.Now()
	if n, err := unix.Write(socket, request); err != nil || n != len(request) {
		return fmt.Errorf("%d of %d bytes of a request were sent: %w", n, len(request), err)
	}
	return nil
}

// hear reads what has arrived of an answer, and sends the next request when that is all.
func (l *load) hear(socket int) error {
	c := l.connections[socket]
	n, err := unix.Read(socket, c.answer[len(c.answer):cap(c.answer)])
	if errors.Is(err, unix.EAGAIN) {
		return nil
	}
	if err != nil || n == 0 {
		return errors.Join(errors.New("a connection was closed instead of an answer"), err)
	}
	c.answer = c.answer[:len(c.answer)+n]
	complete, err := isAnswered(c.answer)
	if err != nil || !complete {
		return err
	}
	c.answer = c.answer[:0]
	l.answered++
	if err := l.latencies.RecordValue(max(minLatency, time.Since(c.sentAt).Microseconds())); err != nil {
		return err
	}
	return l.ask(socket, c)
}

var (
	okStatus  = []byte("HTTP/1.1 200 ")
	okBody    = []byte(upstreamBody)
	okChunked = []byte(upstreamBody + "\r\n0\r\n\r\n")
)

// isAnswered reports whether the whole answer of the upstream is there. Any other answer is an error.
func isAnswered(answer []byte) (bool, error) {
	if known := min(len(answer), len(okStatus)); !bytes.Equal(answer[:known], okStatus[:known]) {
		line, _, _ := bytes.Cut(answer, []byte("\r\n"))
		return false, fmt.Errorf("an answer was %q", line)
	}
	if len(answer) == cap(answer) {
		return false, errors.New("an answer is longer than the upstream's")
	}
	return bytes.HasSuffix(answer, okBody) || bytes.HasSuffix(answer, okChunked), nil
}
