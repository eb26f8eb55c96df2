package gateway

import (
	"bytes"

	"github.com/valyala/fasthttp"
)

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
