package keys_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/keys"
)

func TestATokenSaysWhichKeyItIsBoundTo(t *testing.T) {
	key := newKey(t, keys.ES256)
	verifier := newVerifier(t, key)
	bearer, err := verifier.Verify([]byte(signed(t, key, goodClaims(nil))))
	require.NoError(t, err)
	require.Empty(t, bearer.BoundTo)

	thumbprint := strings.Repeat("a", 43)
	bound, err := verifier.Verify([]byte(signed(t, key, goodClaims(map[string]any{"cnf": map[string]any{"jkt": thumbprint}}))))
	require.NoError(t, err)
	require.Equal(t, thumbprint, bound.BoundTo)
}

// A token that asks for a proof which nobody here could ask for must not pass for a bearer token.
func TestATokenThatIsBoundToSomethingElseIsRefused(t *testing.T) {
	key := newKey(t, keys.ES256)
	verifier := newVerifier(t, key)
	good := strings.Repeat("a", 43)
	for name, cnf := range map[string]any{
		"certificate":         map[string]any{"x5t#S256": good},
		"key and certificate": map[string]any{"jkt": good, "x5t#S256": good},
		"nothing":             map[string]any{},
		"null":                nil,
		"text":                good,
		"empty":               map[string]any{"jkt": ""},
		"null key":            map[string]any{"jkt": nil},
		"number":              map[string]any{"jkt": 1},
		"too short":           map[string]any{"jkt": good[1:]},
		"padded":              map[string]any{"jkt": good + "="},
		"another alphabet":    map[string]any{"jkt": good[1:] + "+"},
		"other case":          map[string]any{"JKT": good},
	} {
		claims := goodClaims(nil)
		claims["cnf"] = cnf
		_, err := verifier.Verify([]byte(signed(t, key, claims)))
		require.ErrorIs(t, err, keys.ErrMalformed, name)
	}
}
