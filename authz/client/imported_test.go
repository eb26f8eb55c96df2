package client_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"

	"gatehouse/authz/client"
)

// TestNoImportedSecretHasAFastHash, and each is found right, whatever it looks like.
func TestNoImportedSecretHasAFastHash(t *testing.T) {
	for name, test := range map[string]struct {
		id, secret string
		drawn      bool
	}{
		"drawn":            {"DbOXXA5KAQ", "dpgtgMmjAIjX0LZT6QFY", true},
		"chosen":           {"test_client", "test_secret", false},
		"of another id":    {"my-client-1", "dpgtgMmjAIjX0LZT6QFY", false},
		"one kind only":    {"aaaaaaaaaa", "aaaaaaaaaaaaaaaaaaaa", false},
		"with a hyphen":    {"DbOXXA5KAQ", "dpgtgMmjAIjX-LZT6QFY", false},
		"as ours are made": {"DbOXXA5KAQ", client.NewSecret(), false},
	} {
		t.Run(name, func(t *testing.T) {
			stored, drawn, err := client.HashImported(test.id, test.secret)
			require.NoError(t, err)
			require.Equal(t, test.drawn, drawn)
			require.Equal(t, test.drawn, client.IsDrawn(test.id, test.secret))
			cost, err := bcrypt.Cost([]byte(stored))
			require.NoError(t, err, "it is bcrypt's")
			require.Equal(t, map[bool]int{true: 7, false: 10}[drawn], cost)
			checker := client.NewSecretChecker()
			right, err := checker.Check(t.Context(), stored, test.secret)
			require.NoError(t, err)
			require.True(t, right)
			right, err = checker.Check(t.Context(), stored, test.secret+"x")
			require.NoError(t, err)
			require.False(t, right)
		})
	}
	_, _, err := client.HashImported("app", strings.Repeat("x", 73))
	require.ErrorIs(t, err, client.ErrSecretLength)
}
