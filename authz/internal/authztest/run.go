package authztest

import (
	"context"
	"testing"
)

// Run runs work until the test ends, and waits for its end.
func Run(t testing.TB, work func(context.Context)) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		work(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
}
