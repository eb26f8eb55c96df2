package assertion

import (
	"encoding/base64"
	"errors"
	"slices"
	"time"

	"gatehouse/keys/jws"
	"gatehouse/keys/strictjson"
)

const (
	// Type is the client_assertion_type of every assertion (RFC 7523 section 2.2).
	Type = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
	// MaxSize is the most bytes that an assertion can have: room for a chain of certificates, which nobody looks at.
	MaxSize = 8 << 10
	// MaxID is the most bytes that a jti, and a client's name for itself, can have.
	MaxID = 256
	// Lifetime is how long an assertion is good at most. One that says when it was made (iat) may say that it is good for longer, as
	// those of many libraries do, and is not.
	Lifetime = 5 * time.Minute
)

// typs are what the header may say that an assertion is, if anything; never that it is an access token or a DPoP proof (RFC 8725 section
// 3.11).
var typs = []string{"", "JWT", "client-authentication+jwt"}

// Algorithms returns what a server says in token_endpoint_auth_signing_alg_values_supported.
func Algorithms() []string { return jws.Algorithms() }

// Assertion is one that was read. Nothing is known of who has made it before Checker.Prove.
type Assertion struct {
	// ClientID is who it says that its client is.
	ClientID string
	// ID tells it from others of the client: its jti, or where it has none, a digest of what is signed. Until is when it will no longer
	// be accepted.
	ID    string
	Until time.Time

	audience []string
	keyID    string
	message  jws.Message
}

// Read takes an assertion apart and holds it to what does not depend on the client: form, algorithm, times. It asks nobody and verifies
// no signature, so that whatever is refused here costs next to nothing. The error wraps ErrInvalid.
func (c *Checker) Read(text string) (Assertion, error) {
	m, err := jws.Parse(text, MaxSize)
	if err != nil {
		return Assertion{}, asRefusal(err)
	}
	typ, err := m.Header.Text("typ")
	if err != nil || !slices.Contains(typs, typ) {
		return Assertion{}, ErrHeader
	}
	a := Assertion{message: m}
	if a.keyID, err = m.Header.Text("kid"); err != nil {
		return Assertion{}, ErrHeader
	}
	if a.ClientID, err = readClientID(m.Claims); err != nil {
		return Assertion{}, err
	}
	if a.audience, err = readAudience(m.Claims); err != nil {
		return Assertion{}, err
	}
	if a.ID, err = readID(m); err != nil {
		return Assertion{}, err
	}
	a.Until, err = c.checkTimes(m.Claims)
	return a, err
}

// IsFor is nil where each audience of the assertion is one of those that are meant: one that also names somebody else could be sent here
// by that one. Else it is ErrAudience.
func (a Assertion) IsFor(audiences ...string) error {
	for _, said := range a.audience {
		if !slices.Contains(audiences, said) {
			return ErrAudience
		}
	}
	return nil
}

func asRefusal(err error) error {
	switch {
	case errors.Is(err, jws.ErrHeader):
		return ErrHeader
	case errors.Is(err, jws.ErrAlgorithm):
		return ErrAlgorithm
	default:
		return ErrMalformed
	}
}

func readClientID(claims strictjson.Object) (string, error) {
	issuer, issuerErr := claims.Text("iss")
	subject, subjectErr := claims.Text("sub")
	switch {
	case issuerErr != nil || subjectErr != nil || issuer == "" || subject == "" || len(issuer) > MaxID:
		return "", ErrClaims
	case issuer != subject:
		return "", ErrSubject
	}
	return issuer, nil
}

// readAudience reads a text, or a list of them, that is not empty (RFC 7519 section 4.1.3).
func readAudience(claims strictjson.Object) ([]string, error) {
	if one, err := claims.Text("aud"); err == nil {
		if one == "" {
			return nil, ErrClaims
		}
		return []string{one}, nil
	}
	several, err := claims.Texts("aud")
	if err != nil || len(several) == 0 {
		return nil, ErrClaims
	}
	return several, nil
}

// readID is the jti, which RFC 7523 section 3 lets a client leave out, or else a digest of what is signed. The signature is not part of
// that: of a good one by ES256 anybody can make another.
func readID(m jws.Message) (string, error) {
	if !m.Claims.Has("jti") {
		digest := m.Digest()
		return base64.RawURLEncoding.EncodeToString(digest[:]), nil
	}
	id, err := m.Claims.Text("jti")
	if err != nil || id == "" || len(id) > MaxID {
		return "", ErrClaims
	}
	return id, nil
}

// checkTimes returns when the assertion will no longer be accepted.
func (c *Checker) checkTimes(claims strictjson.Object) (until time.Time, err error) {
	until, ok := jws.Date(claims, "exp")
	if !ok {
		return time.Time{}, ErrClaims
	}
	now := c.now()
	latest := now.Add(c.Leeway)
	for _, name := range []string{"iat", "nbf"} {
		if !claims.Has(name) {
			continue
		}
		begins, ok := jws.Date(claims, name)
		switch {
		case !ok:
			return time.Time{}, ErrClaims
		case begins.After(latest):
			return time.Time{}, ErrNotYet
		case name == "iat" && begins.Add(Lifetime).Before(until):
			until = begins.Add(Lifetime)
		}
	}
	switch {
	case !now.Before(until):
		return time.Time{}, ErrExpired
	case until.After(latest.Add(Lifetime)):
		return time.Time{}, ErrTooLong
	}
	return until, nil
}
