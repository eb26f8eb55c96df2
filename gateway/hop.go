package gateway

import "strings"

// fate is what becomes of a header field of the caller on its way to the upstream.
type fate byte

const (
	passes       fate = iota
	endsHere          // for this hop, or claiming what only the gateway may say
	fromProxies       // says who the caller is; believed only from a trusted proxy
	identifies        // passes unless the gateway knows the request by an id
	traces            // passes unless the gateway traces
	longestNamed = 32
)

// fateOf decides by the name alone. Many upstreams (CGI, WSGI, PHP) turn every other character into an underscore before
// they compare names, so X_Gatehouse_Subject has to be X-Gatehouse-Subject here too.
func fateOf(name []byte) fate {
	var buffer [longestNamed]byte
	folded := buffer[:0]
	spelledPlainly := true
	for _, b := range name[:min(len(name), longestNamed)] {
		switch {
		case 'A' <= b && b <= 'Z':
			b |= 0x20
		case 'a' <= b && b <= 'z' || '0' <= b && b <= '9' || b == '-':
		default:
			spelledPlainly = false
			b = '-'
		}
		folded = append(folded, b)
	}
	was := fateOfFolded(string(folded))
	if was == fromProxies && !spelledPlainly {
		return endsHere
	}
	return was
}

func fateOfFolded(name string) fate {
	switch name {
	case "connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "http2-settings",
		"proxy", "authorization", "x-gatehouse", "host", "content-length", "expect":
		return endsHere
	case "x-http-method", "x-http-method-override", "x-method-override", "x-original-method",
		"x-original-url", "x-original-uri", "x-rewrite-url":
		// Frameworks that obey these would serve another request than the one that was authorized.
		return endsHere
	case "forwarded", "x-real-ip":
		return fromProxies
	case "x-request-id":
		return identifies
	case "traceparent", "tracestate":
		return traces
	}
	switch {
	case strings.HasPrefix(name, "proxy-"), strings.HasPrefix(name, "x-gatehouse-"):
		return endsHere
	case strings.HasPrefix(name, "x-forwarded"):
		return fromProxies
	}
	return passes
}

// isHopByHop tells for a response field that fasthttp has spelled canonically whether it ends at the gateway. Date and
// Content-Length are written anew.
func isHopByHop(name string) bool {
	switch name {
	case "Connection", "Keep-Alive", "Te", "Trailer", "Transfer-Encoding", "Upgrade", "Content-Length", "Date":
		return true
	}
	return strings.HasPrefix(name, "Proxy-")
}
