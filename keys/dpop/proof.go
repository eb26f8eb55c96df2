package dpop

import (
	"encoding/base64"
	"slices"
	"strings"

	"gatehouse/keys/strictjson"
)

const (
	// typeProof is the typ of every proof (RFC 9449 section 4.2).
	typeProof = "dpop+jwt"
	// MaxSize is the most bytes that a proof can have. The largest one that a client needs, of an RSA key with 4096 bits, has
	// less than half of it.
	MaxSize = 4 << 10
	// MaxID is the most bytes that a jti can have.
	MaxID = 256
)

// compact is a proof whose signature was not looked at.
type compact struct {
	alg          string
	key          publicKey
	claims       strictjson.Object
	signingInput string
	signature    []byte
}

// parse takes a compact JWS apart. Critical extensions and unencoded payloads, which change what a signature means, are
// refused; other members that are unknown are passed over.
func parse(proof string) (compact, error) {
	if len(proof) > MaxSize {
		return compact{}, ErrMalformed
	}
	headerText, rest, _ := strings.Cut(proof, ".")
	claimsText, signatureText, whole := strings.Cut(rest, ".")
	if !whole {
		return compact{}, ErrMalformed
	}
	header, err := parsePart(headerText)
	if err != nil {
		return compact{}, err
	}
	c := compact{signingInput: proof[:len(proof)-len(signatureText)-1]}
	if c.alg, c.key, err = parseHeader(header); err != nil {
		return compact{}, err
	}
	if c.claims, err = parsePart(claimsText); err != nil {
		return compact{}, err
	}
	c.signature, err = decode(nil, signatureText)
	return c, err
}

func parsePart(encoded string) (strictjson.Object, error) {
	var buffer [1 << 10]byte
	text, err := decode(buffer[:0], encoded)
	if err != nil {
		return nil, err
	}
	o, err := strictjson.Parse(text)
	if err != nil {
		return nil, ErrMalformed
	}
	return o, nil
}

func parseHeader(header strictjson.Object) (alg string, key publicKey, err error) {
	for _, name := range []string{"crit", "b64"} {
		if _, is := header[name]; is {
			return "", publicKey{}, ErrHeader
		}
	}
	if typ, err := header.Text("typ"); err != nil || typ != typeProof {
		return "", publicKey{}, ErrHeader
	}
	alg, err = header.Text("alg")
	if err != nil || !slices.Contains(algorithms, alg) {
		return "", publicKey{}, ErrAlgorithm
	}
	jwk, err := header.Object("jwk")
	if err != nil || jwk == nil {
		return "", publicKey{}, ErrKey
	}
	key, err = parseKey(jwk, alg)
	if err == nil && !key.fits(alg) {
		err = ErrAlgorithm
	}
	return alg, key, err
}

// base64url has no padding, and refuses set bits after the last byte. It skips line breaks: decode does not let them through.
var base64url = base64.RawURLEncoding.Strict()

func decode(to []byte, text string) ([]byte, error) {
	if strings.ContainsAny(text, "\r\n") {
		return nil, ErrMalformed
	}
	decoded, err := base64url.AppendDecode(to, []byte(text))
	if err != nil {
		return nil, ErrMalformed
	}
	return decoded, nil
}
