package dpop_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/keys/dpop"
)

// secretOf is the one of every time.
func secretOf(secret string) func(time.Time) []byte {
	return func(time.Time) []byte { return []byte(secret) }
}

func TestAProofIsMadeAfterItsNonce(t *testing.T) {
	c := newClient(t, "ES256")
	at := now.Truncate(dpop.NonceWindow)
	clock := func() time.Time { return at }
	nonces := &dpop.Nonces{Secret: secretOf("a secret of all processes, of 32 bytes"), Now: clock}
	another := &dpop.Nonces{Secret: nonces.Secret, Now: clock}
	v := &dpop.Verifier{Nonces: another, Now: clock}
	asked := request()
	asked.NonceRequired = true
	try := func(nonce any) error {
		_, err := v.Verify(c.proof(t, goodClaims(map[string]any{"iat": at.Unix(), "nonce": nonce})), asked)
		return err
	}

	first, ok := nonces.Current()
	require.True(t, ok)
	require.NoError(t, try(first), "a nonce of another process is as good")
	require.ErrorIs(t, try(nil), dpop.ErrUseNonce)
	require.ErrorIs(t, try(""), dpop.ErrUseNonce)
	require.ErrorIs(t, try(first+"A"), dpop.ErrUseNonce)
	require.ErrorIs(t, try("made up"), dpop.ErrUseNonce)
	require.ErrorIs(t, try(1), dpop.ErrInvalidProof)
	require.NotErrorIs(t, dpop.ErrUseNonce, dpop.ErrInvalidProof)

	at = at.Add(dpop.NonceWindow - time.Second)
	again, _ := nonces.Current()
	require.Equal(t, first, again, "one nonce serves for the whole window")
	at = at.Add(time.Second)
	second, _ := nonces.Current()
	require.NotEqual(t, first, second)
	require.NoError(t, try(first), "it was given out just before")
	require.NoError(t, try(second))
	at = at.Add(dpop.NonceWindow)
	require.ErrorIs(t, try(first), dpop.ErrUseNonce, "two windows later it says nothing about now")
	require.NoError(t, try(second))

	// Whoever makes proofs for later does not know the nonce of then.
	third, _ := nonces.Current()
	at = at.Add(-2 * dpop.NonceWindow)
	require.ErrorIs(t, try(third), dpop.ErrUseNonce)
}

func TestANonceOfAClockThatIsAhead(t *testing.T) {
	c := newClient(t, "ES256")
	end := now.Truncate(dpop.NonceWindow).Add(dpop.NonceWindow)
	at := end
	ahead := &dpop.Nonces{Secret: secretOf("s"), Now: func() time.Time { return at }}
	nonce, _ := ahead.Current()
	behind := func() time.Time { return end.Add(-3 * time.Second) }
	v := &dpop.Verifier{Nonces: &dpop.Nonces{Secret: ahead.Secret, Leeway: 3 * time.Second, Now: behind}, Now: behind}
	asked := request()
	asked.NonceRequired = true
	proof := c.proof(t, goodClaims(map[string]any{"iat": end.Unix(), "nonce": nonce}))
	_, err := v.Verify(proof, asked)
	require.NoError(t, err)
	v.Nonces.Leeway = 2 * time.Second
	_, err = v.Verify(proof, asked)
	require.ErrorIs(t, err, dpop.ErrUseNonce)
}

func TestANonceNeedsTheSecret(t *testing.T) {
	c := newClient(t, "ES256")
	clock := func() time.Time { return now }
	asked := request()
	asked.NonceRequired = true
	strangers := &dpop.Nonces{Secret: secretOf("another"), Now: clock}
	nonce, _ := strangers.Current()
	proof := c.proof(t, goodClaims(map[string]any{"nonce": nonce}))

	v := &dpop.Verifier{Nonces: &dpop.Nonces{Secret: secretOf("ours"), Now: clock}, Now: clock}
	_, err := v.Verify(proof, asked)
	require.ErrorIs(t, err, dpop.ErrUseNonce)

	unknown := &dpop.Nonces{Secret: func(time.Time) []byte { return nil }, Now: clock}
	_, ok := unknown.Current()
	require.False(t, ok, "no nonce is made without a secret")
	for _, v.Nonces = range []*dpop.Nonces{unknown, nil} {
		_, err = v.Verify(proof, asked)
		require.ErrorIs(t, err, dpop.ErrNonceUnavailable, "it is not the client's mistake")
		require.NotErrorIs(t, err, dpop.ErrInvalidProof)
	}
}

// A client is told of a nonce before anything else is looked at, and of everything else by Check.
func TestTheNonceAloneIsChecked(t *testing.T) {
	clock := func() time.Time { return now }
	nonces := &dpop.Nonces{Secret: secretOf("a secret"), Now: clock}
	good, _ := nonces.Current()
	unknown := &dpop.Nonces{Secret: func(time.Time) []byte { return nil }, Now: clock}
	for name, test := range map[string]struct {
		nonces   *dpop.Nonces
		nonce    any
		required bool
		want     error
	}{
		"good":              {nonces, good, true, nil},
		"none":              {nonces, nil, true, dpop.ErrUseNonce},
		"made up":           {nonces, "made up", true, dpop.ErrUseNonce},
		"not a text":        {nonces, 1, true, nil},
		"none, not needed":  {nonces, nil, false, nil},
		"secret not known":  {unknown, good, true, dpop.ErrNonceUnavailable},
		"no nonces at all":  {nil, good, true, dpop.ErrNonceUnavailable},
		"of a proof of old": {nonces, good, true, nil},
	} {
		claims := goodClaims(map[string]any{"nonce": test.nonce})
		if name == "of a proof of old" {
			claims["iat"] = 0
		}
		c := dpop.Checker{Verifier: dpop.Verifier{Nonces: test.nonces, Now: clock}, NonceRequired: test.required}
		require.ErrorIs(t, c.CheckNonce(newClient(t, "ES256").proof(t, claims)), test.want, name)
	}
	required := dpop.Checker{Verifier: dpop.Verifier{Nonces: nonces, Now: clock}, NonceRequired: true}
	require.NoError(t, required.CheckNonce("no proof"))
}
