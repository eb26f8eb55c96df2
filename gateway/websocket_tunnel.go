package gateway

import (
	"bytes"
	"errors"
	"net"

	"github.com/valyala/fasthttp"

	"gatehouse/gateway/internal/tunnel"
)

// Tunnel is an open WebSocket, as far as an Observer sees it.
type Tunnel interface {
	// OnEnd has told called once when the WebSocket has ended, on a goroutine of its own. told must not block. Only the first
	// OnEnd of a tunnel counts.
	OnEnd(told func(TunnelEnd))
}

// TunnelEnd is how a WebSocket ended.
type TunnelEnd = tunnel.End

// openTunnel makes a WebSocket out of a request whose upstream has answered 101. c is the tunnel's once opened is true.
func (g *Gateway) openTunnel(ctx *fasthttp.RequestCtx, r *request, to *rule, c *conn) (opened bool, err error) {
	if err := r.handshake.checkAnswer(&c.head); err != nil {
		return false, err
	}
	caller, logged := ctx.Conn(), r.logged()
	t, ok := g.tunnels.Open(tunnel.Opening{
		Claims:          r.seen.Claims,
		KeepWhenUnknown: to.allows,
		IdleTimeout:     to.webSocket.idleTimeout,
		Upstream:        &upgradedConn{Conn: c.Conn, behind: bytes.Clone(buffered(c.reader))},
		Greeting:        r.appendSwitching(nil, &c.head),
		CallerGone:      func() bool { return hasGone(caller) },
		Release:         func() { to.upstream.release(c, false) },
		Unknown: func(cause error) {
			if times, due := g.tunnelUnknown.Due(); due {
				g.log.Warn("WebSocket closed: cannot tell whether the token was revoked", "route", to.name, "error", cause, "times", times, logged)
			}
		},
	})
	if !ok {
		return false, errStopping
	}
	c.reader, c.head = nil, answerHead{} // a tunnel has its own buffers, and may be open for long
	ctx.Response.SetStatusCode(fasthttp.StatusSwitchingProtocols)
	ctx.HijackSetNoResponse(true)
	ctx.Hijack(func(hijacked net.Conn) { t.Run(callerConn{hijacked, caller}) })
	r.seen.Tunnel = t
	return true, nil
}

// upgradedConn is a connection to an upstream, without what HTTP needs.
type upgradedConn struct {
	net.Conn
	behind []byte // what the upstream sent right behind its answer
}

// Read returns first what was read already.
func (c *upgradedConn) Read(p []byte) (int, error) {
	if len(c.behind) == 0 {
		return c.Conn.Read(p)
	}
	n := copy(p, c.behind)
	if c.behind = c.behind[n:]; len(c.behind) == 0 {
		c.behind = nil
	}
	return n, nil
}

func (c *upgradedConn) CloseWrite() error { return closeWrite(c.Conn) }

// callerConn is the caller's connection as fasthttp hands it over, which cannot be closed one way.
type callerConn struct {
	net.Conn
	accepted net.Conn
}

func (c callerConn) CloseWrite() error { return closeWrite(c.accepted) }

func closeWrite(c net.Conn) error {
	if closer, ok := c.(interface{ CloseWrite() error }); ok {
		return closer.CloseWrite()
	}
	return errors.ErrUnsupported
}
