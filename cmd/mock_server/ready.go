package main

import (
	"context"
	"errors"
	"net/http"
	"time"
)

const (
	// readyTimeout is more than a start takes on a slow machine: nothing but memory is waited for.
	readyTimeout = 30 * time.Second
	readyPoll    = 20 * time.Millisecond
)

// waitReady returns once the server whose admin listener has the address says that it is ready.
func waitReady(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, readyTimeout, errors.New("the server did not become ready"))
	defer cancel()
	poll := time.NewTicker(readyPoll)
	defer poll.Stop()
	for {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/readyz", nil)
		if err != nil {
			return err
		}
		if response, err := http.DefaultClient.Do(r); err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-poll.C:
		}
	}
}
