package denylist_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gatehouse/denylist"
)

// forEachRedis runs a test on miniredis and, where one was started for the tests, on a real Redis.
func forEachRedis(t *testing.T, test func(t *testing.T, store *denylist.Store, client *redis.Client)) {
	t.Run("miniredis", func(t *testing.T) {
		server := miniredis.RunT(t)
		run(t, "redis://"+server.Addr(), test)
	})
	t.Run("redis", func(t *testing.T) {
		url := os.Getenv("TEST_REDIS_URL")
		if url == "" {
			t.Skip("TEST_REDIS_URL is not set; `make test` starts a Redis and sets it")
		}
		run(t, url, test)
	})
}

func run(t *testing.T, url string, test func(t *testing.T, store *denylist.Store, client *redis.Client)) {
	options, err := redis.ParseURL(url)
	require.NoError(t, err)
	client := redis.NewClient(options)
	t.Cleanup(func() { _ = client.Close() })
	require.NoError(t, client.FlushDB(t.Context()).Err())
	store, err := denylist.Connect(url)
	require.NoError(t, err)
	t.Cleanup(func() { _ = store.Close() })
	test(t, store, client)
}

var asked = denylist.Query{TokenID: "token-1", GrantID: "grant-1", ClientID: "client-1"}

// tell checks, and again where Redis was too slow for the question: how long it takes is for the machine to say.
func tell(t *testing.T, checker denylist.Checker, q denylist.Query) error {
	t.Helper()
	for deadline := time.Now().Add(patience); ; {
		if err := checker.Check(t.Context(), q); !isTooSlow(err) || time.Now().After(deadline) {
			return err
		}
	}
}

func isTooSlow(err error) bool {
	var network net.Error
	return errors.Is(err, denylist.ErrUnknown) &&
		(errors.Is(err, context.DeadlineExceeded) || errors.Is(err, redis.ErrPoolTimeout) || errors.As(err, &network) && network.Timeout())
}

func inAnHour(kind denylist.Kind, id string) denylist.Entry {
	return denylist.Entry{Kind: kind, ID: id, ExpiresAt: time.Now().Add(time.Hour)}
}

func nothing() iter.Seq2[[]denylist.Entry, error] {
	return func(func([]denylist.Entry, error) bool) {}
}

func TestCheckIsUnknownUntilEverythingWasLoaded(t *testing.T) {
	forEachRedis(t, func(t *testing.T, store *denylist.Store, client *redis.Client) {
		require.ErrorIs(t, tell(t, store, asked), denylist.ErrUnknown, "an empty Redis knows nothing")
		loaded, err := store.Loaded(t.Context())
		require.NoError(t, err)
		require.False(t, loaded)

		require.NoError(t, store.Deny(t.Context(), inAnHour(denylist.Token, "another")))
		require.ErrorIs(t, tell(t, store, asked), denylist.ErrUnknown, "one entry is not all of them")

		require.NoError(t, store.Reload(t.Context(), nothing()))
		require.NoError(t, tell(t, store, asked))
		loaded, err = store.Loaded(t.Context())
		require.NoError(t, err)
		require.True(t, loaded)

		require.NoError(t, client.FlushDB(t.Context()).Err())
		require.ErrorIs(t, tell(t, store, asked), denylist.ErrUnknown, "a wiped Redis knows nothing")
	})
}

func TestEachKindDeniesTheTokensItNames(t *testing.T) {
	forEachRedis(t, func(t *testing.T, store *denylist.Store, client *redis.Client) {
		for _, entry := range []denylist.Entry{
			inAnHour(denylist.Token, asked.TokenID),
			inAnHour(denylist.Grant, asked.GrantID),
			inAnHour(denylist.Client, asked.ClientID),
		} {
			t.Run(string(entry.Kind), func(t *testing.T) {
				require.NoError(t, client.FlushDB(t.Context()).Err())
				require.NoError(t, store.Reload(t.Context(), nothing()))
				require.NoError(t, store.Deny(t.Context(), entry))
				require.ErrorIs(t, tell(t, store, asked), denylist.ErrRevoked)
				require.NoError(t, tell(t, store, denylist.Query{TokenID: "t", GrantID: "g", ClientID: "c"}))
			})
		}
	})
}

