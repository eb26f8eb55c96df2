package gateway

import (
	"strconv"

	"github.com/valyala/fasthttp"

	"gatehouse/gateway/internal/header"
)

// appendHead writes the head of the request to the upstream from what was parsed. What the gateway says in it comes from
// the gateway alone, whatever the caller's Connection header lists. It refuses a request that has come through this gateway
// too often.
func (r *request) appendHead(to *rule, from header.Peer) error {
	head := append(r.head[:0], r.method...)
	head = append(head, ' ')
	head = append(head, to.basePath...)
	head = r.target.AppendPath(head)
	head, err := to.credential.AppendQuery(head, r.target.Query, r.credential)
	if err != nil {
		return err
	}
	head = append(head, " HTTP/1.1\r\nHost: "...)
	head = append(head, to.upstream.Origin().Host...)
	head = append(head, "\r\n"...)
	head, isProxied, err := to.headers.AppendPassing(head, r.fields, header.Passage{
		From: from, IsHTTP11: r.isHTTP11, HasID: len(r.id) > 0, IsTraced: len(r.trace) > 0, OpensWebSocket: r.handshake.Wanted,
	})
	if err != nil {
		return err
	}
	r.isProxied = isProxied
	head = to.credential.AppendFields(head, r.credential)
	head = append(head, r.trace...)
	if len(r.id) > 0 {
		head = append(append(append(head, "X-Request-Id: "...), r.id...), "\r\n"...)
	}
	switch {
	case r.handshake.Wanted:
		head = r.handshake.Append(head, r.fields)
	case r.takesTrailers():
		head = append(head, "Connection: TE\r\nTE: trailers\r\n"...)
	}
	r.head = append(r.appendFraming(head), "\r\n"...)
	r.headSize = len(r.head)
	return nil
}

// appendFraming says how long the body is.
func (r *request) appendFraming(head []byte) []byte {
	switch {
	case r.body.IsChunked():
		head = append(head, "Transfer-Encoding: chunked\r\n"...)
		if len(r.body.announced) > 0 {
			head = append(append(append(head, "Trailer: "...), r.body.announced...), "\r\n"...)
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
	_, ok := r.fields.Get("content-length")
	return ok
}

// takesTrailers reports whether the caller has asked for trailers.
func (r *request) takesTrailers() bool {
	return r.isHTTP11 && r.fields.Lists("te", []byte("trailers"))
}
