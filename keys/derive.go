package keys

import (
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"
)

const derivedKeySize = 32

// Derive returns a 256-bit key for one purpose from the configured secret (HKDF, RFC 5869). Different purposes give
// independent keys; the same secret gives the same keys in every replica and after every restart.
func Derive(secret, purpose string) []byte {
	key, err := hkdf.Key(sha256.New, []byte(secret), nil, "gatehouse "+purpose, derivedKeySize)
	if err != nil {
		panic(fmt.Sprintf("derive key: %v", err)) // only a length beyond HKDF's limit or FIPS mode fails, both constant
	}
	return key
}
