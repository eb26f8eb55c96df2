package gateway_test

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/gateway"
)

func named(name string) options {
	return options{config: func(c *gateway.Config) { c.Via = name }}
}

func TestViaSaysThatTheRequestCameThroughHere(t *testing.T) {
	upstream := newUpstream(t, answerAll)
	s := newSystem(t, []gateway.Route{balance(upstream.URL(), public)}, named("gatehouse"))
	require.Equal(t, 200, s.do(raw("GET /balance", "Via: 1.1 before (a comment), 2 cdn")).StatusCode)
	require.Equal(t, []string{"1.1 before (a comment), 2 cdn", "1.1 gatehouse"}, upstream.Only().Values("Via"))
	require.Equal(t, 200, s.do("GET /balance HTTP/1.0\r\nHost: gateway.example\r\n\r\n").StatusCode)
	require.Equal(t, []string{"1.0 gatehouse"}, upstream.Requests()[1].Values("Via"))
}

func TestViaCanBeTurnedOff(t *testing.T) {
	upstream := newUpstream(t, answerAll)
	s := newSystem(t, []gateway.Route{balance(upstream.URL(), public)}, named(""))
	require.Equal(t, 200, s.do(raw("GET /balance")).StatusCode)
	require.Empty(t, upstream.Only().Values("Via"))
}

// A route that leads back to the gateway ends after a few rounds, and does not take all connections there are.
func TestARouteInACircleEnds(t *testing.T) {
	relay, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := newSystem(t, []gateway.Route{balance("http://"+relay.Addr().String(), public)}, named("Edge.1"))
	var rounds atomic.Int32
	var relayed sync.WaitGroup
	relayed.Go(func() {
		for {
			from, err := relay.Accept()
			if err != nil {
				return
			}
			rounds.Add(1)
			to, err := net.Dial("tcp", s.addr)
			if err != nil {
				_ = from.Close()
				return
			}
			relayed.Go(func() { _, _ = io.Copy(to, from); _ = to.Close() })
			relayed.Go(func() { _, _ = io.Copy(from, to); _ = from.Close() })
		}
	})
	require.Equal(t, 508, s.do(raw("GET /balance")).StatusCode)
	require.EqualValues(t, 6, rounds.Load())
	require.NoError(t, s.gateway.Close())
	require.NoError(t, relay.Close())
	relayed.Wait()
}
