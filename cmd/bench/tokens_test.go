package main

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/keys"
)

func TestTokensAreGoodAndDifferentAndBadOnesAreBad(t *testing.T) {
	m, err := newMint()
	require.NoError(t, err)
	verifier := keys.Verifier{Issuer: tokenIssuer, Audience: tokenIssuer, Keys: m.ring}
	for _, algorithm := range []string{keys.ES256, keys.RS256} {
		kind := Tokens{Algorithm: algorithm}
		tokens, err := m.sign(kind, 20)
		require.NoError(t, err)
		ids := map[string]bool{}
		for _, token := range tokens {
			claims, err := verifier.Verify([]byte(token))
			require.NoError(t, err)
			require.True(t, claims.HasScope(tokenScope))
			ids[claims.ID] = true
		}
		require.Len(t, ids, len(tokens))

		for what, want := range map[string]error{
			"no token": keys.ErrMalformed, "signature": keys.ErrSignature, "expired": keys.ErrExpired, "issuer": keys.ErrIssuer,
		} {
			shown, err := forgeries[what](m, kind)
			require.NoError(t, err)
			_, err = verifier.Verify([]byte(shown.token))
			require.ErrorIs(t, err, want, what)
		}
		shown, err := forgeries["scope"](m, kind)
		require.NoError(t, err)
		claims, err := verifier.Verify([]byte(shown.token))
		require.NoError(t, err)
		require.False(t, claims.HasScope(tokenScope))

		file, err := m.writePublic(t.TempDir(), algorithm)
		require.NoError(t, err)
		written, err := os.ReadFile(file)
		require.NoError(t, err)
		require.Contains(t, string(written), "BEGIN PUBLIC KEY")
	}
}
