package keys

import "encoding/base64"

// SignRaw signs any header and payload, JSON or not: what an issuer with a bug could let out.
func (k *Key) SignRaw(header, payload []byte) (string, error) {
	encode := base64.RawURLEncoding.EncodeToString
	input := encode(header) + "." + encode(payload)
	signature, err := sign(k.private, []byte(input))
	return input + "." + encode(signature), err
}

// KeySet is PublicKeys that do not change.
type KeySet map[string]PublicKey

// PublicKey implements PublicKeys.
func (s KeySet) PublicKey(kid string) (PublicKey, error) {
	key, ok := s[kid]
	if !ok {
		return PublicKey{}, ErrUnknownKey
	}
	return key, nil
}

// ParseJWKS reads the keys of a JSON Web Key Set.
func ParseJWKS(document []byte) (KeySet, error) { return parseJWKS(document) }
