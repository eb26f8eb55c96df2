package keys_test

import (
	"crypto/ecdsa"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwk"
	"github.com/stretchr/testify/require"

	"gatehouse/keys"
)

func requireTables(t *testing.T, known keys.PublicKeys, made, places int, message string) {
	t.Helper()
	m, p := keys.Tables(known)
	require.Equal(t, []int{made, places}, []int{m, p}, message)
}

func TestATableIsMadeOfAKeyThatIsUsed(t *testing.T) {
	synctest.Test(t, requireTableOfAUsedKey)
}

func requireTableOfAUsedKey(t *testing.T) {
	used, unused, third := newKey(t, keys.ES256), newKey(t, keys.ES256), newKey(t, keys.ES256)
	ring := newRing(t, used, unused, newKey(t, keys.RS256))
	var server jwksServer
	server.serveRing(ring)
	remote := server.runReady(t)
	good := []byte(signed(t, used, goodClaims(nil)))
	forged := []byte(resignedClaims(t, string(good), goodClaims(map[string]any{"sub": "1"})))

	for _, known := range []keys.PublicKeys{ring, remote} {
		verifier := &keys.Verifier{Issuer: issuer, Audience: issuer, Keys: known}
		requireTables(t, known, 0, 2, "nobody has used a key")
		_, err := verifier.Verify(forged)
		require.ErrorIs(t, err, keys.ErrSignature)
		requireTables(t, known, 0, 2, "a forged token costs no table")
		_, err = verifier.Verify(good)
		require.NoError(t, err)
		requireTables(t, known, 1, 2, "the key was used")
		_, err = verifier.Verify(good)
		require.NoError(t, err)
		_, err = verifier.Verify(forged)
		require.ErrorIs(t, err, keys.ErrSignature)
	}

	require.NoError(t, ring.Replace(third, used))
	requireTables(t, ring, 1, 2, "a key that stays keeps its table")
	server.serveRing(ring)
	pass(remote.Refresh)
	_, err := remote.PublicKey(third.ID())
	require.NoError(t, err)
	requireTables(t, remote, 1, 2, "a key that stays keeps its table")
}

func TestALargeSetOfKeysHasFewTables(t *testing.T) {
	many := make([]*keys.Key, 24)
	for i := range many {
		many[i] = newKey(t, keys.ES256)
	}
	ring, err := keys.NewRing(many[0], many[1:]...)
	require.NoError(t, err)
	verifier := &keys.Verifier{Issuer: issuer, Audience: issuer, Keys: ring}
	for range 3 {
		for _, key := range many {
			_, err := verifier.Verify([]byte(signed(t, key, goodClaims(nil))))
			require.NoError(t, err)
		}
		requireTables(t, ring, 16, 16, "the others are verified without")
		require.NoError(t, ring.Replace(many[0], many[1:]...))
	}
}

// A table belongs to a key and not to the name that it goes by.
func TestAnotherKeyOfTheSameNameHasAnotherTable(t *testing.T) {
	first, second := newKey(t, keys.ES256), newKey(t, keys.ES256)
	named := func(key *keys.Key, before keys.KeySet) keys.KeySet {
		public, err := jwk.FromRaw(privateKey(t, key).(*ecdsa.PrivateKey).Public())
		require.NoError(t, err)
		require.NoError(t, public.Set("kid", first.ID()))
		require.NoError(t, public.Set("alg", keys.ES256))
		document, err := json.Marshal(map[string]any{"keys": []any{public}})
		require.NoError(t, err)
		set, err := keys.ParseJWKSAgain(document, before)
		require.NoError(t, err)
		return set
	}
	before := named(first, nil)
	verifier := &keys.Verifier{Issuer: issuer, Audience: issuer, Keys: before}
	token := []byte(signed(t, first, goodClaims(nil)))
	_, err := verifier.Verify(token)
	require.NoError(t, err)

	after := named(second, before)
	requireTables(t, after, 0, 1, "the other key has not been used")
	verifier = &keys.Verifier{Issuer: issuer, Audience: issuer, Keys: after}
	_, err = verifier.Verify(token)
	require.ErrorIs(t, err, keys.ErrSignature)
	_, err = verifier.Verify([]byte(signedWith(t, second, goodHeader(first, nil), goodClaims(nil))))
	require.NoError(t, err)
}

func TestTokensAreVerifiedWhileATableIsMade(t *testing.T) {
	key := newKey(t, keys.ES256)
	verifier := newVerifier(t, key)
	var all sync.WaitGroup
	for i := range 8 {
		good := []byte(signed(t, key, goodClaims(map[string]any{"jti": fmt.Sprint(i)})))
		forged := []byte(resigned(t, key, newKey(t, keys.ES256)))
		all.Go(func() {
			for range 20 {
				if _, err := verifier.Verify(good); err != nil {
					t.Error("a good token was refused")
				}
				if _, err := verifier.Verify(forged); err == nil {
					t.Error("a forged token was accepted")
				}
			}
		})
	}
	all.Wait()
}

// BenchmarkTable measures what the first good token of a key costs once.
func BenchmarkTable(b *testing.B) {
	private, err := keys.Generate(keys.ES256)
	require.NoError(b, err)
	token, err := private.Sign(keys.TypeAccessToken, map[string]any{
		"iss": issuer, "aud": issuer, "sub": rand.Text(), "client_id": "app", "jti": rand.Text(),
		"iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
	})
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		ring, err := keys.NewRing(private)
		if err != nil {
			b.Fatal(err)
		}
		verifier := &keys.Verifier{Issuer: issuer, Audience: issuer, Keys: ring}
		if _, err := verifier.Verify([]byte(token)); err != nil {
			b.Fatal(err)
		}
	}
}
