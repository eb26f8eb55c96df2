package jws

import (
	"errors"
	"fmt"

	"gatehouse/keys/strictjson"
)

// MaxKeys is how many keys a set can have.
const MaxKeys = 20

// ParseSet reads a JSON Web Key Set (RFC 7517 section 5), in which every key is public. Keys that cannot verify here, because they are of
// another kind or for encryption, are passed over: none may be left. The error quotes nothing.
func ParseSet(set strictjson.Object) ([]Key, error) {
	list, err := set.Objects("keys")
	switch {
	case err != nil:
		return nil, err
	case len(list) == 0 || len(list) > MaxKeys:
		return nil, fmt.Errorf("the key set does not have 1 to %d keys", MaxKeys)
	}
	var keys []Key
	for _, jwk := range list {
		if !IsPublic(jwk) {
			return nil, errors.New("the key set has a key that is not public")
		}
		if key, err := ParseKey(jwk); err == nil {
			keys = append(keys, key)
		}
	}
	return keys, nil
}
