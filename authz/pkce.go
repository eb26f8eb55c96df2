package authz

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/url"
	"strings"

	"github.com/ory/fosite"
)

// The code challenge methods of RFC 7636 section 4.2.
const (
	challengeS256  = "S256"
	challengePlain = "plain"
)

// challenge binds a code to a secret that only the client which asked for it knows. The zero value binds nothing.
type challenge struct {
	value  string
	method string
}

// challengeMethods are those that a client may use: plain only where it is not turned off.
func challengeMethods(plain bool) []string {
	if plain {
		return []string{challengeS256, challengePlain}
	}
	return []string{challengeS256}
}

// readChallenge takes the challenge of an authorization request. A public client must send one: nothing else would keep
// whoever sees its code from redeeming it. So must a stranger, who is new here and knows how.
func readChallenge(form url.Values, isRequired, plain bool) (challenge, error) {
	c := challenge{value: form.Get("code_challenge"), method: form.Get("code_challenge_method")}
	if c.value == "" {
		switch {
		case c.method != "":
			return challenge{}, fosite.ErrInvalidRequest.WithHint("Parameter 'code_challenge' is missing.")
		case isRequired:
			return challenge{}, fosite.ErrInvalidRequest.WithHint("This client must send a 'code_challenge' (PKCE).")
		}
		return challenge{}, nil
	}
	switch c.method {
	case "", challengePlain: // RFC 7636 section 4.3: plain is what a request means that names none
		if !plain {
			return challenge{}, fosite.ErrInvalidRequest.WithHint("The 'code_challenge_method' plain is not supported, and is meant when there is none. Use S256.")
		}
		c.method = challengePlain
		if !isVerifier(c.value) {
			return challenge{}, fosite.ErrInvalidRequest.WithHint("A plain 'code_challenge' is 43 to 128 unreserved characters.")
		}
	case challengeS256:
		if len(c.value) != base64.RawURLEncoding.EncodedLen(sha256.Size) || strings.ContainsAny(c.value, ".~") || !isVerifier(c.value) {
			return challenge{}, fosite.ErrInvalidRequest.WithHint("An S256 'code_challenge' is a base64url encoded SHA-256 without padding.")
		}
	default:
		return challenge{}, fosite.ErrInvalidRequest.WithHintf("The 'code_challenge_method' '%s' is not supported, but %s.",
			c.method, strings.Join(challengeMethods(plain), " and "))
	}
	return c, nil
}

// check answers whether a code bound to c may be redeemed with the verifier. A verifier for a code that was not bound is
// refused too: someone removed the challenge from the client's request (RFC 9700 section 4.8.2).
func (c challenge) check(verifier string) error {
	switch {
	case c.value == "" && verifier == "":
		return nil
	case c.value == "":
		return fosite.ErrInvalidGrant.WithHint("The code was requested without a 'code_challenge'.")
	case verifier == "":
		return fosite.ErrInvalidGrant.WithHint("Parameter 'code_verifier' is missing.")
	case !isVerifier(verifier) || !c.matches(verifier):
		return fosite.ErrInvalidGrant.WithHint("The 'code_verifier' is wrong.")
	}
	return nil
}

func (c challenge) matches(verifier string) bool {
	if c.method == challengeS256 {
		digest := sha256.Sum256([]byte(verifier))
		verifier = base64.RawURLEncoding.EncodeToString(digest[:])
	}
	return subtle.ConstantTimeCompare([]byte(c.value), []byte(verifier)) == 1
}

// isVerifier holds for the syntax of RFC 7636 section 4.1.
func isVerifier(s string) bool {
	if len(s) < 43 || len(s) > 128 {
		return false
	}
	for i := range len(s) {
		switch b := s[i]; {
		case 'A' <= b && b <= 'Z', 'a' <= b && b <= 'z', '0' <= b && b <= '9':
		case b == '-' || b == '.' || b == '_' || b == '~':
		default:
			return false
		}
	}
	return true
}
