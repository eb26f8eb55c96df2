package tunnel

import (
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Over sockets this would take more than a minute.
func TestATunnelIsLateWhenOneOfItsEndsTakesNothing(t *testing.T) {
	client, other := net.Pipe()
	defer client.Close()
	defer other.Close()
	now := time.Now()
	ago := func(d time.Duration) int64 { return now.Add(-d).UnixNano() }
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	dial := func() net.Conn {
		caller, err := net.Dial("tcp", listener.Addr().String())
		require.NoError(t, err)
		t.Cleanup(func() { _ = caller.Close() })
		accepted, err := listener.Accept()
		require.NoError(t, err)
		t.Cleanup(func() { _ = accepted.Close() })
		return accepted
	}
	waiting, gone := dial(), dial()
	require.NoError(t, gone.Close())
	for name, test := range map[string]struct {
		caller net.Conn
		client Conn
		opened               time.Duration // ago, as are the others
		toClient, toUpstream time.Duration // 0: nothing is being written
		late                 bool
	}{
		"not begun yet":            {gone, nil, beginTimeout, 0, 0, false},
		"never begun":              {gone, nil, beginTimeout + 1, 0, 0, true},
		"begun late":               {waiting, nil, time.Hour, 0, 0, false},
		"open for long":            {gone, client, time.Hour, 0, 0, false},
		"writing":                  {waiting, client, time.Hour, stallTimeout, stallTimeout, false},
		"the caller takes nothing": {waiting, client, time.Hour, stallTimeout + 1, 0, true},
		"nor does the upstream":    {waiting, client, time.Hour, 0, stallTimeout + 1, true},
	} {
		t.Run(name, func(t *testing.T) {
			tunnel := Tunnel{opening: Opening{CallerGone: func() bool { return test.caller == gone }}, opened: now.Add(-test.opened)}
			if test.toClient > 0 {
				tunnel.fromUpstream.writing.Store(ago(test.toClient))
			}
			if test.toUpstream > 0 {
				tunnel.fromClient.writing.Store(ago(test.toUpstream))
			}
			require.Equal(t, test.late, tunnel.isLate(now))
		})
	}
	tunnel := Tunnel{client: client}
	require.NoError(t, tunnel.fromUpstream.pass(io.Discard, []byte{finalFrame, 0}))
	require.False(t, tunnel.isLate(now.Add(time.Hour)), "what was taken is not being written")
}
