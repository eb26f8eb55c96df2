package authz_test

import (
	"crypto/sha256"
	"encoding/base64"
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/authz/client"
	"gatehouse/keys"
)

func generate(t *testing.T, alg string) *keys.Key {
	t.Helper()
	key, err := keys.Generate(alg)
	require.NoError(t, err)
	return key
}

func s256(verifier string) string {
	digest := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(digest[:])
}

func chosen(t *testing.T, secret string) string {
	t.Helper()
	hash, err := client.HashChosen(secret)
	require.NoError(t, err)
	return hash
}
