package gateway

import (
	"log/slog"
	"sync"

	"github.com/valyala/fasthttp"

	"gatehouse/gateway/internal/handshake"
	"gatehouse/gateway/internal/header"
	"gatehouse/gateway/internal/routing"
	"gatehouse/gateway/internal/tunnel"
	"gatehouse/gateway/internal/upstream"
	"gatehouse/gateway/payment"
)

// request is what the gateway has read of one request and what it is going to send. Everything in it is memory of fasthttp
// or reused for other requests, and valid only inside the handler.
type request struct {
	isHTTP11   bool
	method     []byte
	sent       []byte // the target
	target     routing.Target
	fields     header.Fields
	handshake  handshake.Handshake
	query      []byte // without the token that was in it
	credential []byte // header lines, as is trace
	trace      []byte
	id         []byte // of the request, empty when it has none
	head       []byte // of the request to the upstream; what is small of the body is behind it
	headSize   int    // where that begins
	body       callerBody
	seen       Observation

	// Who answers it: the first of these that there is.
	preflight   string // the methods that a browser may use
	handler     fasthttp.RequestHandler
	rule        *rule
	accessToken []byte // that it was authorized by

	// Of what has begun to be forwarded.
	gateway  *Gateway
	exchange upstream.Exchange
	upload   *callerBody      // the rest of its body, nil when there is none
	lasting  *lasting         // nil until it has lasted for a while
	stream   *answerStream    // nil unless the answer is one
	payment  *payment.Payment // nil unless it spends
	tunnel   *tunnel.Tunnel

	isProxied   bool // somebody says so: it has X-Forwarded-For
	hasCORS     bool
	wasAdmitted bool // before its body had come
	isDPoP      bool // it says that its token comes with a proof
}

var requests = sync.Pool{New: func() any { return new(request) }}

func acquireRequest() *request {
	r := requests.Get().(*request)
	r.seen.Route = NoRoute
	return r
}

func releaseRequest(r *request) {
	clear(r.fields)
	r.target.Forget()
	clear(r.credential)
	clear(r.head)
	r.handshake.Reset()
	r.method, r.sent, r.id, r.accessToken = nil, nil, nil, nil
	r.preflight, r.handler, r.rule = "", nil, nil
	r.gateway, r.exchange, r.upload, r.lasting = nil, upstream.Exchange{}, nil, nil
	r.stream, r.tunnel, r.payment = nil, nil, nil
	r.isProxied, r.hasCORS, r.wasAdmitted, r.isDPoP = false, false, false, false
	r.credential, r.trace, r.head = r.credential[:0], r.trace[:0], r.head[:0]
	r.body = callerBody{}
	r.seen = Observation{}
	requests.Put(r)
}

// Close implements io.Closer for fasthttp, which closes what it was given to keep with a request that ends before Serve.
func (r *request) Close() error {
	releaseRequest(r)
	return nil
}

// logged is the attribute that joins the log lines of one request; empty, and left out, when it has no id.
func (r *request) logged() slog.Attr { return logged(string(r.id)) }

func logged(id string) slog.Attr {
	if id == "" {
		return slog.Attr{}
	}
	return slog.String("request_id", id)
}

// parse reads the request as it was sent, once. fasthttp's own URI is used nowhere: its path is cleaned, and the host of an
// absolute target takes the place of the Host header.
func (r *request) parse(ctx *fasthttp.RequestCtx) error {
	header := &ctx.Request.Header
	switch string(header.Protocol()) {
	case "HTTP/1.1":
		r.isHTTP11 = true
	case "HTTP/1.0":
		r.isHTTP11 = false
	default:
		return errMalformedRequest
	}
	r.method = header.Method()
	if string(r.method) == fasthttp.MethodConnect {
		return errMalformedRequest // its target is never a path, but fasthttp makes one of "?"
	}
	if err := r.fields.Parse(header.RawHeaders()); err != nil {
		return err
	}
	r.sent = header.RequestURI()
	return r.target.Parse(r.sent)
}
