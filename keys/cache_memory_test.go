package keys

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestAHundredThousandTokensTakeLittleMemory fills the cache with claims as an installation issues them. The signatures
// are left out: they would take a minute.
func TestAHundredThousandTokensTakeLittleMemory(t *testing.T) {
	const count, most = 100_000, 130 << 20
	verifier := &Verifier{Issuer: "https://gatehouse.example", Audience: "https://gatehouse.example"}
	cache, err := NewCache(verifier, count)
	require.NoError(t, err)
	defer func() { require.NoError(t, cache.Close()) }()
	key := PublicKey{ID: rand.Text()}
	before := heapInUse()
	for i := range count {
		body, err := json.Marshal(map[string]any{
			"iss": verifier.Issuer, "aud": []string{verifier.Audience}, "sub": strconv.Itoa(i), "client_id": "client-" + strconv.Itoa(i%100),
			"jti": rand.Text(), "grant_id": rand.Text(), "iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
			"scope": "balance:read invoices:create invoices:read transactions:read payments:send",
		})
		require.NoError(t, err)
		found, err := verifier.read(body, &key)
		require.NoError(t, err)
		cache.tokens.Set(sha256.Sum256(body), found)
	}
	full := heapInUse() - before
	t.Logf("%d tokens take %.1f MiB", cache.Size(), float64(full)/(1<<20))
	require.GreaterOrEqual(t, cache.Size(), count*99/100)
	require.Less(t, full, int64(most))
}

func heapInUse() int64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapInuse)
}

func TestWhatManyTokensSayIsKeptOnceAndWithinBounds(t *testing.T) {
	var lists shared
	first := lists.list("a b", scopes)
	require.Equal(t, []string{"a", "b"}, first)
	require.Same(t, &first[0], &lists.list("a b", scopes)[0])
	for i := range 2 * maxShared {
		require.Equal(t, []string{strconv.Itoa(i)}, lists.list(strconv.Itoa(i), scopes))
	}
	kept := 0
	lists.lists.Range(func(any, any) bool { kept++; return true })
	require.Equal(t, maxShared, kept)
	require.Empty(t, lists.list("", scopes))
}
