package gateway

import (
	"io"
	"strconv"
	"time"

	"github.com/valyala/fasthttp"
)

// forward sends the request to the rule's upstream, once, and copies the answer. Nothing is ever sent again: whether a
// request that failed was obeyed is known only to the upstream.
func (g *Gateway) forward(ctx *fasthttp.RequestCtx, r *request, to *rule) error {
	deadline := time.Now().Add(to.timeout)
	body, err := requestBody(&ctx.Request, g.maxBody)
	if err != nil {
		return err
	}
	r.seen.Received = len(body)
	r.appendHead(to, peerOf(ctx, g.proxies), len(body))

	c, err := to.upstream.acquire(deadline)
	if err != nil {
		return g.upstreamFailed(r, to, err, Unreachable)
	}
	reusable := false
	defer func() { to.upstream.release(c, reusable) }()

	response := fasthttp.AcquireResponse()
	defer fasthttp.ReleaseResponse(response)
	response.Header.SetNoDefaultContentType(true)
	isHead := ctx.IsHead()
	if err := c.exchange(r.head, body, isHead, to.upstream.limits.MaxResponseBody, deadline, response); err != nil {
		return g.upstreamFailed(r, to, err, BrokeOff)
	}
	reusable = c.head.staysOpen()
	if to.isOwn {
		if len(r.credential) > 0 && response.StatusCode() == fasthttp.StatusUnauthorized {
			return g.upstreamFailed(r, to, errRefusedCredential, CredentialRefused)
		}
		response.Header.Del(fasthttp.HeaderWWWAuthenticate) // it asks for what callers do not have
	}
	copyAnswer(&ctx.Response, response, c.head.connection, isHead)
	return nil
}

// exchange writes one request and reads its answer into response, until deadline.
func (c *conn) exchange(head, body []byte, isHead bool, maxBody int, deadline time.Time, response *fasthttp.Response) error {
	if err := c.SetDeadline(deadline); err != nil {
		return err
	}
	if err := c.send(head); err != nil {
		return err
	}
	if len(body) > 0 {
		if err := c.send(body); err != nil {
			return err
		}
	}
	if err := c.readHead(&response.Header); err != nil {
		return err
	}
	if c.head.status == fasthttp.StatusSwitchingProtocols {
		return errUpgraded
	}
	if isHead || !c.head.hasBody() {
		return nil
	}
	return c.readBody(response, maxBody)
}

func requestBody(request *fasthttp.Request, limit int) ([]byte, error) {
	if !request.IsBodyStream() {
		if body := request.Body(); len(body) <= limit {
			return body, nil
		}
		return nil, errBodyTooLarge
	}
	body, err := io.ReadAll(io.LimitReader(request.BodyStream(), int64(limit)+1))
	switch {
	case err != nil:
		return nil, errMalformedRequest
	case len(body) > limit:
		return nil, errBodyTooLarge
	}
	return body, nil
}

// appendHead writes the head of the request to the upstream from what was parsed. Only what passes is taken over; what
// the gateway says comes from the gateway alone, whatever the caller's Connection header lists.
func (r *request) appendHead(to *rule, from peer, bodySize int) {
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
		case fate == endsHere, fate == identifies && len(r.id) > 0, fate == traces && len(r.trace) > 0:
			continue
		case fate == fromProxies:
			if !from.trusted || isNamed(f.name, "x-forwarded-for") { // which is written anew, with the proxy added
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
	if bodySize > 0 || r.hasLength() {
		head = append(head, "Content-Length: "...)
		head = strconv.AppendInt(head, int64(bodySize), 10)
		head = append(head, "\r\n"...)
	}
	r.head = append(head, "\r\n"...)
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

// copyAnswer takes over what was read completely. The body changes hands without being copied.
// connection lists the fields that end here beside those that always do.
func copyAnswer(to, from *fasthttp.Response, connection []byte, isHead bool) {
	to.SetStatusCode(from.StatusCode())
	to.Header.SetNoDefaultContentType(true)
	for name, value := range from.Header.All() {
		if !isHopByHop(string(name)) && !listed(connection, name) {
			to.Header.AddBytesKV(name, value)
		}
	}
	if isHead {
		if size := from.Header.ContentLength(); size >= 0 {
			to.Header.SetContentLength(size)
		}
		return
	}
	body := from.SwapBody(nil)
	from.SwapBody(to.SwapBody(body))
}
