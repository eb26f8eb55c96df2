package authz

import (
	"context"
	"log/slog"
	"time"
)

// watched is work that is done again and again. It says when it begins to fail and when that is over, and nothing in
// between.
type watched struct {
	log       *slog.Logger
	begins    string
	over      string
	isFailing bool
}

func (w *watched) note(ctx context.Context, err error) {
	switch {
	case ctx.Err() != nil: // it was told to stop
	case err != nil && !w.isFailing:
		w.log.Warn(w.begins, slog.Any("error", err))
		w.isFailing = true
	case err == nil && w.isFailing:
		w.log.Info(w.over)
		w.isFailing = false
	}
}

// pause reports whether d has passed before ctx ended.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