func TestAKindDoesNotDenyTheSameNameOfAnotherKind(t *testing.T) {
	forEachRedis(t, func(t *testing.T, store *denylist.Store, _ *redis.Client) {
		require.NoError(t, store.Reload(t.Context(), nothing()))
		require.NoError(t, store.Deny(t.Context(), inAnHour(denylist.Client, "x")))
		require.NoError(t, tell(t, store, denylist.Query{TokenID: "x", GrantID: "x", ClientID: "c"}))
	})
}

func TestATokenWithoutAGrantIsNotDeniedByAnEmptyGrant(t *testing.T) {
	forEachRedis(t, func(t *testing.T, store *denylist.Store, _ *redis.Client) {
		require.NoError(t, store.Reload(t.Context(), nothing()))
		require.NoError(t, store.Deny(t.Context(), inAnHour(denylist.Grant, "")))
		require.NoError(t, tell(t, store, denylist.Query{TokenID: "t", ClientID: "c"}))
	})
}

func TestARevokedTokenIsRefusedEvenWhileTheEpochIsMissing(t *testing.T) {
	forEachRedis(t, func(t *testing.T, store *denylist.Store, _ *redis.Client) {
		require.NoError(t, store.Deny(t.Context(), inAnHour(denylist.Token, asked.TokenID)))
		require.ErrorIs(t, tell(t, store, asked), denylist.ErrRevoked,
			"a route that allows unknown tokens must still refuse this one")
	})
}

func TestEntriesEndAfterTheirTokensAndNeverBefore(t *testing.T) {
	forEachRedis(t, func(t *testing.T, store *denylist.Store, client *redis.Client) {
		require.NoError(t, store.Deny(t.Context(), inAnHour(denylist.Token, "a")))
		lifetime, err := client.PTTL(t.Context(), "{gh}:deny:token:a").Result()
		require.NoError(t, err)
		require.Greater(t, lifetime, 59*time.Minute)
		require.Less(t, lifetime, 70*time.Minute)

		shorter := denylist.Entry{Kind: denylist.Token, ID: "a", ExpiresAt: time.Now().Add(time.Second)}
		require.NoError(t, store.Deny(t.Context(), shorter))
		lifetime, err = client.PTTL(t.Context(), "{gh}:deny:token:a").Result()
		require.NoError(t, err)
		require.Greater(t, lifetime, 59*time.Minute, "a second revocation must not shorten the first")

		long := denylist.Entry{Kind: denylist.Token, ID: "b", ExpiresAt: time.Now().Add(-time.Hour)}
		require.NoError(t, store.Deny(t.Context(), long))
		count, err := client.Exists(t.Context(), "{gh}:deny:token:b").Result()
		require.NoError(t, err)
		require.Zero(t, count, "an entry whose tokens have all expired must not stay for ever")
	})
}

func TestEveryDenialIsToldToTheFeed(t *testing.T) {
	forEachRedis(t, func(t *testing.T, store *denylist.Store, client *redis.Client) {
		entry := inAnHour(denylist.Grant, "g")
		require.NoError(t, store.Deny(t.Context(), entry, inAnHour(denylist.Client, "c")))
		lines, err := client.XRange(t.Context(), "{gh}:deny:feed", "-", "+").Result()
		require.NoError(t, err)
		require.Len(t, lines, 2)
		require.Equal(t, map[string]any{
			"kind": "grant", "id": "g", "exp": fmt.Sprint(entry.ExpiresAt.UnixMilli()),
		}, lines[0].Values)
	})
}

