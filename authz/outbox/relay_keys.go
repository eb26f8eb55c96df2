package outbox

import (
	"context"
	"fmt"

	"gatehouse/denylist"
	"gatehouse/registry"
)

// deliverKeys writes the undelivered revocations of signing keys, and returns where in the feed; the zero position when there
// was none. They go first: each concerns everybody.
func (r *Relay) deliverKeys(ctx context.Context) (at denylist.Position, err error) {
	pending, err := r.Registry.KeyRevocations(ctx, true)
	if err != nil {
		return at, fmt.Errorf("read undelivered revocations of keys: %w", err)
	}
	if len(pending) == 0 {
		return at, nil
	}
	if at, err = r.Denylist.Publish(ctx, keyEntries(pending)...); err != nil {
		return at, fmt.Errorf("deliver revocations of keys: %w", err)
	}
	if err := r.Registry.MarkKeysDelivered(ctx, pending); err != nil {
		return at, fmt.Errorf("mark revocations of keys delivered: %w", err)
	}
	return at, nil
}

func keyEntries(revocations []registry.KeyRevocation) []denylist.Entry {
	out := make([]denylist.Entry, len(revocations))
	for i, r := range revocations {
		out[i] = denylist.Entry{Kind: denylist.Key, ID: r.ID, ExpiresAt: r.ExpiresAt}
	}
	return out
}
