package keys_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/keys"
)

func newCache(t *testing.T, verifier *keys.Verifier, size int) *keys.Cache {
	t.Helper()
	cache, err := keys.NewCache(verifier, size)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, cache.Close()) })
	return cache
}

func TestACachedTokenYieldsTheSameClaimsWithoutAnotherVerification(t *testing.T) {
	key := newKey(t, keys.ES256)
	cache := newCache(t, newVerifier(t, key), 10)
	token := []byte(signed(t, key, goodClaims(nil)))
	first, err := cache.Verify(token)
	require.NoError(t, err)
	require.Equal(t, "token-1", first.ID)
	second, err := cache.Verify(token)
	require.NoError(t, err)
	require.Same(t, first, second)
	require.EqualValues(t, 1, cache.Misses())
	require.EqualValues(t, 1, cache.Hits())
	require.Equal(t, 1, cache.Size())
}

func TestACachedTokenAllocatesNothing(t *testing.T) {
	key := newKey(t, keys.ES256)
	cache := newCache(t, newVerifier(t, key), 10)
	token := []byte(signed(t, key, goodClaims(nil)))
	require.Zero(t, testing.AllocsPerRun(1000, func() { _, _ = cache.Verify(token) }))
	require.EqualValues(t, 1, cache.Misses())
}

func TestNoOtherTokenIsTakenForACachedOne(t *testing.T) {
	key := newKey(t, keys.ES256)
	verifier := newVerifier(t, key)
	cache := newCache(t, verifier, 1000)
	token := signed(t, key, goodClaims(nil))
	_, err := cache.Verify([]byte(token))
	require.NoError(t, err)
	for i := range token {
		altered := []byte(token)
		altered[i] ^= 1
		_, want := verifier.Verify(altered)
		require.Error(t, want)
		_, err := cache.Verify(altered)
		require.Equal(t, want, err, "character %d of %d", i, len(token))
	}
	for _, altered := range []string{token[:len(token)-1], token + "A", token + "=", "", strings.Repeat("A", 10_000)} {
		_, err := cache.Verify([]byte(altered))
		require.ErrorIs(t, err, keys.ErrInvalidToken)
	}
	require.Equal(t, 1, cache.Size(), "nothing is remembered of a token that is refused")
	require.Zero(t, cache.Hits())
	_, err = cache.Verify([]byte(token))
	require.NoError(t, err)
}

func TestTimePassesForACachedToken(t *testing.T) {
	key := newKey(t, keys.ES256)
	verifier := newVerifier(t, key)
	start := time.Unix(time.Now().Unix(), 0)
	var passed time.Duration
	verifier.Now = func() time.Time { return start.Add(passed) }
	cache := newCache(t, verifier, 10)
	token := []byte(signed(t, key, goodClaims(map[string]any{
		"iat": start.Unix(), "exp": start.Add(time.Minute).Unix(), "nbf": start.Add(10 * time.Second).Unix(),
	})))
	for _, at := range []struct {
		passed time.Duration
		want   error
	}{
		{30 * time.Second, nil},
		{time.Minute - time.Nanosecond, nil},
		{time.Minute, keys.ErrExpired},
		{time.Hour, keys.ErrExpired},
		{9 * time.Second, keys.ErrNotYetValid},
		{-time.Second, keys.ErrNotYetValid},
		{10 * time.Second, nil},
	} {
		passed = at.passed
		_, err := cache.Verify(token)
		require.ErrorIs(t, err, at.want, "%v after issue", at.passed)
	}
	require.EqualValues(t, 1, cache.Misses())
}

// It does not matter how long a verification took, or that it was another call's.
func TestATokenThatExpiresWhileItIsVerifiedIsRefused(t *testing.T) {
	key := newKey(t, keys.ES256)
	verifier := newVerifier(t, key)
	var looks atomic.Int64
	verifier.Now = func() time.Time {
		if looks.Add(1) == 1 {
			return time.Now()
		}
		return time.Now().Add(24 * time.Hour)
	}
	cache := newCache(t, verifier, 10)
	_, err := cache.Verify([]byte(signed(t, key, goodClaims(nil))))
	require.ErrorIs(t, err, keys.ErrExpired)
	require.Greater(t, looks.Load(), int64(1))
}

