package keys

import (
	"crypto/ecdsa"
	"encoding/base64"
)

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
func ParseJWKS(document []byte) (KeySet, error) { return ParseJWKSAgain(document, nil) }

// ParseJWKSAgain reads the keys of a JSON Web Key Set that takes the place of another.
func ParseJWKSAgain(document []byte, before KeySet) (KeySet, error) {
	set, err := parseJWKS(document)
	allowTables(set, before)
	return set, err
}

// Tables counts the keys that have a table, and those that may have one.
func Tables(known PublicKeys) (made, places int) {
	var set map[string]PublicKey
	switch known := known.(type) {
	case *Ring:
		set = known.current.Load().public
	case *Remote:
		set = known.known.Load().keys
	case KeySet:
		set = known
	}
	for _, key := range set {
		if fast, ok := key.signatures.(*tabledES256); ok {
			places++
			if fast.table.Load() != nil {
				made++
			}
		}
	}
	return made, places
}

// VerifyES256 checks a signature as a token's is checked: by a key without a table, and with the same answer by one that
// has a table.
func VerifyES256(public *ecdsa.PublicKey, signingInput, signature []byte) bool {
	plain := es256{public}
	tabled := &tabledES256{es256: plain}
	tabled.makeTable()
	good := plain.verify(signingInput, signature)
	if tabled.verify(signingInput, signature) != good {
		panic("the table and the standard library disagree about a signature")
	}
	return good
}
