package gateway

import (
	"errors"
	"fmt"

	"gatehouse/keys"
)

// The names of the credentials in the configuration.
const (
	credentialLNDHub  = "lndhub"
	credentialForward = "forward"
	credentialHeaders = "headers"
	credentialNone    = "none"
)

// credential tells an upstream who the caller is. What the caller itself sent under the same names has been removed.
// Implementations are safe for concurrent use and do not block.
type credential interface {
	// append adds header lines for a verified token to dst, or what the credential's placement says. An error leaves nothing to
	// send.
	append(dst []byte, claims *keys.Claims, token []byte) ([]byte, error)
}

// gatewayMadeCredential reports whether the gateway makes the credential of that name. A 401 of the upstream is then about
// the gateway, and not about the caller's token.
func gatewayMadeCredential(name string) bool {
	return name == credentialLNDHub || name == credentialHeaders
}

// newCredential makes what a route names. There is no default: sending a token to the wrong upstream gives it away.
func newCredential(name string, in placement, config *Config) (credential, error) {
	switch name {
	case credentialLNDHub:
		if len(config.JWTSecret) == 0 {
			return nil, errors.New("credential lndhub needs jwt_secret")
		}
		return newLNDHubCredential(config.JWTSecret, in, config.Now), nil
	case credentialForward:
		return forwardCredential{in}, nil
	case credentialHeaders:
		return headersCredential{}, nil
	case credentialNone:
		return noCredential{}, nil
	case "":
		return nil, errors.New("no credential, want lndhub, forward, headers or none")
	default:
		return nil, fmt.Errorf("unknown credential %q, want lndhub, forward, headers or none", name)
	}
}

// noCredential is for upstreams that need not know the caller.
type noCredential struct{}

var _ credential = noCredential{}

func (noCredential) append(dst []byte, _ *keys.Claims, _ []byte) ([]byte, error) { return dst, nil }

// forwardCredential is the caller's own token, for upstreams that verify it through the JWKS.
type forwardCredential struct{ in placement }

var _ credential = forwardCredential{}

func (c forwardCredential) append(dst []byte, _ *keys.Claims, token []byte) ([]byte, error) {
	dst = append(append(dst, c.in.before...), token...)
	return append(dst, c.in.after...), nil
}
