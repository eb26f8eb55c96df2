package app

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"
)

// restartDelay is how long background work rests after a panic.
const restartDelay = time.Second

// background runs work until the App is closed, which waits for it. Work that panics is logged, and begins again a second
// later: requests go on, and what the work keeps up to date shows its age.
func (a *App) background(part string, work func(context.Context)) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for a.panicked(part, func() { work(ctx) }) != nil {
			select {
			case <-ctx.Done():
				return
			case <-time.After(restartDelay):
			}
		}
	}()
	a.onClose(part, func() error {
		cancel()
		<-done
		return nil
	})
}

// serveUntilItFails serves in a goroutine of its own. When that ends with an error or a panic, Failed yields it, so that the
// process stops in order.
func (a *App) serveUntilItFails(part string, serve func() error) {
	go func() {
		var err error
		if panicked := a.panicked(part, func() { err = serve() }); panicked != nil {
			err = panicked
		}
		if err != nil {
			a.failed <- fmt.Errorf("%s: %w", part, err)
		}
	}()
}

// panicked does the work, and logs a panic in it with its stack. It returns nil when there was none.
func (a *App) panicked(part string, work func()) (err error) {
	defer func() {
		if panicked := recover(); panicked != nil {
			err = fmt.Errorf("panic: %v", panicked)
			a.log.Error("a part panicked", "part", part, "panic", panicked, "stack", string(debug.Stack()))
		}
	}()
	work()
	return nil
}
