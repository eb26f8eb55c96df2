// Package loop does work again and again, for as long as a process lives. It owns the pauses, and that a failure is
// reported when it begins and when it is over; what the work is it leaves to keyring and outbox.
package loop

import (
	"context"
	"log/slog"
	"time"
)

// Loop is work that is done in rounds.
type Loop struct {
	// Round does the work once and says how long to wait until it is done again, after an error too.
	Round func(context.Context) (pause time.Duration, err error)

	Log *slog.Logger
	// Failing is the warning when a round fails after one that did not.
	Failing string
	// Recovered is logged when a round succeeds again.
	Recovered string
}

// Run works until ctx ends, beginning at once. Errors that come of the end of ctx are not reported.
func (l Loop) Run(ctx context.Context) {
	isFailing := false
	for {
		next, err := l.Round(ctx)
		switch {
		case ctx.Err() != nil: // it was told to stop
		case err != nil && !isFailing:
			l.Log.Warn(l.Failing, slog.Any("error", err))
			isFailing = true
		case err == nil && isFailing:
			l.Log.Info(l.Recovered)
			isFailing = false
		}
		if !Pause(ctx, next) {
			return
		}
	}
}

// Pause waits for d. It reports whether d has passed before ctx ended.
func Pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
