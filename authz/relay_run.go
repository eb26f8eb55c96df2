package authz

import (
	"context"
	"log/slog"
	"time"
)

// relayInterval is how often the relay looks for what was left undelivered, and for a denylist that lost its contents: often
// enough that Redis is filled again after a restart before gateways consider what they know too old to go by.
const relayInterval = 250 * time.Millisecond

// Run keeps the denylist complete until ctx ends: it delivers what could not be delivered when it was revoked, and fills a
// denylist that lost its contents. Failures are logged when they begin and when they are over.
func (r *Relay) Run(ctx context.Context, log *slog.Logger) {
	watched := watched{
		log:    log,
		begins: "revocations cannot be delivered; they wait in the registry",
		over:   "revocations are delivered again",
	}
	for {
		watched.note(ctx, r.keepUp(ctx))
		if !pause(ctx, relayInterval) {
			return
		}
	}
}

func (r *Relay) keepUp(ctx context.Context) error {
	loaded, err := r.Denylist.Loaded(ctx)
	if err != nil {
		return err
	}
	if !loaded {
		return r.Prime(ctx)
	}
	return r.Deliver(ctx)
}
