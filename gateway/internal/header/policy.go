package header

import (
	"strings"

	"gatehouse/gateway/internal/http1"
)

// headerPolicy is what becomes of a header field of the caller on its way to the upstream.
type headerPolicy byte

const (
	passAlways        headerPolicy = iota
	passNever                      // for this hop, or claiming what only the gateway may say
	passFromProxies                // says from where the caller comes; only a trusted proxy is believed
	passWhenTrusted                // the same in words that not all proxies set, and only where the configuration names them
	passAndCount                   // Via
	passUnlessNamed                // unless the gateway knows the request by an id
	passUnlessTraced               // unless the gateway traces
	passWithoutOwn                 // without the cookies of the authorization server
	passUnlessOpening              // unless the request opens a WebSocket, whose handshake is written anew

	longestNamed = 32
)

// policyOf decides by the name alone. Many upstreams (CGI, WSGI, PHP) turn every character but letters and digits into an
// underscore before they compare names, so X_Gatehouse_Subject is X-Gatehouse-Subject here too.
func policyOf(name []byte) headerPolicy {
	var buffer [longestNamed]byte
	folded := appendFolded(buffer[:0], name[:min(len(name), longestNamed)])
	was := policyOfFolded(string(folded))
	if (was == passFromProxies || was == passWhenTrusted) && !http1.IsNamed(name, string(folded)) { // not spelled so
		return passNever
	}
	return was
}

func policyOfFolded(name string) headerPolicy {
	switch name {
	case "connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "http2-settings",
		"proxy", "authorization", "x-gatehouse", "dpop", "host", "content-length", "expect":
		return passNever
	case "x-http-method", "x-http-method-override", "x-method-override", "x-original-method",
		"x-original-url", "x-original-uri", "x-rewrite-url", "x-http-path-override":
		// Frameworks that obey these would serve another request than the one that was authorized.
		return passNever
	case "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-real-ip":
		return passFromProxies
	case "x-forwarded-protocol", "x-forwarded-scheme", "x-forwarded-ssl", "x-forwarded-port", "x-forwarded-server",
		"x-forwarded-prefix", "x-forwarded-by", "forwarded", "client-ip", "x-client-ip", "true-client-ip",
		"cf-connecting-ip", "fastly-client-ip", "x-cluster-client-ip", "x-original-forwarded-for", "x-original-host", "x-host":
		return passWhenTrusted
	case "via":
		return passAndCount
	case "cookie":
		return passWithoutOwn
	case "x-request-id":
		return passUnlessNamed
	case "traceparent", "tracestate":
		return passUnlessTraced
	}
	if strings.HasPrefix(name, "sec-websocket-") {
		return passUnlessOpening
	}
	for _, prefix := range neverPassing {
		if strings.HasPrefix(name, prefix) {
			return passNever
		}
	}
	return passAlways
}

// neverPassing begin the names of what never passes, not even from a trusted proxy. After the first two they are names
// under which proxies and gateways tell an upstream who the caller is: an upstream would take them for this gateway's
// word.
var neverPassing = [...]string{
	"proxy-", "x-gatehouse-",
	"x-forwarded", // User, Email, Groups, Client-Cert and so on; those about the connection have been dealt with
	"remote-user", "remote-groups", "remote-name", "remote-email", "x-remote-", "x-authenticated-", "x-auth-request-",
	"x-goog-authenticated-", "x-goog-iap-", "x-amzn-oidc-", "x-webauth-", "x-consumer-", "x-credential-",
	"x-anonymous-consumer", "x-authentik-", "x-pomerium-", "x-vouch-", "x-userinfo", "tailscale-user-",
	"x-ms-client-principal", "cf-access-",
	"client-cert", "x-client-cert", "x-client-verify", "x-client-dn", "ssl-client-", "x-ssl-", "x-amzn-mtls-",
	"x-arr-clientcert",
}

// MayCarryCredential reports whether an upstream may be told who the caller is in a field of that name: it has no meaning to the
// gateway.
func MayCarryCredential(name string) bool { return policyOf([]byte(name)) == passAlways }