// The mark is a place to follow the feed from, also for gateways of a version that leaves none itself.
func TestAReloadLeavesAMarkInTheFeed(t *testing.T) {
	forEachRedis(t, func(t *testing.T, store *denylist.Store, client *redis.Client) {
		for range 2 {
			before := client.XLen(t.Context(), "{gh}:deny:feed").Val()
			require.NoError(t, store.Reload(t.Context(), nothing()))
			lines, err := client.XRange(t.Context(), "{gh}:deny:feed", "-", "+").Result()
			require.NoError(t, err)
			require.Len(t, lines, int(before)+1)
			require.Equal(t, map[string]any{
				"kind": "mark", "id": client.Get(t.Context(), "{gh}:deny:epoch").Val(), "exp": "0",
			}, lines[before].Values)
		}
	})
}

func TestReloadLoadsEveryPageBeforeItAnswers(t *testing.T) {
	forEachRedis(t, func(t *testing.T, store *denylist.Store, _ *redis.Client) {
		pages := func(yield func([]denylist.Entry, error) bool) {
			require.ErrorIs(t, tell(t, store, asked), denylist.ErrUnknown)
			if !yield([]denylist.Entry{inAnHour(denylist.Token, "first")}, nil) {
				return
			}
			require.ErrorIs(t, tell(t, store, asked), denylist.ErrUnknown)
			yield([]denylist.Entry{inAnHour(denylist.Token, asked.TokenID)}, nil)
		}
		require.NoError(t, store.Reload(t.Context(), pages))
		require.ErrorIs(t, tell(t, store, asked), denylist.ErrRevoked)
	})
}

func TestReloadThatFailsDeclaresNothingComplete(t *testing.T) {
	forEachRedis(t, func(t *testing.T, store *denylist.Store, client *redis.Client) {
		broken := errors.New("database is gone")
		err := store.Reload(t.Context(), func(yield func([]denylist.Entry, error) bool) { yield(nil, broken) })
		require.ErrorIs(t, err, broken)
		require.ErrorIs(t, tell(t, store, asked), denylist.ErrUnknown)

		wiped := func(yield func([]denylist.Entry, error) bool) {
			if yield([]denylist.Entry{inAnHour(denylist.Token, asked.TokenID)}, nil) {
				require.NoError(t, client.FlushDB(t.Context()).Err())
			}
		}
		require.ErrorIs(t, store.Reload(t.Context(), wiped), denylist.ErrReloadLost)
		require.ErrorIs(t, tell(t, store, asked), denylist.ErrUnknown,
			"Redis was wiped after the entry was loaded: the token must not pass")
	})
}

func TestReloadsAndDenialsMayRunAtOnce(t *testing.T) {
	forEachRedis(t, func(t *testing.T, store *denylist.Store, _ *redis.Client) {
		var wait sync.WaitGroup
		for i := range 8 {
			wait.Go(func() {
				if err := store.Reload(t.Context(), nothing()); err != nil {
					require.ErrorIs(t, err, denylist.ErrReloadLost)
				}
			})
			wait.Go(func() {
				require.NoError(t, store.Deny(t.Context(), inAnHour(denylist.Token, fmt.Sprint(i))))
			})
		}
		wait.Wait()
		for i := range 8 {
			err := tell(t, store, denylist.Query{TokenID: fmt.Sprint(i), ClientID: "c"})
			require.ErrorIs(t, err, denylist.ErrRevoked)
		}
		require.NoError(t, tell(t, store, asked), "one of the reloads completed")
	})
}

func TestManyChecksAtOnceGetTheirOwnAnswers(t *testing.T) {
	forEachRedis(t, func(t *testing.T, store *denylist.Store, _ *redis.Client) {
		const callers, each = 64, 20
		require.NoError(t, store.Reload(t.Context(), nothing()))
		var all sync.WaitGroup
		for i := range callers {
			all.Go(func() {
				for n := range each {
					q := denylist.Query{TokenID: fmt.Sprint("t", i, ".", n), ClientID: "c"}
					if n%3 == 0 {
						q.GrantID = "g"
					}
					// A machine that is very busy may make any of them fail, which is not what is tested.
					assert.NotErrorIs(t, store.Check(t.Context(), q), denylist.ErrRevoked)
					if store.Deny(t.Context(), inAnHour(denylist.Token, q.TokenID)) == nil {
						assert.Error(t, store.Check(t.Context(), q), "what was asked before must not answer this")
					}
				}
			})
		}
		all.Wait()
	})
}

