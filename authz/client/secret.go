package client

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"

	"golang.org/x/crypto/bcrypt"
)

const (
	generatedPrefix = "sha256:"
	chosenCost      = 10
	// maxChosenSecret is where bcrypt stops reading: what follows would not be checked.
	maxChosenSecret = 72
)

// ErrSecretLength is returned by HashChosen for a secret that is empty or longer than 72 bytes.
var ErrSecretLength = errors.New("a client secret is 1 to 72 bytes long")

// NewSecret returns 256 random bits in the alphabet [A-Za-z0-9_-], which needs no encoding anywhere.
func NewSecret() string {
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // never fails (crypto/rand)
	return base64.RawURLEncoding.EncodeToString(secret)
}

// HashGenerated returns the stored form of a secret made by NewSecret. A fast hash is enough for it, since nobody can
// guess 256 random bits; for a secret that a person chose use HashChosen.
func HashGenerated(secret string) string {
	digest := sha256.Sum256([]byte(secret))
	return generatedPrefix + hex.EncodeToString(digest[:])
}

// HashChosen returns the stored form of a secret that someone chose: a slow, salted hash. It takes some tens of
// milliseconds of CPU.
func HashChosen(secret string) (string, error) {
	if secret == "" || len(secret) > maxChosenSecret {
		return "", ErrSecretLength
	}
	hash, err := bcrypt.GenerateFromPassword([]byte(secret), chosenCost)
	if err != nil {
		return "", fmt.Errorf("hash client secret: %w", err)
	}
	return string(hash), nil
}
