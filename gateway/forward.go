package gateway

import (
	"errors"
	"strconv"
	"time"

	"github.com/valyala/fasthttp"

	"gatehouse/gateway/internal/http1"
)

// forward sends the request to the rule's upstream, once, and passes the answer on. Nothing is ever sent again: whether a
// request that failed was obeyed is known only to the upstream.
func (g *Gateway) forward(ctx *fasthttp.RequestCtx, r *request, to *rule) error {
	err := r.body.open(ctx, to.maxBody)
	if err != nil {
		return err
	}
	r.appendHead(to, peerOf(ctx, g.proxies))
	err = r.appendFirstPart()
	r.seen.Received = int(r.body.read)
	if err != nil {
		return err
	}
	now := time.Now()
	var end time.Time
	if to.timeout > 0 {
		end = now.Add(to.timeout)
	}
	c, now, err := to.upstream.acquire(r.user(), now, end)
	if err != nil {
		return g.upstreamFailed(r, to, err, Unreachable)
	}
	c.begin(ctx.Conn(), end)
	passed := false
	err = c.exchangeHeads(r, now)
	switch {
	case err == nil:
		passed, err = g.passOn(ctx, r, to, c)
	case r.handshake.wanted && errors.Is(err, errUpgraded):
		passed, err = g.openTunnel(ctx, r, to, c)
	}
	if passed {
		return nil
	}
	r.endUpload(c)
	to.upstream.release(c, false)
	return g.upstreamFailed(r, to, err, BrokeOff)
}

// exchangeHeads sends the request, or its beginning, and reads the head of the answer.
func (c *conn) exchangeHeads(r *request, now time.Time) error {
	c.switches = r.handshake.wanted
	if err := c.send(r.head, now); err != nil {
		return err
	}
	if !r.body.hasEnded() {
		c.startUpload(&r.body, r.announcedTrailers())
	}
	if err := c.waitFor(now, c.settings.FirstByteTimeout); err != nil {
		return err
	}
	if err := c.readHead(); err != nil {
		return err
	}
	c.waiting.settled = true
	if c.head.status == fasthttp.StatusSwitchingProtocols {
		return errUpgraded
	}
	return nil
}

// firstPart is how much of a body of known length is read before a connection to the upstream is taken: callers who are
// slow to send little keep none.
const firstPart = 16 << 10

