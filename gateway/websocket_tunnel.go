package gateway

import (
	"errors"
	"net"

	"github.com/valyala/fasthttp"

	"gatehouse/gateway/internal/header"
	"gatehouse/gateway/internal/panics"
	"gatehouse/gateway/internal/tunnel"
	"gatehouse/gateway/internal/upstream"
)

// Tunnel is an open WebSocket, as far as an Observer sees it.
type Tunnel interface {
	// OnEnd has told called once when the WebSocket has ended, or at once if it has ended before. told must not block. Only
	// the first OnEnd of a tunnel counts. It counts as open until told has returned, or the observer has not asked.
	OnEnd(told func(TunnelEnd))
}

// TunnelEnd is how a WebSocket ended.
type TunnelEnd = tunnel.End

// openTunnel makes a WebSocket out of a request whose upstream has answered 101. The exchange has ended once opened is
// true.
func (g *Gateway) openTunnel(ctx *fasthttp.RequestCtx, r *request, to *rule, x upstream.Exchange, head *upstream.Head) (
	opened bool, err error,
) {
	if err := r.handshake.CheckAnswer(head); err != nil {
		return false, err
	}
	greeting := r.handshake.AppendAnswer(nil, head, header.Exception{Secret: to.credential.Secret(r.credential)}, r.id)
	upgraded, err := x.Upgrade()
	if err != nil {
		return false, err
	}
	defer func() {
		if !opened {
			_ = upgraded.Close() // after a panic, too
		}
	}()
	caller, logged := ctx.Conn(), r.logged()
	panicked := func(err error) { g.logPanic(err, to.name, logged) }
	t, ok := g.tunnels.Open(tunnel.Opening{
		Claims:          r.seen.Claims,
		KeepWhenUnknown: to.allows,
		IdleTimeout:     to.webSocket.idleTimeout,
		Upstream:        upgraded,
		Greeting:        greeting,
		CallerGone:      func() bool { return upstream.HasGone(caller) },
		Release:         func() { _ = upgraded.Close() },
		Unknown:         func(cause error) { g.unknownTooLong(to, cause, logged) },
		Observed:        true,
		Panicked:        panicked,
	})
	if !ok {
		return false, errStopping
	}
	r.tunnel, opened = t, true
	ctx.Response.SetStatusCode(fasthttp.StatusSwitchingProtocols)
	ctx.HijackSetNoResponse(true)
	ctx.Hijack(func(hijacked net.Conn) {
		panicked(panics.Do(func() { t.Run(callerConn{hijacked, caller}) }))
	})
	r.seen.Tunnel = t
	return true, nil
}

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
