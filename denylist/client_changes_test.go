package denylist_test

import (
	"context"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"gatehouse/denylist"
)

const missedSome = "missed some"

// hear returns what is heard of changed clients until the test ends.
func hear(t *testing.T, store *denylist.Store) <-chan string {
	t.Helper()
	heard, ended := make(chan string, 100), make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		defer close(ended)
		store.FollowClientChanges(ctx, func(id string) { heard <- id }, func() { heard <- missedSome })
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	return heard
}

func requireHeard(t *testing.T, heard <-chan string, what string) {
	t.Helper()
	select {
	case next := <-heard:
		require.Equal(t, what, next)
	case <-time.After(patience):
		require.Fail(t, "nothing was heard", what)
	}
}

func TestChangesOfClientsAreHeardByEverybody(t *testing.T) {
	forEachRedis(t, func(t *testing.T, store *denylist.Store, _ *redis.Client) {
		here, there := hear(t, store), hear(t, store)
		for _, heard := range []<-chan string{here, there} {
			requireHeard(t, heard, missedSome)
		}
		require.NoError(t, store.TellClientChanged(t.Context(), "app"))
		for _, heard := range []<-chan string{here, there} {
			requireHeard(t, heard, "app")
		}
	})
}

// What was changed while Redis was away nobody can have heard.
func TestWhoLostRedisIsToldThatChangesWereMissed(t *testing.T) {
	server := startRedis(t)
	store := connect(t, "redis://127.0.0.1:"+server.port)
	heard := hear(t, store)
	requireHeard(t, heard, missedSome)
	server.kill()
	require.Error(t, store.TellClientChanged(t.Context(), "app"))
	server.start()
	requireHeard(t, heard, missedSome)
	require.NoError(t, store.TellClientChanged(t.Context(), "other"))
	requireHeard(t, heard, "other")
}
