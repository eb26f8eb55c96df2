package keys

import (
	"encoding/json"
	"fmt"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jwe"
	"github.com/lestrrat-go/jwx/v2/jwk"
)

const sealPurpose = "signing key seal"

// Seal encrypts a key for storage: a compact JWE of its private JWK (dir, A256GCM) under a key derived from secret. The JWK
// holds its kid, so that what is sealed belongs to that kid.
func Seal(k *Key, secret string) (string, error) {
	plain, err := json.Marshal(k.jwk)
	if err != nil {
		return "", fmt.Errorf("encode key: %w", err)
	}
	sealed, err := jwe.Encrypt(plain,
		jwe.WithKey(jwa.DIRECT, Derive(secret, sealPurpose)), jwe.WithContentEncryption(jwa.A256GCM))
	if err != nil {
		return "", fmt.Errorf("seal key: %w", err)
	}
	return string(sealed), nil
}

// Open reverses Seal for the key that is stored under a kid. The error is ErrSealed when the secret is a different one or the
// text was altered, and ErrMisplaced when what was sealed is another key: whoever can write to the database must not let an
// old key sign under the name of a new one.
func Open(sealed, secret, kid string) (*Key, error) {
	plain, err := jwe.Decrypt([]byte(sealed), jwe.WithKey(jwa.DIRECT, Derive(secret, sealPurpose)))
	if err != nil {
		return nil, ErrSealed
	}
	private, err := jwk.ParseKey(plain)
	if err != nil {
		return nil, ErrSealed
	}
	key, err := fromPrivateJWK(private)
	if err != nil {
		return nil, err
	}
	if key.ID() != kid {
		return nil, fmt.Errorf("%w: it is key %s", ErrMisplaced, key.ID())
	}
	return key, nil
}
