package gateway

import (
	"bytes"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"gatehouse/keys"
)

// Tunnel is an open WebSocket: two connections, and what passes between them as it is. It ends when one of the two hangs
// up, and is closed when its token is no longer good.
type Tunnel struct {
	tunnels  *tunnels
	to       *rule
	claims   *keys.Claims // nil for a caller without a token
	caller   net.Conn     // as long as it is fasthttp's
	upstream net.Conn     // that of link, without what HTTP needs
	link     *conn
	opened   time.Time
	logged   slog.Attr // names the request
	greeting []byte    // the head of the answer to the caller, and what the upstream sent right behind its own
	behind   []byte
	onEnd    func(TunnelEnd)

	fromClient, fromUpstream flow
	lastRead                 atomic.Int64 // from either, in nanoseconds since the Unix epoch
	unknownSince             time.Time    // the watch's alone

	ending atomic.Uint32 // the Ending, once somebody decided to end it

	// mu guards what decides about deadlines: those of a tunnel that ends are not moved by what goes on in it.
	mu        sync.Mutex
	client    net.Conn // nil until it was handed over
	halfClose func() error
	closeBy   time.Time
	cut       bool
	over      bool // and the connections are no longer its own
}

// TunnelEnd is what there is to say of a WebSocket in the end.
type TunnelEnd struct {
	Ending Ending
	// Received from the caller and Sent to it, in bytes with the frames' headers.
	Received, Sent int64
	Took           time.Duration
}

// OnEnd has told called once when the WebSocket has ended, on a goroutine of its own. It is for the Observer, and has to be
// called before Served returns.
func (t *Tunnel) OnEnd(told func(TunnelEnd)) { t.onEnd = told }

// openTunnel makes a WebSocket out of a request whose upstream has answered 101. c is the tunnel's once opened is true.
func (g *Gateway) openTunnel(ctx *fasthttp.RequestCtx, r *request, to *rule, c *conn) (opened bool, err error) {
	if err := r.handshake.checkAnswer(&c.head); err != nil {
		return false, err
	}
	t := &Tunnel{
		tunnels: g.tunnels, to: to, claims: r.seen.Claims, caller: ctx.Conn(), upstream: c.Conn, link: c, opened: time.Now(),
		logged:   r.logged(),
		greeting: r.appendSwitching(nil, &c.head),
		behind:   bytes.Clone(buffered(c.reader)),
	}
	t.lastRead.Store(t.opened.UnixNano())
	if closer, ok := ctx.Conn().(halfCloser); ok {
		t.halfClose = closer.CloseWrite
	}
	if !g.tunnels.add(t) {
		return false, errStopping
	}
	c.reader, c.head = nil, answerHead{} // a tunnel has its own buffers, and may be open for long
	ctx.Response.SetStatusCode(fasthttp.StatusSwitchingProtocols)
	ctx.HijackSetNoResponse(true)
	ctx.Hijack(t.run)
	r.seen.Tunnel = t
	return true, nil
}

// halfCloser is a connection on which nothing more is sent after CloseWrite, and whose other end may still send.
type halfCloser interface{ CloseWrite() error }

// run is the life of a tunnel, on the goroutine that fasthttp gives it. The caller's connection is closed after it.
func (t *Tunnel) run(client net.Conn) {
	if !t.begin(client) {
		return
	}
	defer t.finish()
	if _, err := t.fromUpstream.send(client, t.greeting); err != nil {
		return
	}
	t.greeting = nil
	var other sync.WaitGroup
	other.Go(t.copyDown)
	t.copyUp()
	other.Wait()
}

// begin reports whether the tunnel may begin: it was ended if too much time has passed since it was opened.
func (t *Tunnel) begin(client net.Conn) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.over {
		return false
	}
	t.client = client
	_ = t.upstream.SetDeadline(time.Time{}) // that of the handshake; fasthttp has removed the caller's
	return true
}

// finish is called once, when nothing is copied any more.
func (t *Tunnel) finish() {
	t.mu.Lock()
	t.over = true // fasthttp is about to give the caller's connection to another request
	t.mu.Unlock()
	t.to.upstream.release(t.link, false)
	t.tunnels.remove(t)
	if t.onEnd != nil {
		t.onEnd(TunnelEnd{
			Ending:   Ending(t.ending.Load()),
			Received: t.fromClient.bytes.Load(), Sent: t.fromUpstream.bytes.Load(),
			Took: time.Since(t.opened),
		})
	}
}
