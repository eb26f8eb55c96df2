package dpop_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/keys/dpop"
)

// uses remembers in memory, or fails.
type uses struct {
	known map[string]bool
	err   error
	asked int
}

func (u *uses) UseProof(_ context.Context, _, thumbprint, jti string, _ time.Time) (bool, error) {
	u.asked++
	first := !u.known[thumbprint+jti]
	u.known[thumbprint+jti] = true
	return first, u.err
}

func TestAProofIsUsedOnce(t *testing.T) {
	c, noted := newClient(t, "ES256"), &uses{known: map[string]bool{}}
	checker := dpop.Checker{Verifier: *verifier(), Uses: noted}
	proof := c.proof(t, goodClaims(nil))

	first, err := checker.Check(t.Context(), proof, request())
	require.NoError(t, err)
	require.Equal(t, c.thumbprint, first.Thumbprint)
	_, err = checker.Check(t.Context(), proof, request())
	require.ErrorIs(t, err, dpop.ErrUsed)
	require.ErrorIs(t, err, dpop.ErrInvalidProof)
	_, err = checker.Check(t.Context(), c.proof(t, goodClaims(nil)), request())
	require.ErrorIs(t, err, dpop.ErrUsed, "the same jti, signed again")
	_, err = checker.Check(t.Context(), newClient(t, "ES256").proof(t, goodClaims(nil)), request())
	require.NoError(t, err, "the same jti of another key")
}

func TestWhatIsNotGoodIsNotNoted(t *testing.T) {
	noted := &uses{known: map[string]bool{}}
	checker := dpop.Checker{Verifier: *verifier(), Uses: noted}
	_, err := checker.Check(t.Context(), newClient(t, "ES256").proof(t, goodClaims(map[string]any{"htm": "GET"})), request())
	require.ErrorIs(t, err, dpop.ErrMethod)
	require.Zero(t, noted.asked)
}

func TestAProofIsRefusedWhileUsesAreUnknown(t *testing.T) {
	away := errors.New("away")
	checker := dpop.Checker{Verifier: *verifier(), Uses: &uses{known: map[string]bool{}, err: away}}
	_, err := checker.Check(t.Context(), newClient(t, "ES256").proof(t, goodClaims(nil)), request())
	require.ErrorIs(t, err, dpop.ErrUsesUnknown)
	require.ErrorIs(t, err, away)
	require.NotErrorIs(t, err, dpop.ErrInvalidProof, "it may be good")
}

func TestARequestMayHaveSeveralURIs(t *testing.T) {
	c, v := newClient(t, "ES256"), verifier()
	asked := request()
	asked.URI, asked.Also = "https://other.example/v2/payments", []string{uri}
	_, err := v.Verify(c.proof(t, goodClaims(nil)), asked)
	require.NoError(t, err)
	asked.Also = []string{"https://third.example/v2/payments"}
	_, err = v.Verify(c.proof(t, goodClaims(nil)), asked)
	require.ErrorIs(t, err, dpop.ErrURI)
}
