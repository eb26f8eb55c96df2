package keys

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// TypeAccessToken is the typ header of every access token (RFC 9068 section 2.1).
const TypeAccessToken = "at+jwt"

// maxTokenSize bounds the work that an unauthenticated caller can cause; the largest token issued here is far smaller.
const maxTokenSize = 8 << 10

// base64url refuses set bits after the last byte, so that no two spellings decode alike. The alphabet is checked
// separately, because the decoder skips line breaks.
var base64url = base64.RawURLEncoding.Strict()

// Verifier checks access tokens on its own: signature, type, issuer, audience and times. It asks nobody whether the
// token was revoked. A Verifier is safe for concurrent use as long as its fields are not changed.
type Verifier struct {
	Issuer   string
	Audience string
	Keys     PublicKeys
	// Leeway is how far ahead of this machine the issuer's clock may be. It never lengthens a token's life.
	Leeway time.Duration
	// Now is time.Now when nil.
	Now func() time.Time
}

// Verify returns the claims of a token in canonical compact form (RFC 7515 section 7.1, RFC 9068 section 4). Every
// other spelling of a good token is refused like a forged one. Errors wrap ErrInvalidToken, but for ErrKeysUnavailable;
// none holds the token.
func (v *Verifier) Verify(token []byte) (*Claims, error) {
	parts, err := split(token)
	if err != nil {
		return nil, err
	}
	key, err := v.key(parts.header)
	if err != nil {
		return nil, err
	}
	signature, err := decode(parts.signature)
	if err != nil {
		return nil, ErrMalformed
	}
	if !verify(key.raw, parts.signingInput, signature) {
		return nil, ErrSignature
	}
	body, err := decode(parts.payload)
	if err != nil {
		return nil, ErrMalformed
	}
	var p payload
	if err := json.Unmarshal(body, &p); err != nil || !readsOneWay(body) {
		return nil, fmt.Errorf("%w: claims are not of the expected names and types", ErrMalformed)
	}
	if err := v.checkClaims(&p); err != nil {
		return nil, err
	}
	return p.claims(key.ID), nil
}

// key finds the key that the header names, and holds the header to exactly what this issuer writes: a critical
// extension, an unencoded payload or an embedded key would each change what the signature means.
func (v *Verifier) key(encoded []byte) (PublicKey, error) {
	raw, err := decode(encoded)
	if err != nil {
		return PublicKey{}, ErrMalformed
	}
	h, err := parseHeader(raw)
	if err != nil || h.Type != TypeAccessToken || h.KeyID == "" {
		return PublicKey{}, ErrHeader
	}
	key, err := v.Keys.PublicKey(h.KeyID)
	if err != nil {
		return PublicKey{}, err
	}
	if key.Algorithm != h.Algorithm {
		return PublicKey{}, ErrHeader
	}
	return key, nil
}

func (v *Verifier) checkClaims(p *payload) error {
	now := time.Now
	if v.Now != nil {
		now = v.Now
	}
	switch t := now(); {
	case !p.complete():
		return ErrMissingClaim
	case p.Issuer != v.Issuer:
		return ErrIssuer
	case !slices.Contains(p.Audience, v.Audience):
		return ErrAudience
	case !t.Before(time.Unix(*p.ExpiresAt, 0)):
		return ErrExpired
	case time.Unix(*p.IssuedAt, 0).After(t.Add(v.Leeway)):
		return ErrNotYetValid
	case p.NotBefore != nil && time.Unix(*p.NotBefore, 0).After(t.Add(v.Leeway)):
		return ErrNotYetValid
	}
	return nil
}

type header struct {
	Algorithm string `json:"alg"`
	KeyID     string `json:"kid"`
	Type      string `json:"typ"`
}

// parseHeader accepts what Key.Sign writes, byte for byte.
func parseHeader(raw []byte) (header, error) {
	var h header
	if err := json.Unmarshal(raw, &h); err != nil {
		return header{}, err
	}
	written, err := json.Marshal(h)
	if err != nil || !bytes.Equal(written, raw) {
		return header{}, ErrHeader
	}
	return h, nil
}

type compact struct {
	header, payload, signature []byte
	signingInput               []byte
}

// split cuts a compact JWS into its three parts and refuses any byte outside the base64url alphabet.
func split(token []byte) (compact, error) {
	if len(token) > maxTokenSize {
		return compact{}, ErrMalformed
	}
	first := bytes.IndexByte(token, '.')
	last := bytes.LastIndexByte(token, '.')
	if first < 1 || last == first || last == len(token)-1 {
		return compact{}, ErrMalformed
	}
	parts := compact{
		header:       token[:first],
		payload:      token[first+1 : last],
		signature:    token[last+1:],
		signingInput: token[:last],
	}
	for _, part := range [...][]byte{parts.header, parts.payload, parts.signature} {
		for _, b := range part {
			if !inBase64URL[b] {
				return compact{}, ErrMalformed
			}
		}
	}
	return parts, nil
}

func decode(part []byte) ([]byte, error) { return base64url.AppendDecode(nil, part) }

var inBase64URL = func() (table [256]bool) {
	for _, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" {
		table[c] = true
	}
	return table
}()
