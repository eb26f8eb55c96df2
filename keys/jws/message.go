package jws

import (
	"crypto/sha256"
	"encoding/base64"
	"math"
	"slices"
	"strings"
	"time"

	"gatehouse/keys/strictjson"
)

// Message is a JWS whose signature was not looked at.
type Message struct {
	Header, Claims strictjson.Object
	// Algorithm is the one that the header names: one of Algorithms.
	Algorithm string

	signingInput string
	signature    []byte
}

// Parse takes a compact JWS apart, which has at most maxSize bytes. Critical extensions and unencoded payloads, which change what a
// signature means, are refused; other members that are unknown are passed over. The error is ErrMalformed, ErrHeader or ErrAlgorithm.
func Parse(text string, maxSize int) (Message, error) {
	if len(text) > maxSize {
		return Message{}, ErrMalformed
	}
	headerText, rest, _ := strings.Cut(text, ".")
	claimsText, signatureText, whole := strings.Cut(rest, ".")
	if !whole {
		return Message{}, ErrMalformed
	}
	m := Message{signingInput: text[:len(text)-len(signatureText)-1]}
	var err error
	if m.Header, err = parsePart(headerText); err != nil {
		return Message{}, err
	}
	if m.Algorithm, err = algorithmOf(m.Header); err != nil {
		return Message{}, err
	}
	if m.Claims, err = parsePart(claimsText); err != nil {
		return Message{}, err
	}
	if m.signature, err = Decode(nil, signatureText); err != nil {
		return Message{}, err
	}
	return m, nil
}

// Digest is the SHA-256 of what is signed, which is everything but the signature. Nobody without the key can sign anything else in its
// place, while some algorithms let anybody make a second signature of the one that there is.
func (m Message) Digest() [sha256.Size]byte { return sha256.Sum256([]byte(m.signingInput)) }

// SignedBy reports whether the key has signed the message, by an algorithm of its own.
func (m Message) SignedBy(k Key) bool {
	return k.Fits(m.Algorithm) && k.verify(m.Algorithm, m.signingInput, m.signature)
}

func parsePart(encoded string) (strictjson.Object, error) {
	var buffer [1 << 10]byte
	text, err := Decode(buffer[:0], encoded)
	if err != nil {
		return nil, err
	}
	o, err := strictjson.Parse(text)
	if err != nil {
		return nil, ErrMalformed
	}
	return o, nil
}

func algorithmOf(header strictjson.Object) (string, error) {
	for _, name := range []string{"crit", "b64"} {
		if _, is := header[name]; is {
			return "", ErrHeader
		}
	}
	alg, err := header.Text("alg")
	if err != nil || !slices.Contains(algorithms, alg) {
		return "", ErrAlgorithm
	}
	return alg, nil
}

// base64url has no padding, and refuses set bits after the last byte. It skips line breaks: Decode does not let them through.
var base64url = base64.RawURLEncoding.Strict()

// Decode appends what a text in base64url says, which has one spelling. The error is ErrMalformed.
func Decode(to []byte, text string) ([]byte, error) {
	if strings.ContainsAny(text, "\r\n") {
		return nil, ErrMalformed
	}
	decoded, err := base64url.AppendDecode(to, []byte(text))
	if err != nil {
		return nil, ErrMalformed
	}
	return decoded, nil
}

// Date is a claim that is a NumericDate (RFC 7519 section 2) from 1970 to the year 9999, in whole seconds.
func Date(claims strictjson.Object, name string) (_ time.Time, ok bool) {
	const end = 253_402_300_800
	seconds, err := claims.Number(name)
	if err != nil || !claims.Has(name) || seconds < 0 || seconds >= end {
		return time.Time{}, false
	}
	return time.Unix(int64(math.Floor(seconds)), 0), true
}
