package denylist_test

import (
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"gatehouse/denylist"
)

func opaqueToken(hash string) denylist.OpaqueToken {
	now := time.Now().UTC().Truncate(time.Second)
	return denylist.OpaqueToken{
		Hash: hash, ID: "jti-" + hash, GrantID: "grant-" + hash, ClientID: "client", Subject: "42", Scopes: []string{"balance:read"},
		IssuedAt: now.Add(-time.Hour), ExpiresAt: now.Add(time.Hour),
	}
}

// find looks a token up, and again where Redis was too slow.
func find(t *testing.T, store *denylist.Store, hash string) (denylist.OpaqueToken, error) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; {
		found, err := store.LookUp(t.Context(), hash)
		if !isTooSlow(err) || time.Now().After(deadline) {
			return found, err
		}
	}
}

// declare says that every opaque token was written.
func declare(t *testing.T, store *denylist.Store) {
	t.Helper()
	epoch, _, err := store.OpaqueEpoch(t.Context())
	require.NoError(t, err)
	require.NotEmpty(t, epoch)
	done, err := store.CompleteOpaque(t.Context(), epoch)
	require.NoError(t, err)
	require.True(t, done)
}

// TestAnOpaqueTokenIsUnknownUntilAllWereWritten: only then it is certain that there is none.
func TestAnOpaqueTokenIsUnknownUntilAllWereWritten(t *testing.T) {
	forEachRedis(t, func(t *testing.T, store *denylist.Store, client *redis.Client) {
		_, err := find(t, store, "a")
		require.ErrorIs(t, err, denylist.ErrUnknown, "an empty Redis knows nothing")
		epoch, complete, err := store.OpaqueEpoch(t.Context())
		require.NoError(t, err)
		require.Empty(t, epoch)
		require.False(t, complete)

		require.NoError(t, store.Reload(t.Context(), nothing()))
		_, err = find(t, store, "a")
		require.ErrorIs(t, err, denylist.ErrUnknown, "the denylist is loaded, these are not")

		require.NoError(t, store.WriteOpaque(t.Context(), opaqueToken("a")))
		found, err := find(t, store, "a")
		require.NoError(t, err, "what is there is there")
		require.Equal(t, opaqueToken("a"), found)
		_, err = find(t, store, "b")
		require.ErrorIs(t, err, denylist.ErrUnknown)

		declare(t, store)
		_, complete, err = store.OpaqueEpoch(t.Context())
		require.NoError(t, err)
		require.True(t, complete)
		_, err = find(t, store, "b")
		require.ErrorIs(t, err, denylist.ErrNoToken)
		require.NoError(t, tell(t, store, asked), "other questions are answered as ever")

		require.NoError(t, store.Reload(t.Context(), nothing()))
		_, err = find(t, store, "b")
		require.ErrorIs(t, err, denylist.ErrUnknown, "a new epoch: what the last one had may be lost")

		require.NoError(t, client.FlushDB(t.Context()).Err())
		_, err = find(t, store, "a")
		require.ErrorIs(t, err, denylist.ErrUnknown)
	})
}

func TestAnEpochThatHasEndedIsNotDeclaredComplete(t *testing.T) {
	forEachRedis(t, func(t *testing.T, store *denylist.Store, _ *redis.Client) {
		require.NoError(t, store.Reload(t.Context(), nothing()))
		epoch, _, err := store.OpaqueEpoch(t.Context())
		require.NoError(t, err)
		require.NoError(t, store.Reload(t.Context(), nothing()))
		done, err := store.CompleteOpaque(t.Context(), epoch)
		require.NoError(t, err)
		require.False(t, done)
		_, err = find(t, store, "a")
		require.ErrorIs(t, err, denylist.ErrUnknown)
	})
}

func TestAnOpaqueTokenEnds(t *testing.T) {
	forEachRedis(t, func(t *testing.T, store *denylist.Store, client *redis.Client) {
		require.NoError(t, store.Reload(t.Context(), nothing()))
		declare(t, store)
		expired := opaqueToken("expired")
		expired.ExpiresAt = time.Now().Add(-time.Second)
		require.NoError(t, store.WriteOpaque(t.Context(), expired, opaqueToken("a")))
		_, err := find(t, store, "expired")
		require.ErrorIs(t, err, denylist.ErrNoToken)
		keys, err := client.Keys(t.Context(), "*opaque:a").Result()
		require.NoError(t, err)
		require.Len(t, keys, 1)
		left, err := client.TTL(t.Context(), keys[0]).Result()
		require.NoError(t, err)
		require.Greater(t, left, 50*time.Minute)
		require.LessOrEqual(t, left, time.Hour)
	})
}

// TestLookUpsAndChecksShareRoundTrips: each gets the answer to its own question.
func TestLookUpsAndChecksShareRoundTrips(t *testing.T) {
	forEachRedis(t, func(t *testing.T, store *denylist.Store, _ *redis.Client) {
		require.NoError(t, store.Reload(t.Context(), nothing()))
		declare(t, store)
		require.NoError(t, store.WriteOpaque(t.Context(), opaqueToken("a"), opaqueToken("b")))
		require.NoError(t, store.Deny(t.Context(), inAnHour(denylist.Grant, asked.GrantID)))
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				found, err := find(t, store, "a")
				requireEach(t, err == nil && found.GrantID == "grant-a", err)
			})
			all.Go(func() {
				_, err := find(t, store, "nobody's")
				requireEach(t, errors.Is(err, denylist.ErrNoToken), err)
			})
			all.Go(func() {
				err := tell(t, store, asked)
				requireEach(t, errors.Is(err, denylist.ErrRevoked), err)
			})
			all.Go(func() {
				err := tell(t, store, denylist.Query{TokenID: "t", ClientID: "c"})
				requireEach(t, err == nil, err)
			})
		}
		all.Wait()
	})
}

func requireEach(t *testing.T, holds bool, err error) {
	t.Helper()
	if !holds {
		t.Errorf("wrong answer: %v", err)
	}
}

func TestALookUpEndsWithinTheTimeout(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = silent.Close() }()
	go func() { // it accepts, and never answers
		for {
			connection, err := silent.Accept()
			if err != nil {
				return
			}
			defer func() { _ = connection.Close() }()
		}
	}()
	store, err := denylist.Connect("redis://"+silent.Addr().String(), denylist.WithTimeout(50*time.Millisecond))
	require.NoError(t, err)
	defer func() { _ = store.Close() }()
	_, err = store.LookUp(t.Context(), "a")
	require.ErrorIs(t, err, denylist.ErrUnknown)
}
