package gateway

import (
	"strconv"

	"github.com/valyala/fasthttp"

	"gatehouse/gateway/internal/http1"
)

// appendHead writes the head of the request to the upstream from what was parsed. What the gateway says in it comes from
// the gateway alone, whatever the caller's Connection header lists. It refuses a request that has come through this gateway
// too often.
func (r *request) appendHead(to *rule, from peer) error {
	head := append(r.head[:0], r.method...)
	head = append(head, ' ')
	head = append(head, to.basePath...)
	head = r.target.AppendPath(head)
	if to.credentialIn.parameter == "" {
		head = append(head, r.target.Query...)
	} else {
		var err error
		if head, err = to.credentialIn.appendQuery(head, r.target.Query, r.credential); err != nil {
			return err
		}
	}
	head = append(head, " HTTP/1.1\r\nHost: "...)
	head = append(head, to.upstream.Origin().Host...)
	head = append(head, "\r\n"...)
	_, hasConnection := r.fields.get("connection")
	passes := 0
	for i := range r.fields {
		f := &r.fields[i]
		policy := policyOf(f.name)
		switch {
		case policy == passNever, policy == passUnlessNamed && len(r.id) > 0, policy == passUnlessTraced && len(r.trace) > 0,
			policy == passUnlessOpening && r.handshake.wanted:
			continue
		case policy == passAndCount && to.headers.via != "":
			passes += countVia(f.value, to.headers.via)
		case policy == passWhenTrusted:
			if !from.trusted || !to.headers.isFromProxies(f.name) {
				continue
			}
		case policy == passFromProxies:
			isChain := http1.IsNamed(f.name, "x-forwarded-for") // which is written anew, with the proxy added
			r.isProxied = r.isProxied || isChain
			if !from.trusted || isChain {
				continue
			}
		case hasConnection && r.fields.listedInConnection(f.name):
			continue
		}
		if to.headers.isDropped(f.name) {
			continue
		}
		value := f.value
		if policy == passWithoutOwn {
			if value = withoutOwnCookies(value); value == nil {
				continue
			}
		}
		head = append(head, f.name...)
		head = append(head, ": "...)
		head = append(head, value...)
		head = append(head, "\r\n"...)
	}
	if passes > maxPasses {
		return errLoop
	}
	head = appendVia(head, to.headers.via, r.isHTTP11)
	host, _ := r.fields.get("host")
	head = from.appendForwarded(head, r.fields, host)
	if to.credentialIn.parameter == "" {
		head = append(head, r.credential...)
	}
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
	_, ok := r.fields.get("content-length")
	return ok
}

// takesTrailers reports whether the caller has asked for trailers.
func (r *request) takesTrailers() bool {
	return r.isHTTP11 && r.fields.lists("te", []byte("trailers"))
}
