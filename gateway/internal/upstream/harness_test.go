package upstream

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// patience is how long a test waits for what must happen.
const patience = 20 * time.Second

// peer is the other end of a pool's connections. answer gets each request whole and says what to answer; "" hangs up.
type peer struct {
	pool     *Pool
	accepted atomic.Int64
	requests atomic.Int64
	open     sync.WaitGroup
}

// newPeer serves until the test ends. Exchanges have to have ended by then.
func newPeer(t testing.TB, settings Settings, answer func(r *http.Request, body string) string) *peer {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := &peer{}
	p.pool, err = NewPool(Origin{Address: ln.Addr().String(), Host: "upstream"}, settings)
	require.NoError(t, err)
	p.open.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			p.accepted.Add(1)
			p.open.Go(func() { p.serve(c, answer) })
		}
	})
	t.Cleanup(func() {
		_ = ln.Close()
		p.pool.Close()
		p.open.Wait()
		require.Empty(t, p.pool.requests.taken, "every place was given back")
	})
	return p
}

func (p *peer) serve(c net.Conn, answer func(*http.Request, string) string) {
	defer c.Close()
	reader := bufio.NewReader(c)
	for {
		request, err := http.ReadRequest(reader)
		if err != nil {
			return
		}
		p.requests.Add(1)
		body, err := io.ReadAll(request.Body)
		if err != nil {
			return
		}
		reply := answer(request, string(body))
		if reply == "" {
			return
		}
		if _, err := io.WriteString(c, reply); err != nil {
			return
		}
	}
}

// acquire begins an exchange for a user whose caller stays.
func (p *peer) acquire(t testing.TB, user string) Exchange {
	t.Helper()
	return p.acquireFor(t, Caller{Holder: Holder{User: user}})
}

func (p *peer) acquireFor(t testing.TB, caller Caller) Exchange {
	t.Helper()
	x, err := p.pool.Acquire(caller)
	require.NoError(t, err)
	return x
}

func get(target string) Request {
	return Request{Head: []byte("GET " + target + " HTTP/1.1\r\nHost: upstream\r\n\r\n")}
}

// own answers each request with its target.
func own(r *http.Request, _ string) string { return withLength(r.URL.Path) }

func withLength(body string) string {
	return "HTTP/1.1 200 OK\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body
}

// whole does one exchange and returns the body of the answer.
func (p *peer) whole(t testing.TB, user string, r Request) string {
	t.Helper()
	x := p.acquire(t, user)
	defer x.End()
	require.NoError(t, x.Send(r))
	_, err := x.AwaitHead()
	require.NoError(t, err)
	return readAll(t, x)
}

func readAll(t testing.TB, x Exchange) string {
	t.Helper()
	var all strings.Builder
	for {
		part, err := x.Take()
		all.Write(part)
		if errors.Is(err, io.EOF) {
			return all.String()
		}
		require.NoError(t, err)
		if len(part) == 0 {
			require.NoError(t, x.Await())
		}
	}
}
