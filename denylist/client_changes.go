package denylist

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// clientsChannel carries the IDs of clients that were changed. Nothing is kept: who does not listen has to find out by itself.
const clientsChannel = "{gh}:clients"

// TellClientChanged tells every process that follows that a client was changed. On error, some may not hear of it.
func (s *Store) TellClientChanged(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	if err := s.write.Publish(ctx, clientsChannel, id).Err(); err != nil {
		return fmt.Errorf("tell of a changed client: %w", err)
	}
	return nil
}

// FollowClientChanges calls changed with the ID of each client that TellClientChanged names, and missed whenever others may have been
// named before, when nobody listened: at the beginning, and after the connection was lost. It blocks until ctx ends.
func (s *Store) FollowClientChanges(ctx context.Context, changed func(id string), missed func()) {
	following := s.write.Subscribe(ctx, clientsChannel)
	defer func() { _ = following.Close() }()
	news := following.ChannelWithSubscriptions()
	for {
		select {
		case <-ctx.Done():
			return
		case heard, open := <-news:
			if !open {
				return
			}
			switch heard := heard.(type) {
			case *redis.Subscription:
				missed()
			case *redis.Message:
				changed(heard.Payload)
			}
		}
	}
}
