package upstream

import (
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/gateway/gatewaytest"
)

func TestHasGone(t *testing.T) {
	for name, test := range map[string]struct {
		leave func(near, far *net.TCPConn)
		gone  bool
	}{
		"says nothing":    {func(_, _ *net.TCPConn) {}, false},
		"says more":       {func(_, far *net.TCPConn) { _, _ = far.Write([]byte("GET")) }, false},
		"hangs up":        {func(_, far *net.TCPConn) { _ = far.Close() }, true},
		"resets":          {func(_, far *net.TCPConn) { _, _ = far.SetLinger(0), far.Close() }, true},
		"half":            {func(_, far *net.TCPConn) { _ = far.CloseWrite() }, true},
		"was closed here": {func(near, _ *net.TCPConn) { _ = near.Close() }, true},
	} {
		t.Run(name, func(t *testing.T) {
			near, far := gatewaytest.Pair(t)
			require.False(t, HasGone(near))
			test.leave(near, far)
			if test.gone {
				require.Eventually(t, func() bool { return HasGone(near) }, patience, time.Millisecond)
				return
			}
			require.Never(t, func() bool { return HasGone(near) }, 20*time.Millisecond, time.Millisecond)
		})
	}
	unseen, _ := net.Pipe()
	require.False(t, HasGone(unseen), "what cannot be looked at has not gone")
}

// The guard sees every byte that waits, and the end of the stream, and takes none.
func TestGuard(t *testing.T) {
	near, far := gatewaytest.Pair(t)
	g, err := newGuard(near)
	require.NoError(t, err)
	require.True(t, g.isQuiet())
	_, err = far.Write([]byte("H"))
	require.NoError(t, err)
	require.Eventually(t, func() bool { return !g.isQuiet() }, patience, time.Millisecond)
	one := make([]byte, 1)
	_, err = near.Read(one)
	require.NoError(t, err)
	require.Equal(t, "H", string(one))
	require.True(t, g.isQuiet())
	require.NoError(t, far.CloseWrite())
	require.Eventually(t, func() bool { return !g.isQuiet() }, patience, time.Millisecond)
}