func TestARedisThatDoesNotAnswerIsUnknown(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer silent.Close()
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, gone.Close())

	for name, address := range map[string]string{"silent": silent.Addr().String(), "gone": gone.Addr().String()} {
		t.Run(name, func(t *testing.T) {
			store, err := denylist.Connect("redis://" + address)
			require.NoError(t, err)
			defer func() { _ = store.Close() }()
			require.ErrorIs(t, store.Check(t.Context(), asked), denylist.ErrUnknown)

			cancelled, cancel := context.WithCancel(t.Context())
			cancel()
			require.Error(t, store.Deny(cancelled, inAnHour(denylist.Token, "a")))
		})
	}
}

func TestConnectRefusesWhatIsNoRedisURLAndKeepsThePassword(t *testing.T) {
	for _, url := range []string{
		"", "http://localhost", "redis://:hunter2@local host", "redis://:hunter2@h/%zz", "redis://:hunter2@h/x",
		"redis+sentinel://:hunter2@h/0", "redis+magic://:hunter2@h", "redis+cluster://:hunter2@h/%zz", "unix://:hunter2@/redis.sock",
	} {
		_, err := denylist.Connect(url)
		require.Error(t, err, url)
		require.NotContains(t, err.Error(), "hunter2")
	}
}

func TestAnOptionOfARedisURLIsHeededOrRefused(t *testing.T) {
	for url, says := range map[string]string{
		"redis://h?read_timeout=1s":                               "option read_timeout cannot be set: denylist.timeout",
		"redis://h?max_retries=3":                                 "option max_retries cannot be set: denylist.timeout",
		"redis+sentinel://h?master_name=m&dial_timeout=1s":        "option dial_timeout cannot be set: denylist.timeout",
		"redis+sentinel://h?master_name=m&replica_only=true":      "option replica_only cannot be set: a replica",
		"redis+sentinel://h?master_name=m&route_randomly=true":    "option route_randomly cannot be set: a replica",
		"redis+cluster://h?read_only=true":                        "option read_only cannot be set: a replica",
		"redis+cluster://h?route_by_latency=true":                 "option route_by_latency cannot be set: a replica",
		"redis+cluster://h/3":                                     "a cluster has no database but 0",
		"redis+cluster://h?master_name=m":                         "master_name",
		"redis+sentinel://h?master_name=m&addr=h2:1&bogus=hidden": "bogus",
	} {
		err := denylist.ValidateURL(url)
		require.ErrorContains(t, err, says, url)
		require.NotContains(t, err.Error(), "hidden")
	}
	for _, url := range []string{
		"redis://u:p@h:1/2?client_name=gatehouse&pool_size=3", "redis+cluster://h/0?addr=h2:1", "rediss://h?skip_verify=true",
		"redis+sentinel://h?master_name=m&username=u&password=p&min_idle_conns=1",
	} {
		require.NoError(t, denylist.ValidateURL(url))
	}
}

// TestTheOptionsOfASentinelURLReachTheRedis has a user of its own, and a name, for the Redis.
func TestTheOptionsOfASentinelURLReachTheRedis(t *testing.T) {
	master := startRedis(t)
	master.addUser("keeper", ">right")
	sentinel := startSentinel(t, master)
	store := connect(t, "redis+sentinel://127.0.0.1:"+sentinel.port+
		"/0?master_name=gatehouse&username=keeper&password=right&client_name=guard")
	require.NoError(t, store.Reload(t.Context(), nothing()))
	clients := master.client().ClientList(t.Context()).Val()
	require.Contains(t, clients, "name=guard ")
	require.Contains(t, clients, "user=keeper ")
}
