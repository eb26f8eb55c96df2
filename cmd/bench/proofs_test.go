package main

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/keys"
	"gatehouse/keys/dpop"
	"gatehouse/keys/dpop/dpoptest"
)

func TestEachRequestHasAProofOfItsOwn(t *testing.T) {
	m, err := newMint()
	require.NoError(t, err)
	kind := Tokens{Algorithm: keys.ES256, Bound: true}
	tokens, err := m.sign(kind, 3)
	require.NoError(t, err)
	shown, err := m.prove(tokens, 7)
	require.NoError(t, err)
	require.Len(t, shown, 7)
	verifier := keys.Verifier{Issuer: tokenIssuer, Audience: tokenIssuer, Keys: m.ring}
	checker := dpop.Checker{Uses: &dpoptest.Uses{}}
	check := func(c credential) error {
		claims, err := verifier.Verify([]byte(c.token))
		require.NoError(t, err)
		require.NotEmpty(t, claims.BoundTo)
		_, err = checker.Check(t.Context(), c.proof, dpop.Request{
			Method: http.MethodGet, URI: proofURI, AccessToken: c.token, Thumbprint: claims.BoundTo,
		})
		return err
	}
	for i, c := range shown {
		require.Equal(t, tokens[i%3], c.token)
		require.NoError(t, check(c))
	}
	require.ErrorIs(t, check(shown[0]), dpop.ErrUsed)

	for what, want := range map[string]error{
		"no proof": dpop.ErrMalformed, "proof's method": dpop.ErrMethod, "proof's URI": dpop.ErrURI, "proof's time": dpop.ErrTooOld,
		"proof's token": dpop.ErrAccessToken, "proof's key": dpop.ErrOtherKey,
	} {
		c, err := forgeries[what](m, kind)
		require.NoError(t, err)
		require.ErrorIs(t, check(c), want, what)
	}
	c, err := forgeries["proof used before"](m, kind)
	require.NoError(t, err)
	require.NoError(t, check(c))
	require.ErrorIs(t, check(c), dpop.ErrUsed)
}

func TestATokenIsShownWithItsProof(t *testing.T) {
	for want, c := range map[string]credential{
		"": {}, "Authorization: Bearer a\r\n": {token: "a"}, "Authorization: DPoP a\r\nDPoP: b\r\n": {"a", "b"},
	} {
		require.Equal(t, want, c.fields())
	}
}
