package gateway

import (
	"bytes"
	"cmp"
	"slices"
	"time"

	"github.com/valyala/fasthttp"

	"gatehouse/gateway/internal/header"
	"gatehouse/gateway/internal/http1"
	"gatehouse/gateway/internal/upstream"
)

// forward sends the request to the rule's upstream and forwards the answer, in a span of its own where somebody traces.
func (g *Gateway) forward(ctx *fasthttp.RequestCtx, r *request, to *rule) error {
	if to.spend != nil || to.mcp != nil {
		defer func() { r.payment.Settle(r.seen.Sent) }()
	}
	if g.tracer == nil {
		return g.exchange(ctx, r, to)
	}
	span := g.tracer.Start(ctx, to.index)
	r.trace = span.AppendHeader(r.trace)
	err := g.exchange(ctx, r, to)
	status := 0
	if err == nil {
		status = ctx.Response.StatusCode()
	}
	span.End(status, r.seen.Failure)
	return err
}

// exchange sends the request once. Nothing is ever sent again: whether a request that failed was obeyed is known only to
// the upstream.
func (g *Gateway) exchange(ctx *fasthttp.RequestCtx, r *request, to *rule) error {
	from := peerOf(ctx, g.proxies)
	waited, err := r.begin(ctx, g, to, from)
	if err != nil {
		return err
	}
	if r.isProxied && !from.Trusted {
		g.foundUnknownProxy(from.Address)
	}
	if waited {
		if err := g.renew(r, to, from); err != nil {
			return err
		}
	}
	caller := upstream.Caller{Holder: g.holder(ctx, r), Conn: ctx.Conn(), Upgrades: r.handshake.Wanted}
	if r.payment != nil {
		if err := r.payment.Reserve(r.seen.Claims.Subject, r.seen.Claims.ClientID); err != nil {
			return notPaid(err, r.payment.Cost())
		}
		caller.Conn = nil // only the answer tells what was spent, also when its caller has gone
	}
	if to.timeout > 0 {
		caller.End = time.Now().Add(to.timeout)
	}
	x, err := to.upstream.Acquire(caller)
	if err != nil {
		return g.upstreamFailed(r, to, err, Unreachable)
	}
	handedOver := false // to a stream or a WebSocket, which ends the exchange
	defer func() {
		if !handedOver {
			r.lasting.stop()
			x.End() // after a panic, too
		}
	}()
	r.gateway, r.exchange = g, x
	x.WatchedBy(r)
	r.upload = r.rest()
	if x.IsLate() || r.payment.WasLate() {
		if err := g.renew(r, to, from); err != nil {
			return err
		}
	}
	if r.payment.MayBeSent() != nil {
		return errBudgetUnavailable
	}
	head, err := send(x, r)
	switch {
	case err != nil:
	case head.Status() == fasthttp.StatusSwitchingProtocols:
		r.lasting.stop() // a tunnel is watched by itself
		handedOver, err = g.openTunnel(ctx, r, to, x, head)
	default:
		handedOver, err = g.forwardAnswer(ctx, r, to, x, head)
	}
	if handedOver {
		return nil
	}
	r.lasting.stop()
	x.End()
	if r.upload != nil {
		r.seen.Received = int(r.upload.read)
	}
	if err != nil {
		return g.upstreamFailed(r, to, err, BrokeOff)
	}
	return nil
}

// send returns the head of the answer.
func send(x upstream.Exchange, r *request) (*upstream.Head, error) {
	message := upstream.Request{Head: r.head}
	if r.upload != nil {
		message.Body = r.upload
	}
	r.seen.Sent = true // until it is known better: also when something panics
	if err := x.Send(message); err != nil {
		r.seen.Sent = x.WasSent()
		return nil, err
	}
	return x.AwaitHead()
}

// renew authorizes a request again before its first byte is sent, and makes its head anew.
func (g *Gateway) renew(r *request, to *rule, from header.Peer) error {
	if r.seen.Claims == nil {
		return nil
	}
	if err := g.authorizeAgain(r, to); err != nil {
		return err
	}
	body := bytes.Clone(r.head[r.headSize:])
	if err := r.appendHead(to, from); err != nil {
		return err
	}
	r.head = append(r.head, body...)
	return nil
}

// begin reads the beginning of the request's body, and puts what is sent first into r.head. waited says that it was not
// all there.
func (r *request) begin(ctx *fasthttp.RequestCtx, g *Gateway, to *rule, from header.Peer) (waited bool, err error) {
	if err := r.body.open(ctx, to.maxBody); err != nil {
		return false, err
	}
	switch {
	case to.spend != nil:
		return r.beginSpending(g, to, from)
	case to.mcp != nil && r.bringsMessage():
		return r.beginMessage(g, to, from)
	}
	before := r.body.waits()
	if trailer, ok := r.fields.Get("trailer"); ok && r.body.IsChunked() {
		r.body.announced = header.AppendAnnounced(nil, trailer, &to.headers)
	}
	if err := r.appendHead(to, from); err != nil {
		return false, err
	}
	err = r.appendFirstPart()
	r.seen.Received = int(r.body.read)
	return r.wasAdmitted || r.body.waits() != before, err
}

