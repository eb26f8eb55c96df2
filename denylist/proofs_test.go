package denylist_test

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gatehouse/denylist"
)

const (
	jkt    = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
	holder = "a user"
)

func use(tb testing.TB, store *denylist.Store, thumbprint, jti string) bool {
	tb.Helper()
	first, err := store.UseProof(tb.Context(), holder, thumbprint, jti, time.Now().Add(time.Minute))
	require.NoError(tb, err)
	return first
}

// patientStore is one that a busy machine does not trouble.
func patientStore(tb testing.TB, url string) *denylist.Store {
	tb.Helper()
	store, err := denylist.Connect(url, denylist.WithTimeout(patience))
	require.NoError(tb, err)
	tb.Cleanup(func() { _ = store.Close() })
	return store
}

func addressOf(client *redis.Client) string { return "redis://" + client.Options().Addr }

func TestAProofIsUsedOnceAtAllGateways(t *testing.T) {
	forEachRedis(t, func(t *testing.T, _ *denylist.Store, client *redis.Client) {
		here, there := patientStore(t, addressOf(client)), patientStore(t, addressOf(client))
		require.True(t, use(t, here, jkt, "one"))
		require.False(t, use(t, here, jkt, "one"))
		require.False(t, use(t, there, jkt, "one"))
		require.True(t, use(t, there, jkt, "two"))
		require.True(t, use(t, there, "another key", "one"), "whose jti is the same by chance")

		var firsts atomic.Int64
		var all sync.WaitGroup
		for i := range 20 {
			all.Go(func() {
				store := here
				if i%2 == 0 {
					store = there
				}
				if first, err := store.UseProof(t.Context(), holder, jkt, "at once", time.Now().Add(time.Minute)); err == nil && first {
					firsts.Add(1)
				}
			})
		}
		all.Wait()
		require.EqualValues(t, 1, firsts.Load())
	})
}

func TestAProofIsRememberedForAsLongAsItIsAccepted(t *testing.T) {
	forEachRedis(t, func(t *testing.T, _ *denylist.Store, client *redis.Client) {
		store := patientStore(t, addressOf(client))
		at := time.Now()
		store.Now = func() time.Time { return at }
		first, err := store.UseProof(t.Context(), holder, jkt, "one", at.Add(time.Minute))
		require.NoError(t, err)
		require.True(t, first)
		names := client.Keys(t.Context(), "{gh}:proof:*").Val()
		require.Len(t, names, 1)
		lives := client.PTTL(t.Context(), names[0]).Val()
		require.InDelta(t, (time.Minute + denylist.ClockMargin).Seconds(), lives.Seconds(), patience.Seconds(), "on clocks that are behind, too")
		require.Positive(t, client.PTTL(t.Context(), "{gh}:proofs").Val())

		first, err = store.UseProof(t.Context(), holder, jkt, "of long ago", at.Add(-denylist.ClockMargin))
		require.NoError(t, err)
		require.False(t, first)
		require.Len(t, client.Keys(t.Context(), "{gh}:proof:*").Val(), 1, "and it is not there for ever")
	})
}

func TestRedisHoldsABoundedNumberOfProofs(t *testing.T) {
	forEachRedis(t, func(t *testing.T, _ *denylist.Store, client *redis.Client) {
		store := patientStore(t, addressOf(client))
		require.True(t, use(t, store, jkt, "one"))
		require.NoError(t, client.Set(t.Context(), "{gh}:proofs", 299_999, time.Minute).Err())
		require.True(t, use(t, store, jkt, "the last of the minute"))
		for _, jti := range []string{"another", "one"} {
			first, err := store.UseProof(t.Context(), holder, jkt, jti, time.Now().Add(time.Minute))
			require.ErrorIs(t, err, denylist.ErrTooManyProofs)
			require.False(t, first)
		}
		require.NoError(t, client.Del(t.Context(), "{gh}:proofs").Err()) // which its end does
		require.True(t, use(t, store, jkt, "another"))
	})
}

func TestNobodyUsesUpTheProofsOfOthers(t *testing.T) {
	forEachRedis(t, func(t *testing.T, _ *denylist.Store, client *redis.Client) {
		store := patientStore(t, addressOf(client))
		require.True(t, use(t, store, jkt, "one"))
		counts := client.Keys(t.Context(), "{gh}:proofs:*").Val()
		require.Len(t, counts, 1)
		require.Positive(t, client.PTTL(t.Context(), counts[0]).Val())
		require.NoError(t, client.Set(t.Context(), counts[0], 29_999, time.Minute).Err())
		require.True(t, use(t, store, jkt, "the last of the minute"))
		for _, thumbprint := range []string{jkt, "another key"} {
			_, err := store.UseProof(t.Context(), holder, thumbprint, "another", time.Now().Add(time.Minute))
			require.ErrorIs(t, err, denylist.ErrTooManyProofs)
		}
		first, err := store.UseProof(t.Context(), "another user", jkt, "another", time.Now().Add(time.Minute))
		require.NoError(t, err)
		require.True(t, first)
	})
}

