package denylist_test

import (
	"context"
	"log/slog"
	"strconv"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"gatehouse/denylist"
)

// BenchmarkMirrorCheck measures the question that every request asks, while other entries are in the denylist.
func BenchmarkMirrorCheck(b *testing.B) {
	client := redis.NewClient(&redis.Options{Addr: miniredis.RunT(b).Addr()})
	store := denylist.New(client, client)
	defer func() { _ = store.Close() }()
	entries := make([]denylist.Entry, 1000)
	for i := range entries {
		entries[i] = inAnHour(denylist.Token, strconv.Itoa(i))
	}
	if err := store.Deny(b.Context(), entries...); err != nil {
		b.Fatal(err)
	}
	if err := store.Reload(b.Context(), nothing()); err != nil {
		b.Fatal(err)
	}
	mirror := denylist.NewMirror(store, time.Minute, slog.New(slog.DiscardHandler))
	ctx, stop := context.WithCancel(b.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		mirror.Run(ctx)
	}()
	defer func() { stop(); <-ended }()
	for !mirror.Ready() {
		time.Sleep(time.Millisecond)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := mirror.Check(ctx, asked); err != nil {
			b.Fatal(err)
		}
	}
}
