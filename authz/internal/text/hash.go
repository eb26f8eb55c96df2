package text

import (
	"crypto/sha256"
	"encoding/hex"
)

// HashToken is how codes, refresh tokens, states and cookies are known to the registry. They are 256 random bits: a fast hash hides
// them.
func HashToken(token string) string {
	digest := sha256.Sum256([]byte(token))
	return hex.EncodeToString(digest[:])
}
