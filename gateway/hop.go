package gateway

import "strings"

// fate is what becomes of a header field of the caller on its way to the upstream.
type fate byte

const (
	passes       fate = iota
	endsHere          // for this hop, or claiming what only the gateway may say
	fromProxies       // says from where the caller comes; believed only from a trusted proxy
	identifies        // passes unless the gateway knows the request by an id
	traces            // passes unless the gateway traces
	handshakes        // passes unless the request opens a WebSocket, whose handshake is written anew
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
		"x-original-url", "x-original-uri", "x-rewrite-url", "x-http-path-override":
		// Frameworks that obey these would serve another request than the one that was authorized.
		return endsHere
	case "x-forwarded-for", "x-forwarded-proto", "x-forwarded-protocol", "x-forwarded-scheme", "x-forwarded-ssl",
		"x-forwarded-host", "x-forwarded-port", "x-forwarded-server", "x-forwarded-prefix", "x-forwarded-by",
		"forwarded", "x-real-ip", "client-ip", "x-client-ip", "true-client-ip", "cf-connecting-ip", "fastly-client-ip",
		"x-cluster-client-ip", "x-original-forwarded-for", "x-original-host", "x-host":
		return fromProxies
	case "x-request-id":
		return identifies
	case "traceparent", "tracestate":
		return traces
	}
	if strings.HasPrefix(name, "sec-websocket-") {
		return handshakes
	}
	for _, prefix := range endingPrefixes {
		if strings.HasPrefix(name, prefix) {
			return endsHere
		}
	}
	return passes
}

// endingPrefixes begin the names of what never passes, from a trusted proxy neither. After the first two they are names
// under which proxies and gateways tell an upstream who the caller is: an upstream behind this gateway would take them
// for its word.
var endingPrefixes = [...]string{
	"proxy-", "x-gatehouse-",
	"x-forwarded", // User, Email, Groups, Client-Cert and so on; those about the connection have been dealt with
	"remote-user", "x-remote-", "x-authenticated-", "x-auth-request-", "x-goog-authenticated-", "x-amzn-oidc-",
	"x-ms-client-principal", "cf-access-",
	"client-cert", "x-client-cert", "x-client-verify", "x-client-dn", "ssl-client-", "x-ssl-", "x-amzn-mtls-",
	"x-arr-clientcert",
}
