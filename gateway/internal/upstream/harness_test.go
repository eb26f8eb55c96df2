package upstream

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/gateway/gatewaytest"
)

const patience = gatewaytest.Patience

// peer is a pool and the other end of its connections.
type peer struct {
	*gatewaytest.Upstream
	pool *Pool
}

// newPeer serves until the test ends. Exchanges have to have ended by then. answer says what each request is answered with;
// "" hangs up.
func newPeer(t testing.TB, settings Settings, answer func(gatewaytest.Request) string) *peer {
	t.Helper()
	p := &peer{Upstream: gatewaytest.NewUpstream(t, gatewaytest.AnsweringWith(answer))}
	var err error
	p.pool, err = NewPool(Origin{Address: p.Addr(), Host: "upstream"}, settings)
	require.NoError(t, err)
	t.Cleanup(func() {
		p.pool.Close()
		require.Empty(t, p.pool.requests.taken, "every place was given back")
	})
	return p
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
func own(r gatewaytest.Request) string { return withLength(r.Target) }

func withLength(body string) string { return gatewaytest.WithLength(body) }

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
