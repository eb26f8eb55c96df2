package keys

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"sync/atomic"
)

// PublicKeys finds the key that a token names. The error is ErrUnknownKey, or ErrKeysUnavailable as long as no key is known.
// Implementations answer from memory without blocking, and are safe for concurrent use.
type PublicKeys interface {
	PublicKey(kid string) (PublicKey, error)
}

// Ring holds the keys that are valid now: one that signs, and others whose tokens are still accepted or that are
// published ahead of their use. All methods are safe for concurrent use; Replace changes what they see at once.
type Ring struct {
	current atomic.Pointer[ringState]
}

// ringState is never changed after it was stored.
type ringState struct {
	signing *Key
	public  map[string]PublicKey
	jwks    []byte
	etag    string
}

var _ PublicKeys = (*Ring)(nil)

// NewRing returns a ring that signs with signing and also verifies tokens of the others.
func NewRing(signing *Key, others ...*Key) (*Ring, error) {
	r := &Ring{}
	if err := r.Replace(signing, others...); err != nil {
		return nil, err
	}
	return r, nil
}

// Replace makes the ring sign with signing and verify tokens of signing and the others, of no other key. On error the
// ring stays as it was.
func (r *Ring) Replace(signing *Key, others ...*Key) error {
	if signing == nil {
		return fmt.Errorf("key ring has no signing key")
	}
	next := &ringState{signing: signing, public: make(map[string]PublicKey, 1+len(others))}
	document := struct {
		Keys []any `json:"keys"`
	}{}
	for _, key := range append([]*Key{signing}, others...) {
		if _, twice := next.public[key.ID()]; twice {
			continue
		}
		next.public[key.ID()] = key.public
		document.Keys = append(document.Keys, key.public.jwk)
	}
	encoded, err := json.Marshal(document)
	if err != nil {
		return fmt.Errorf("encode JWKS: %w", err)
	}
	digest := sha256.Sum256(encoded)
	next.jwks, next.etag = encoded, `"`+hex.EncodeToString(digest[:16])+`"`
	before := r.current.Load()
	if before == nil {
		before = &ringState{}
	}
	allowTables(next.public, before.public)
	r.current.Store(next)
	return nil
}

// PublicKey implements PublicKeys.
func (r *Ring) PublicKey(kid string) (PublicKey, error) {
	key, ok := r.current.Load().public[kid]
	if !ok {
		return PublicKey{}, ErrUnknownKey
	}
	return key, nil
}

// Signing is the key that new tokens are signed with.
func (r *Ring) Signing() *Key {
	return r.current.Load().signing
}

// JWKS returns the public keys as a JSON Web Key Set (RFC 7517 section 5) and a strong entity tag for it. The document
// must not be modified.
func (r *Ring) JWKS() (document []byte, etag string) {
	state := r.current.Load()
	return state.jwks, state.etag
}
