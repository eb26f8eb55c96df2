package upstream

import (
	"net"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/gateway/gatewaytest"
)

// An upstream may say too much a moment after its answer. It is noticed before the connection serves another user.
func TestConnectionsAreQuietBeforeTheyServeAnotherUser(t *testing.T) {
	for name, test := range map[string]struct {
		settings    Settings
		users       string
		connections int
	}{
		"one user":        {Settings{QuietPeriod: time.Hour}, "1111", 1},
		"others":          {Settings{QuietPeriod: time.Hour}, "1234", 4},
		"each has one":    {Settings{QuietPeriod: time.Hour}, "12123", 3},
		"after a while":   {Settings{QuietPeriod: time.Nanosecond}, "1234", 1},
		"few are allowed": {Settings{QuietPeriod: time.Hour, MaxConns: 2}, "1234", 2},
		"enough are idle": {Settings{QuietPeriod: time.Hour, MaxIdleConns: 12}, "123456", 3},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPeer(t, test.settings, own)
			for _, user := range test.users {
				require.Equal(t, "/a", p.whole(t, string(user), get("/a")))
			}
			require.Equal(t, test.connections, p.Connections())
		})
	}
}

func TestAnUpstreamThatCannotBeReachedTakesNoPlace(t *testing.T) {
	pool, err := NewPool(Origin{Address: gatewaytest.Unreachable(t)}, Settings{MaxConns: 1, ConnWait: time.Millisecond})
	require.NoError(t, err)
	defer pool.Close()
	for range 3 {
		_, err = pool.Acquire(Caller{Holder: Holder{User: "1"}})
		var network *net.OpError
		require.ErrorAs(t, err, &network)
	}
}

func TestIdleConnectionsAreClosed(t *testing.T) {
	p := newPeer(t, Settings{}, own)
	p.whole(t, "1", get("/a"))
	p.pool.CloseIdleSince(time.Now().Add(-time.Hour))
	p.whole(t, "1", get("/b"))
	require.Equal(t, 1, p.Connections())
	p.pool.CloseIdleSince(time.Now())
	require.Empty(t, p.pool.idle)
	p.whole(t, "1", get("/c"))
	require.Equal(t, 2, p.Connections())

	x := p.acquire(t, "1")
	p.pool.Close()
	require.NoError(t, x.Send(get("/d")), "what is under way goes on")
	_, err := x.AwaitHead()
	require.NoError(t, err)
	require.Equal(t, "/d", readAll(t, x))
	x.End()
	require.Empty(t, p.pool.idle)
}

// stubborn takes its time to close, as TLS does with a peer that takes nothing.
type stubborn struct {
	net.Conn
	closing, closed chan struct{}
}

func (s *stubborn) Close() error {
	close(s.closing)
	<-s.closed
	return s.Conn.Close()
}

func TestNobodyWaitsForAnIdleConnectionToClose(t *testing.T) {
	p := newPeer(t, Settings{QuietPeriod: time.Hour}, own)
	p.whole(t, "1", get("/a"))
	slow := &stubborn{p.pool.idle[0].Conn, make(chan struct{}), make(chan struct{})}
	p.pool.idle[0].Conn = slow
	end := sync.OnceFunc(func() { close(slow.closed) })
	t.Cleanup(end)
	swept := make(chan struct{})
	go func() { p.pool.CloseIdleSince(time.Now()); close(swept) }()
	<-slow.closing
	require.True(t, p.pool.mu.TryLock(), "the pool is not locked meanwhile")
	p.pool.mu.Unlock()
	require.Equal(t, "/b", p.whole(t, "1", get("/b")))
	end()
	<-swept
	require.Equal(t, 2, p.Connections())
	require.Len(t, p.pool.idle, 1, "the one that is in use stays")
}

// A connection that is given back is another's at once. The place is still that of who had it.
func TestPlacesAreGivenBackByThoseWhoHadThem(t *testing.T) {
	p := newPeer(t, Settings{MaxConns: 4, MaxConnsPerUser: 2, ConnWait: patience, QuietPeriod: time.Nanosecond}, own)
	p.Forget()
	var users sync.WaitGroup
	for user := range 8 {
		users.Go(func() {
			for range 200 {
				x, err := p.pool.Acquire(Caller{Holder: Holder{User: strconv.Itoa(user)}})
				if err != nil {
					t.Error(err)
					return
				}
				if err := x.Send(get("/a")); err == nil {
					_, _ = x.AwaitHead()
					_, _, _ = x.ReadWhole(nil)
				}
				x.End()
			}
		})
	}
	users.Wait()
	require.Zero(t, p.pool.requests.inUse())
	require.Empty(t, p.pool.requests.shares)
}
