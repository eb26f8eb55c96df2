package denylist_test

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/denylist"
)

func TestTheConditionOfARedisIsSaid(t *testing.T) {
	server := startRedis(t)
	server.addUser("blind", "nopass", "-info")
	store := connect(t, "redis://127.0.0.1:"+server.port)
	set := func(name, value string) {
		require.NoError(t, server.client().ConfigSet(t.Context(), name, value).Err())
	}
	var log logBuffer
	go store.Watch(t.Context(), slog.New(slog.NewTextHandler(&log, nil)))
	inspect := func(store *denylist.Store) denylist.Condition {
		c, err := store.Inspect(t.Context())
		require.NoError(t, err)
		require.Equal(t, c, store.Condition())
		return c
	}
	logged := func(level, condition string) {
		t.Helper()
		require.Eventually(t, func() bool {
			for line := range strings.Lines(log.String()) {
				if strings.Contains(line, "level="+level) && strings.Contains(line, "condition="+condition) {
					return true
				}
			}
			return false
		}, patience, tick, log.String())
	}

	require.Zero(t, inspect(store))
	require.NoError(t, inspect(store).Err())

	set("maxmemory-policy", "allkeys-lru")
	require.Equal(t, denylist.Condition{Evicts: true}, inspect(store))
	require.ErrorContains(t, inspect(store).Err(), "noeviction")
	logged("WARN", "evicts")
	set("maxmemory-policy", "noeviction")
	require.Zero(t, inspect(store))
	logged("INFO", "evicts")

	set("maxmemory", "1")
	require.Equal(t, denylist.Condition{Full: true}, inspect(store))
	logged("WARN", "full")
	set("maxmemory", "0")
	require.Zero(t, inspect(store))
	logged("INFO", "full")

	blind := connect(t, "redis://blind:any@127.0.0.1:"+server.port)
	require.NoError(t, store.Reload(t.Context(), nothing()))
	require.NoError(t, tell(t, blind, asked), "the epoch of those who are told is believed")
	require.Equal(t, denylist.Condition{Unguarded: true}, inspect(blind))
	require.ErrorContains(t, inspect(blind).Err(), "run_id")
	server.kill()
	_, err := store.Inspect(t.Context())
	require.Error(t, err)
}

func TestARedisThatRefusedAWriteForLackOfMemoryIsFull(t *testing.T) {
	server := startRedis(t)
	server.addUser("blind", "nopass", "-info")
	store := connect(t, "redis://blind:any@127.0.0.1:"+server.port)
	require.NoError(t, server.client().ConfigSet(t.Context(), "maxmemory", "1").Err())
	require.ErrorContains(t, store.Deny(t.Context(), inAnHour(denylist.Token, "a")), "OOM")
	require.True(t, store.Condition().Full)
	require.True(t, store.Condition().Has("full"))
	require.NoError(t, server.client().ConfigSet(t.Context(), "maxmemory", "0").Err())
	require.NoError(t, store.Deny(t.Context(), denylist.Entry{Kind: denylist.Token, ID: "a", ExpiresAt: time.Now().Add(time.Hour)}))
	require.False(t, store.Condition().Full)
	require.False(t, store.Condition().Has("nothing that exists"))
	names := map[string]bool{}
	for _, c := range denylist.Conditions() {
		names[c.Name] = c.Says != ""
	}
	require.Equal(t, map[string]bool{"full": true, "evicts": true, "unguarded": true, "mute": true}, names)
}
