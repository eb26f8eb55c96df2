package upstream

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/gateway/gatewaytest"
)

// Whether a payment may have been made is decided by the first byte that the upstream can have got.
func TestARequestWasSentFromItsFirstByteOn(t *testing.T) {
	p := newPeer(t, Settings{}, own)
	require.False(t, Exchange{}.WasSent())
	x := p.acquire(t, "1")
	require.False(t, x.WasSent())
	require.NoError(t, x.Send(get("/a")))
	require.True(t, x.WasSent())
	_, err := x.AwaitHead()
	require.NoError(t, err)
	require.True(t, x.WasSent())
	require.Equal(t, "/a", readAll(t, x))
	x.End()
	require.False(t, x.WasSent(), "it is another's")

	again := p.acquire(t, "1")
	require.Same(t, x.c, again.c)
	require.False(t, again.WasSent())
	again.c.waiting.end = longAgo
	require.Error(t, again.Send(get("/b")))
	require.False(t, again.WasSent(), "not a byte could be written")
	again.End()
	require.Len(t, p.Requests(), 1)
}

func TestAPartOfARequestWasSent(t *testing.T) {
	upstream := gatewaytest.NewUpstream(t, func(c *gatewaytest.Conn) { _, _ = c.Reader.ReadByte() }) // and closes
	pool, err := NewPool(Origin{Address: upstream.Addr(), Host: "upstream"}, Settings{})
	require.NoError(t, err)
	defer pool.Close()
	x, err := pool.Acquire(Caller{End: time.Now().Add(gatewaytest.Patience)})
	require.NoError(t, err)
	defer x.End()
	large := append(get("/c").Head, make([]byte, 64<<20)...) // more than sockets hold
	require.Error(t, x.Send(Request{Head: large}))
	require.True(t, x.WasSent())
}
