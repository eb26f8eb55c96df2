package gateway

import (
	"bytes"

	"github.com/valyala/fasthttp"
)

// Bind makes the server serve the gateway: every request goes to Serve. Bodies are read by the gateway, after their
// requests were authorized, and never into more memory than has arrived; handlers beside the gateway get one by ReadBody.
// The server's own ErrorHandler answers what cannot be read, where the gateway has no answer.
func (g *Gateway) Bind(server *fasthttp.Server) {
	server.Handler = g.Serve
	server.ErrorHandler = g.unreadable(server.ErrorHandler)
	server.StreamRequestBody = true
	// A body that was parsed would be forwarded as it was put together again, not as it was sent.
	server.DisablePreParseMultipartForm = true
	server.HeaderReceived = headerReceived
	server.ExpectHandler = g.expect
}

// headerReceived makes fasthttp read nothing of a body but one byte, the least it can be told, and hand chunks over as
// they came: its own reader takes the end of the connection for the end of the trailers, and puts trailers among the
// header fields.
func headerReceived(header *fasthttp.RequestHeader) fasthttp.RequestConfig {
	if header.ContentLength() == -1 {
		header.SetContentLength(rawChunks)
	}
	settleExpectation(header)
	return fasthttp.RequestConfig{MaxRequestBodySize: 1}
}

var continues = []byte("100-continue")

// settleExpectation leaves fasthttp only what it has to wait for, in its own spelling: the name of an expectation has no
// case, one of HTTP/1.0 is ignored, and so is one of a request without a body (RFC 9110 section 10.1.1).
func settleExpectation(header *fasthttp.RequestHeader) {
	expected := header.Peek(fasthttp.HeaderExpect)
	switch {
	case len(expected) == 0:
	case !header.IsHTTP11(), header.ContentLength() == 0, header.ContentLength() == -2:
		header.Del(fasthttp.HeaderExpect)
	case bytes.EqualFold(expected, continues):
		header.SetBytesV(fasthttp.HeaderExpect, continues)
	}
}
