package outbox

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
)

// Confirm delivers own as Deliver does, and then waits until every gateway knows that is alive, at most for Wait. unconfirmed is
// how many it could not hear from by then: they learn of it when they read on, and refuse with 503 what they cannot tell. It
// waits, too, when there was nothing to deliver: another process may have done it just now.
func (r *Relay) Confirm(ctx context.Context, own ...Revoked) (unconfirmed int, err error) {
	at, err := r.deliver(ctx, own...)
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, r.Wait)
	defer cancel()
	missing, err := r.Denylist.Await(ctx, at)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrUndelivered, err)
	}
	if len(missing) > 0 {
		cmp.Or(r.Log, slog.Default()).WarnContext(ctx, "a revocation is delivered, but not confirmed by every gateway",
			slog.Int("unconfirmed", len(missing)), slog.Any("gateways", missing))
	}
	return len(missing), nil
}