// firstPart is how much of a body is read before a connection to the upstream is taken: callers who are slow to send
// little keep none.
const firstPart = 16 << 10

// appendFirstPart puts the beginning of the body behind the head, so that a small one goes with it.
func (r *request) appendFirstPart() (err error) {
	b := &r.body
	if b.IsChunked() {
		at := len(r.head)
		r.head = slices.Grow(r.head, firstPart)
		r.head, err = upstream.AppendPart(r.head[:at:at+firstPart], b)
		return err
	}
	if b.HasEnded() {
		return nil
	}
	room := int(min(firstPart, b.size))
	r.head = append(r.head, make([]byte, room)...)
	for free := r.head[len(r.head)-room:]; len(free) > 0; {
		n, err := b.Read(free)
		if err != nil {
			return err
		}
		free = free[n:]
	}
	return nil
}

// rest is what is still to be read of the body, nil when that is nothing. It outlives the request.
func (r *request) rest() *callerBody {
	if r.body.HasEnded() {
		return nil
	}
	rest := r.body
	return &rest
}

// holder is whose share of the upstream the request takes: that of the user, of a client that acts for itself, or of the
// address from where somebody without a token calls.
func (g *Gateway) holder(ctx *fasthttp.RequestCtx, r *request) upstream.Holder {
	if claims := r.seen.Claims; claims != nil {
		return upstream.Holder{User: cmp.Or(claims.Subject, claims.ClientID)}
	}
	return upstream.Holder{Address: http1.AddressKey(g.proxies.Caller(ctx))}
}

// forwardAnswer gives the caller the answer: at once when it is small, else as it arrives, after Handle. x is the answer's
// once streamed is true.
func (g *Gateway) forwardAnswer(ctx *fasthttp.RequestCtx, r *request, to *rule, x upstream.Exchange, head *upstream.Head) (
	streamed bool, err error,
) {
	r.payment.JudgeStatus(head.Status())
	except := header.Exception{Secret: to.credential.Secret(r.credential)}
	if to.credential.MadeByGateway() {
		switch status := head.Status(); {
		case len(r.credential) == 0:
		case status == fasthttp.StatusUnauthorized:
			return false, g.credentialRefused(r, to, x)
		case to.hub != nil && status < fasthttp.StatusMultipleChoices && !to.public:
			// What else it says may be of a proxy, or of its limit of requests; a public path asks nobody who they are.
			to.hub.LetsIn()
		}
		except.Name = "www-authenticate" // it asks for what callers do not have
	}
	if x.IsEarly() {
		ctx.SetConnectionClose() // what is left of the body would be the next request
	}
	response := &ctx.Response
	if len(except.Secret) > 0 && head.Status()/100 == 3 && x.HasBody() { // whose page repeats the Location
		copyHead(&response.Header, head, except)
		response.Header.Del(fasthttp.HeaderContentEncoding)
		return false, nil
	}
	if !x.HasBody() {
		copyHead(&response.Header, head, except)
		if ctx.IsHead() && head.Length() >= 0 {
			response.Header.SetContentLength(int(head.Length()))
		}
		return false, nil
	}
	if r.payment.NeedsBody(head.Status()) {
		return g.forwardJudged(ctx, r, to, x, head, except)
	}
	if len(head.Trailer()) == 0 || !r.takesTrailers() {
		body, whole, err := x.ReadWhole(r.head[:0])
		if err != nil {
			return false, err
		}
		if whole {
			copyHead(&response.Header, head, except)
			response.SetBody(body)
			return false, nil
		}
	}
	copyHead(&response.Header, head, except)
	if to.streamsEvents && isEvents(head) {
		x.MayBeSilent(ctx.Conn()) // what was spent, the head has told
	}
	g.streamAnswer(ctx, r, to, x, head)
	return true, nil
}

// isEvents holds for an answer of server-sent events.
func isEvents(head *upstream.Head) bool {
	contentType, _ := head.Get("content-type")
	kind, _, _ := bytes.Cut(contentType, []byte{';'})
	return http1.IsNamed(http1.Trim(kind), "text/event-stream")
}

// copyHead copies the status and the fields that pass.
func copyHead(to *fasthttp.ResponseHeader, head *upstream.Head, except header.Exception) {
	to.SetStatusCode(head.Status())
	to.SetNoDefaultContentType(true)
	for i := range head.Fields() {
		if name, value, ok := head.Field(i); ok && except.Passes(name, value) {
			to.AddBytesKV(name, value)
		}
	}
}