// appendFirstPart puts the beginning of the body behind the head, so that a small one goes with it.
func (r *request) appendFirstPart() error {
	b := &r.body
	if b.isChunked() {
		buffer := bodyBuffers.Get().(*bodyBuffer)
		defer bodyBuffers.Put(buffer)
		part, err := b.appendPart(buffer[:0:firstPart], r.announcedTrailers())
		r.head = append(r.head, part...)
		return err
	}
	if b.hasEnded() {
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

// appendHead writes the head of the request to the upstream from what was parsed. Only what passes is taken over; what
// the gateway says comes from the gateway alone, whatever the caller's Connection header lists.
func (r *request) appendHead(to *rule, from peer) {
	head := append(r.head[:0], r.method...)
	head = append(head, ' ')
	head = append(head, to.basePath...)
	head = r.target.appendPath(head)
	head = append(head, r.target.query...)
	head = append(head, " HTTP/1.1\r\nHost: "...)
	head = append(head, to.upstream.origin.host...)
	head = append(head, "\r\n"...)
	_, hasConnection := r.fields.get("connection")
	for i := range r.fields {
		f := &r.fields[i]
		switch fate := fateOf(f.name); {
		case fate == endsHere, fate == identifies && len(r.id) > 0, fate == traces && len(r.trace) > 0,
			fate == handshakes && r.handshake.wanted:
			continue
		case fate == fromProxies:
			if !from.trusted || http1.IsNamed(f.name, "x-forwarded-for") { // which is written anew, with the proxy added
				continue
			}
		case hasConnection && r.fields.listedInConnection(f.name):
			continue
		}
		head = append(head, f.name...)
		head = append(head, ": "...)
		head = append(head, f.value...)
		head = append(head, "\r\n"...)
	}
	host, _ := r.fields.get("host")
	head = from.appendForwarded(head, r.fields, host)
	head = append(head, r.credential...)
	head = append(head, r.trace...)
	if len(r.id) > 0 {
		head = append(append(append(head, "X-Request-Id: "...), r.id...), "\r\n"...)
	}
	switch {
	case r.handshake.wanted:
		head = r.handshake.append(head, r.fields)
	case r.takesTrailers():
		head = append(head, "Connection: TE\r\nTE: trailers\r\n"...)
	}
	r.head = append(r.appendFraming(head), "\r\n"...)
}

// appendFraming says how long the body is.
func (r *request) appendFraming(head []byte) []byte {
	switch {
	case r.body.isChunked():
		head = append(head, "Transfer-Encoding: chunked\r\n"...)
		if announced := r.announcedTrailers(); len(announced) > 0 {
			head = append(append(append(head, "Trailer: "...), announced...), "\r\n"...)
		}
	case r.body.size > 0 || r.hasLength():
		head = append(head, "Content-Length: "...)
		head = strconv.AppendInt(head, r.body.size, 10)
		head = append(head, "\r\n"...)
	}
	return head
}

// hasLength reports whether a request without a body has to say so (RFC 9110 section 8.6).
func (r *request) hasLength() bool {
	switch string(r.method) {
	case fasthttp.MethodPost, fasthttp.MethodPut, fasthttp.MethodPatch:
		return true
	}
	_, ok := r.fields.get("content-length")
	return ok
}

// announcedTrailers are the names of the trailers that pass, as a list.
func (r *request) announcedTrailers() []byte {
	if value, ok := r.fields.get("trailer"); ok {
		return appendAnnounced(nil, value)
	}
	return nil
}

// takesTrailers reports whether the caller has asked for trailers.
func (r *request) takesTrailers() bool {
	return r.isHTTP11 && r.fields.lists("te", []byte("trailers"))
}

// passOn gives the caller the answer of which the head was read: at once when it is small, else as it arrives, after
// Handle. c is released once passed is true.
func (g *Gateway) passOn(ctx *fasthttp.RequestCtx, r *request, to *rule, c *conn) (passed bool, err error) {
	except := ""
	if to.isOwn {
		if len(r.credential) > 0 && c.head.status == fasthttp.StatusUnauthorized {
			return false, errRefusedCredential
		}
		except = "www-authenticate" // it asks for what callers do not have
	}
	isComplete := c.waiting.upload.isComplete()
	if !isComplete {
		ctx.SetConnectionClose() // what is left of the body would be the next request
	}
	response := &ctx.Response
	if !ctx.IsHead() && c.head.hasBody() {
		var body []byte
		isWhole := false
		if len(c.head.trailer) == 0 || !r.takesTrailers() {
			if body, isWhole, err = c.readWhole(r.head[:0]); err != nil {
				return false, err
			}
		}
		c.head.copyTo(&response.Header, except)
		if !isWhole {
			g.stream(ctx, r, to, c)
			return true, nil
		}
		response.SetBody(body)
	} else {
		c.head.copyTo(&response.Header, except)
		if ctx.IsHead() && c.head.length >= 0 {
			response.Header.SetContentLength(c.head.length)
		}
	}
	r.endUpload(c)
	to.upstream.release(c, isComplete && c.head.staysOpen())
	return true, nil
}

// user is whose request it is; empty without a token.
func (r *request) user() string {
	if r.seen.Claims == nil {
		return ""
	}
	return r.seen.Claims.Subject
}

// endUpload makes an end of the upload, if there is one.
func (r *request) endUpload(c *conn) {
	if u := c.waiting.upload; u != nil {
		u.stop()
		r.seen.Received = int(u.received.Load())
	}
}
