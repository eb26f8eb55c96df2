package listener

import (
	"io"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/gateway/gatewaytest"
)

const transportPatience = 500 * time.Millisecond

// transportPair is a caller's connection from both sides. Its buffers are small, so that a write waits for the reader.
func transportPair(t *testing.T) (*transport, *net.TCPConn) {
	t.Helper()
	own, caller := gatewaytest.Pair(t)
	require.NoError(t, own.SetWriteBuffer(64<<10))
	require.NoError(t, caller.SetReadBuffer(64<<10))
	return newTransport(own, transportPatience, 0, netip.Addr{}), caller
}

func TestAWriteLastsAsLongAsSomethingIsTaken(t *testing.T) {
	own, caller := transportPair(t)
	const size = 16 << 20
	go func() {
		piece := make([]byte, 256<<10)
		for {
			if _, err := io.ReadFull(caller, piece); err != nil {
				return
			}
			time.Sleep(transportPatience / 16) // for all of it, several times the patience
		}
	}()
	began := time.Now()
	n, err := own.Write(make([]byte, size))
	require.NoError(t, err)
	require.Equal(t, size, n)
	require.Greater(t, time.Since(began), 2*transportPatience)
}

func TestAWriteThatNobodyTakesEnds(t *testing.T) {
	own, _ := transportPair(t)
	_, err := own.Write(make([]byte, 64<<20))
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
}

func TestAWriteLastsNoLongerThanWasAsked(t *testing.T) {
	own, caller := transportPair(t)
	go func() { _, _ = io.Copy(io.Discard, caller) }()
	require.NoError(t, own.SetWriteDeadline(time.Now().Add(-time.Second)))
	_, err := own.Write([]byte("late"))
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	own.writes.forget()
	_, err = own.Write([]byte("the next request's"))
	require.NoError(t, err)
}

// TestAWriteIsNotCutShort fills the connection with bytes of which each is taken or not, up to one that waits in vain.
func TestAWriteIsNotCutShort(t *testing.T) {
	own, _ := transportPair(t)
	for {
		began := time.Now()
		if _, err := own.Write([]byte{0}); err != nil {
			require.ErrorIs(t, err, os.ErrDeadlineExceeded)
			require.GreaterOrEqual(t, time.Since(began), transportPatience)
			return
		}
	}
}

// A caller that takes a byte now and then would keep a connection for days.
func TestAWriteThatIsTakenTooSlowlyEnds(t *testing.T) {
	own, caller := transportPair(t)
	own.least = 1 << 20
	go func() {
		piece := make([]byte, 32<<10)
		for {
			if _, err := io.ReadFull(caller, piece); err != nil {
				return
			}
			time.Sleep(transportPatience / 8) // 256 KiB in a patience
		}
	}()
	_, err := own.Write(make([]byte, 64<<20))
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
}

// The rate is configured in bytes a second, whatever the patience is, and holds for each connection.
func TestAnAnswerHasALeastRate(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	config := allowing(generous)
	config.Limits.BodyRate, config.Timeouts.Write = 1<<40, transportPatience // more than any machine takes
	l := New(inner, config)
	defer func() { _ = l.Close() }()
	caller, err := net.Dial("tcp", inner.Addr().String())
	require.NoError(t, err)
	served, err := l.Accept()
	require.NoError(t, err)
	defer func() { _ = served.Close() }()
	taken := make(chan struct{})
	go func() {
		defer close(taken)
		piece := make([]byte, 256<<10)
		for {
			if _, err := io.ReadFull(caller, piece); err != nil {
				return
			}
			time.Sleep(transportPatience / 16)
		}
	}()
	const size = 32 << 20 // four patiences
	n, err := served.Write(make([]byte, size))
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	require.Less(t, n, size)
	require.NoError(t, caller.Close())
	<-taken
}