// TestProofsThatComeAtOnceAreToldApart: they share round trips, also where Redis has just lost the script that notes them.
func TestProofsThatComeAtOnceAreToldApart(t *testing.T) {
	forEachRedis(t, func(t *testing.T, _ *denylist.Store, client *redis.Client) {
		store := patientStore(t, addressOf(client))
		for round := range 3 {
			require.NoError(t, client.ScriptFlush(t.Context()).Err())
			const proofs, tries = 40, 3
			var firsts [proofs]atomic.Int64
			var all sync.WaitGroup
			for i := range proofs * tries {
				all.Go(func() {
					jti := fmt.Sprint(round, i%proofs)
					first, err := store.UseProof(t.Context(), holder, jkt, jti, time.Now().Add(time.Minute))
					assert.NoError(t, err)
					if first {
						firsts[i%proofs].Add(1)
					}
				})
			}
			all.Wait()
			for i := range firsts {
				require.EqualValues(t, 1, firsts[i].Load(), "proof %d", i)
			}
		}
	})
}

func TestWithoutRedisNobodyKnowsWhetherAProofWasUsed(t *testing.T) {
	store, err := denylist.Connect("redis://127.0.0.1:1")
	require.NoError(t, err)
	t.Cleanup(func() { _ = store.Close() })
	first, err := store.UseProof(t.Context(), holder, jkt, "one", time.Now().Add(time.Minute))
	require.Error(t, err)
	require.False(t, errors.Is(err, denylist.ErrTooManyProofs))
	require.False(t, first)
	require.NotContains(t, err.Error(), jkt)
}

// TestAProofTakesLittleOfRedis: 100,000 proofs a minute are some 310,000 that Redis remembers, and so at most 45 MB.
func TestAProofTakesLittleOfRedis(t *testing.T) {
	url := os.Getenv("TEST_REDIS_URL")
	if url == "" {
		t.Skip("TEST_REDIS_URL is not set; `make test` starts a Redis and sets it")
	}
	run(t, url, func(t *testing.T, _ *denylist.Store, client *redis.Client) {
		const proofs = 1 << 14
		store := patientStore(t, addressOf(client))
		useMany(t, store, jkt, 1000) // connections have memory, too
		before := memoryOf(t, client)
		useMany(t, store, "another key", proofs)
		each := (memoryOf(t, client) - before) / proofs
		t.Logf("%d bytes a proof", each)
		require.Less(t, each, 145)
	})
}

// BenchmarkUseProof measures what a proof costs in time and in Redis' memory, connections included.
func BenchmarkUseProof(b *testing.B) {
	url := os.Getenv("TEST_REDIS_URL")
	if url == "" {
		b.Skip("TEST_REDIS_URL is not set; .ci/with-services.sh sets it")
	}
	store := patientStore(b, url)
	options, err := redis.ParseURL(url)
	require.NoError(b, err)
	client := redis.NewClient(options)
	defer func() { _ = client.Close() }()
	require.NoError(b, client.FlushDB(b.Context()).Err())
	before := memoryOf(b, client)
	b.ResetTimer()
	useMany(b, store, jkt, b.N)
	b.StopTimer()
	b.ReportMetric(float64(memoryOf(b, client)-before)/float64(b.N), "B-of-Redis/op")
}

// useMany uses proofs of one key, 32 at a time.
func useMany(tb testing.TB, store *denylist.Store, thumbprint string, proofs int) {
	tb.Helper()
	var next atomic.Int64
	var failed atomic.Pointer[error]
	var all sync.WaitGroup
	for range 32 {
		all.Go(func() {
			for i := int(next.Add(1)); i <= proofs && failed.Load() == nil; i = int(next.Add(1)) {
				first, err := store.UseProof(tb.Context(), "holder "+strconv.Itoa(i%64), thumbprint, strconv.Itoa(i), time.Now().Add(time.Minute))
				if err == nil && !first {
					err = errors.New("a new proof was used before")
				}
				if err != nil {
					failed.Store(&err)
				}
			}
		})
	}
	all.Wait()
	if err := failed.Load(); err != nil {
		tb.Fatal(*err)
	}
}

func memoryOf(tb testing.TB, client *redis.Client) int {
	tb.Helper()
	info, err := client.InfoMap(tb.Context(), "memory").Result()
	require.NoError(tb, err)
	used, err := strconv.Atoi(info["Memory"]["used_memory"])
	require.NoError(tb, err)
	return used
}