func TestExpiredTokensAreForgotten(t *testing.T) {
	synctest.Test(t, requireExpiredForgotten)
}

func requireExpiredForgotten(t *testing.T) {
	key := newKey(t, keys.EdDSA)
	verifier := newVerifier(t, key)
	start := time.Now().Truncate(time.Second)
	verifier.Now = func() time.Time { return start } // so that all of them live for 3 s from when they are seen
	cache := newCache(t, verifier, 100)
	for i := range 10 {
		_, err := cache.Verify([]byte(signed(t, key, goodClaims(map[string]any{
			"jti": fmt.Sprint(i), "iat": start.Unix(), "exp": start.Add(3 * time.Second).Unix(),
		}))))
		require.NoError(t, err)
	}
	require.Equal(t, 10, cache.Size())
	pass(5 * time.Second) // two more than they live
	require.Zero(t, cache.Size())
}

func TestCachedTokensEndWithTheirKey(t *testing.T) {
	old, next := newKey(t, keys.ES256), newKey(t, keys.ES256)
	verifier := newVerifier(t, old, next)
	ring := verifier.Keys.(*keys.Ring)
	cache := newCache(t, verifier, 10)
	token := []byte(signed(t, old, goodClaims(nil)))
	_, err := cache.Verify(token)
	require.NoError(t, err)

	require.NoError(t, ring.Replace(next, old))
	_, err = cache.Verify(token)
	require.NoError(t, err, "its key still verifies")
	require.EqualValues(t, 1, cache.Misses())

	require.NoError(t, ring.Replace(next))
	_, err = cache.Verify(token)
	require.ErrorIs(t, err, keys.ErrUnknownKey)
	require.Zero(t, cache.Size())

	require.NoError(t, ring.Replace(next, old))
	_, err = cache.Verify(token)
	require.NoError(t, err)
	require.EqualValues(t, 2, cache.Misses(), "it was verified anew")
}

// renamedKeys has another key under the kid that is asked for.
type renamedKeys struct {
	other atomic.Pointer[keys.PublicKey]
}

func (r *renamedKeys) PublicKey(kid string) (keys.PublicKey, error) {
	key := *r.other.Load()
	key.ID = kid
	return key, nil
}

func TestCachedTokensEndWhenTheirKeyIsReplacedByOneOfTheSameName(t *testing.T) {
	key, other := newKey(t, keys.ES256), newKey(t, keys.ES256)
	public := &renamedKeys{}
	now := func(key *keys.Key) { half := key.Public(); public.other.Store(&half) }
	now(key)
	cache := newCache(t, &keys.Verifier{Issuer: issuer, Audience: issuer, Keys: public}, 10)
	token := []byte(signed(t, key, goodClaims(nil)))
	for range 2 {
		_, err := cache.Verify(token)
		require.NoError(t, err)
	}
	now(other)
	for range 2 {
		_, err := cache.Verify(token)
		require.ErrorIs(t, err, keys.ErrSignature)
	}
}

func TestATokenThatWasRefusedIsLookedAtAgain(t *testing.T) {
	key, later := newKey(t, keys.ES256), newKey(t, keys.ES256)
	verifier := newVerifier(t, key)
	cache := newCache(t, verifier, 10)
	token := []byte(signed(t, later, goodClaims(nil)))
	for range 2 {
		_, err := cache.Verify(token)
		require.ErrorIs(t, err, keys.ErrUnknownKey)
	}
	require.Zero(t, cache.Size())
	require.NoError(t, verifier.Keys.(*keys.Ring).Replace(key, later))
	_, err := cache.Verify(token)
	require.NoError(t, err)
}

// slowKeys answers the first question when it is let go, and counts them all.
type slowKeys struct {
	keys.PublicKeys
	asked atomic.Int64
	gate  chan struct{}
}

