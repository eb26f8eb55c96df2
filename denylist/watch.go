package denylist

import (
	"context"
	"log/slog"
	"time"
)

const (
	// watchInterval is how long a Redis whose data was replaced can go unnoticed by a gateway that asks it.
	watchInterval = 250 * time.Millisecond
	// inspectEvery is how often the condition of Redis is looked at, in rounds of watchInterval.
	inspectEvery = 20
)

// Watch notices when the data of Redis is replaced without a new connection: Check then answers ErrUnknown until it is
// loaded again. The log says when Redis gets into a condition in which revocations can be lost or refused, and when it is
// over. Watch blocks until ctx ends. Every process that checks or writes runs it once.
func (s *Store) Watch(ctx context.Context, log *slog.Logger) {
	ticker := time.NewTicker(watchInterval)
	defer ticker.Stop()
	var said Condition
	for round := 0; ; round++ {
		if round%inspectEvery == 0 {
			_, _ = s.Inspect(ctx) // a Redis that does not answer is for others to report: they need it
		} else {
			_ = s.identify(ctx)
		}
		now := s.Condition()
		now.report(log, said)
		said = now
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (s *Store) identify(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	node, err := s.node(ctx, s.write)
	if err != nil {
		return err
	}
	_, err = node.identify(ctx)
	return err
}
