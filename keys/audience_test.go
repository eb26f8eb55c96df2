package keys_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/keys"
)

func TestAVerifierAcceptsItsAudiencesInOneSpelling(t *testing.T) {
	const tools, files = "https://api.example/tools", "https://api.example/files"
	key := newKey(t, keys.ES256)
	verifier := newVerifier(t, key)
	verifier.OtherAudiences = []string{tools}

	for name, audience := range map[string]any{"text": tools, "list": []string{tools}, "one of several": []string{files, tools}, "the first": issuer} {
		claims, err := verifier.Verify([]byte(signed(t, key, goodClaims(map[string]any{"aud": audience}))))
		require.NoError(t, err, name)
		require.Equal(t, name != "the first", claims.IsFor(tools), name)
		require.Equal(t, name == "one of several", claims.IsFor(files), name)
	}
	for _, audience := range []any{
		files, []string{files}, tools + "/", "https://api.example", "https://API.example/tools", "https://api.example:443/tools",
		"https://api.example/tool%73", "HTTPS://api.example/tools", " " + tools, tools + "#",
	} {
		_, err := verifier.Verify([]byte(signed(t, key, goodClaims(map[string]any{"aud": audience}))))
		require.ErrorIs(t, err, keys.ErrAudience, "%v", audience)
	}

	verifier.AnyAudience = true
	claims, err := verifier.Verify([]byte(signed(t, key, goodClaims(map[string]any{"aud": files}))))
	require.NoError(t, err)
	require.False(t, claims.IsFor(issuer))
	_, err = verifier.Verify([]byte(signed(t, key, goodClaims(map[string]any{"aud": nil}))))
	require.ErrorIs(t, err, keys.ErrMissingClaim, "any is not none")
}