func (s *slowKeys) PublicKey(kid string) (keys.PublicKey, error) {
	if s.asked.Add(1) == 1 {
		<-s.gate
	}
	return s.PublicKeys.PublicKey(kid)
}

func TestATokenIsVerifiedOnceHoweverManySeeItFirst(t *testing.T) {
	t.Run("good", func(t *testing.T) { synctest.Test(t, requireGoodTokenVerifiedOnce) })
	t.Run("bad", func(t *testing.T) { synctest.Test(t, requireBadTokenVerifiedOnce) })
}

func requireGoodTokenVerifiedOnce(t *testing.T) {
	answers, asked := verifyAtOnce(t, goodClaims(nil))
	for _, err := range answers {
		require.NoError(t, err)
	}
	require.EqualValues(t, 1+len(answers), asked, "one verification, and each looks whether the key is still there")
}

func requireBadTokenVerifiedOnce(t *testing.T) {
	answers, asked := verifyAtOnce(t, goodClaims(map[string]any{"aud": "another"}))
	for _, err := range answers {
		require.ErrorIs(t, err, keys.ErrAudience)
	}
	require.EqualValues(t, 1, asked)
}

// verifyAtOnce has a token verified by many, all of whom come before the first has an answer. It is run in a bubble, and
// returns the answers and how often a key was asked for.
func verifyAtOnce(t *testing.T, claims map[string]any) (answers []error, asked int64) {
	t.Helper()
	key := newKey(t, keys.ES256)
	verifier := newVerifier(t, key)
	slow := &slowKeys{PublicKeys: verifier.Keys, gate: make(chan struct{})}
	verifier.Keys = slow
	cache := newCache(t, verifier, 10)
	token := []byte(signed(t, key, claims))
	answers = make([]error, 50)
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() { _, answers[i] = cache.Verify(token) })
	}
	synctest.Wait()
	require.EqualValues(t, len(answers), cache.Misses())
	close(slow.gate)
	all.Wait()
	return answers, slow.asked.Load()
}

func TestAFloodDoesNotPushOutTheTokensThatAreUsed(t *testing.T) {
	const size, used, rounds, perRound = 200, 100, 30, 100
	key := newKey(t, keys.EdDSA)
	cache := newCache(t, newVerifier(t, key), size)
	number := 0
	another := func() string {
		number++
		return signed(t, key, goodClaims(map[string]any{"jti": fmt.Sprint(number)}))
	}
	working := make([][]byte, used)
	for i := range working {
		working[i] = []byte(another())
	}
	serve := func() {
		for _, token := range working {
			_, err := cache.Verify(token)
			require.NoError(t, err)
		}
	}
	for range 5 {
		serve()
	}
	before := cache.Misses()
	for range rounds {
		for range perRound {
			once := another()
			_, err := cache.Verify([]byte(once))
			require.NoError(t, err)
			_, err = cache.Verify([]byte(once[:len(once)-9] + "AAAA" + once[len(once)-5:]))
			require.ErrorIs(t, err, keys.ErrSignature)
		}
		serve()
	}
	missed := cache.Misses() - before - 2*rounds*perRound
	require.Less(t, missed, int64(rounds*used/10), "of %d requests with tokens that are used", rounds*used)
	require.LessOrEqual(t, cache.Size(), size+size/10, "%d good tokens were seen", number)
}

func TestManyCallersGetTheClaimsOfTheirOwnToken(t *testing.T) {
	const callers, tokens = 8, 40
	key := newKey(t, keys.EdDSA)
	cache := newCache(t, newVerifier(t, key), tokens/2) // so that some are always being pushed out
	made := make([][]byte, tokens)
	for i := range made {
		made[i] = []byte(signed(t, key, goodClaims(map[string]any{"jti": fmt.Sprint(i)})))
	}
	var all sync.WaitGroup
	for c := range callers {
		all.Go(func() {
			for i := range 10 * tokens {
				n := i * (c + 1) % tokens
				claims, err := cache.Verify(made[n])
				if err != nil || claims.ID != fmt.Sprint(n) {
					t.Errorf("token %d has %v, %v", n, claims, err)
				}
			}
		})
	}
	all.Wait()
}
