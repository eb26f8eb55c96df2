package gateway

import (
	"github.com/valyala/fasthttp"
)

// Bind sets what the gateway needs of the server that serves it: bodies are read by the gateway, after their requests
// were authorized, and never into more memory than has arrived. Handlers beside the gateway get a body by ReadBody.
func (g *Gateway) Bind(server *fasthttp.Server) {
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
