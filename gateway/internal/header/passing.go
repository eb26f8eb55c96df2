package header

import (
	"errors"

	"gatehouse/gateway/internal/http1"
)

// ErrLoop is of a request that has come through this gateway too often.
var ErrLoop = errors.New("header: the request goes in a circle")

// Passage is what there is to know of a request whose fields are to pass.
type Passage struct {
	From     Peer
	IsHTTP11 bool
	// HasID and IsTraced say that the gateway says so itself, OpensWebSocket that it writes a handshake.
	HasID, IsTraced, OpensWebSocket bool
}

// AppendPassing adds to dst the lines of the caller's fields that reach the upstream, and what the gateway says of where the request
// has come from, whatever the caller's Connection header lists. isProxied says that somebody has said that it comes from elsewhere.
func (h *Rules) AppendPassing(dst []byte, f Fields, of Passage) (lines []byte, isProxied bool, err error) {
	_, hasConnection := f.Get("connection")
	passes := 0
	for i := range f {
		name, value := f[i].Name, f[i].Value
		policy := policyOf(name)
		switch {
		case policy == passNever, policy == passUnlessNamed && of.HasID, policy == passUnlessTraced && of.IsTraced,
			policy == passUnlessOpening && of.OpensWebSocket:
			continue
		case policy == passAndCount && h.via != "":
			passes += countVia(value, h.via)
		case policy == passWhenTrusted:
			if !of.From.Trusted || !h.isFromProxies(name) {
				continue
			}
		case policy == passFromProxies:
			isChain := http1.IsNamed(name, "x-forwarded-for") // which is written anew, with the proxy added
			isProxied = isProxied || isChain
			if !of.From.Trusted || isChain {
				continue
			}
		case hasConnection && f.listedInConnection(name):
			continue
		}
		if h.isDropped(name) {
			continue
		}
		if policy == passWithoutOwn {
			if value = withoutOwnCookies(value); value == nil {
				continue
			}
		}
		dst = append(append(append(append(dst, name...), ": "...), value...), "\r\n"...)
	}
	if passes > maxPasses {
		return dst, isProxied, ErrLoop
	}
	dst = appendVia(dst, h.via, of.IsHTTP11)
	return of.From.appendForwarded(dst, f), isProxied, nil
}
