package keys

import (
	"encoding/json"
	"fmt"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jwe"
	"github.com/lestrrat-go/jwx/v2/jwk"
)

const sealPurpose = "signing key seal"

// Seal encrypts a key for storage: a compact JWE of its private JWK (dir, A256GCM) under a key derived from secret.
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

// Open reverses Seal. The error is ErrSealed when the secret is a different one or the text was altered.
func Open(sealed, secret string) (*Key, error) {
	plain, err := jwe.Decrypt([]byte(sealed), jwe.WithKey(jwa.DIRECT, Derive(secret, sealPurpose)))
	if err != nil {
		return nil, ErrSealed
	}
	private, err := jwk.ParseKey(plain)
	if err != nil {
		return nil, ErrSealed
	}
	return fromPrivateJWK(private)
}
