package app

import (
	"context"
	"log/slog"

	"gatehouse/denylist"
	"gatehouse/registry"
)

// clientChanges is how authorization servers tell each other, through Redis, of clients that were changed.
type clientChanges interface {
	TellClientChanged(ctx context.Context, id string) error
	FollowClientChanges(ctx context.Context, changed func(id string), missed func())
}

var _ clientChanges = (*denylist.Store)(nil)

// tellClientChanges has the others told of each client that is changed in the registry. When Redis does not answer, untold is called: they
// go by what they have read for a few seconds more (client.Staleness).
func tellClientChanges(ctx context.Context, changed *registry.Registry, others clientChanges, untold func(id string, err error)) {
	ctx = context.WithoutCancel(ctx)
	changed.OnClientChange(func(id string) {
		if err := others.TellClientChanged(ctx, id); err != nil {
			untold(id, err)
		}
	})
}

// logUntold is what the log of a server says of it.
func logUntold(log *slog.Logger) func(id string, err error) {
	return func(id string, err error) {
		log.Warn("other processes may not know for some seconds that a client was changed", "client_id", id, "error", err)
	}
}
