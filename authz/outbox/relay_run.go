package outbox

import (
	"context"
	"log/slog"
	"time"

	"gatehouse/authz/internal/loop"
)

// relayInterval is how often the relay looks for what was left undelivered, and for a denylist that lost its contents. It is
// so short that a Redis that was restarted is filled before gateways consider what they know too old to go by.
const relayInterval = 250 * time.Millisecond

// Run keeps the denylist complete until ctx ends: it delivers what could not be delivered when it was revoked, and fills a
// denylist that lost its contents. The log says when that begins to fail and when it succeeds again.
func (r *Relay) Run(ctx context.Context, log *slog.Logger) {
	loop.Loop{
		Round:     r.keepUp,
		Log:       log,
		Failing:   "revocations cannot be delivered; they wait in the registry",
		Recovered: "revocations are delivered again",
	}.Run(ctx)
}

// keepUp fills the denylist or delivers a batch. While there is more to deliver, it rests between batches for as long as
// each took: those who wait for their own revocations need the same database and Redis.
func (r *Relay) keepUp(ctx context.Context) (pause time.Duration, err error) {
	loaded, err := r.Denylist.Loaded(ctx)
	if err != nil {
		return relayInterval, err
	}
	if !loaded {
		return relayInterval, r.Fill(ctx)
	}
	began := time.Now()
	more, err := r.DeliverNext(ctx)
	if more {
		return min(time.Since(began), relayInterval), err
	}
	return relayInterval, err
}
