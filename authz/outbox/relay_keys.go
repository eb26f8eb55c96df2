package outbox

import (
	"context"
	"fmt"

	"gatehouse/denylist"
	"gatehouse/registry"
)

// deliverKeys writes the undelivered revocations of signing keys. They go first: each concerns everybody.
func (r *Relay) deliverKeys(ctx context.Context) error {
	pending, err := r.Registry.KeyRevocations(ctx, true)
	if err != nil {
		return fmt.Errorf("read undelivered revocations of keys: %w", err)
	}
	if len(pending) == 0 {
		return nil
	}
	if err := r.Denylist.Deny(ctx, keyEntries(pending)...); err != nil {
		return fmt.Errorf("deliver revocations of keys: %w", err)
	}
	if err := r.Registry.MarkKeysDelivered(ctx, pending); err != nil {
		return fmt.Errorf("mark revocations of keys delivered: %w", err)
	}
	return nil
}

func keyEntries(revocations []registry.KeyRevocation) []denylist.Entry {
	out := make([]denylist.Entry, len(revocations))
	for i, r := range revocations {
		out[i] = denylist.Entry{Kind: denylist.Key, ID: r.ID, ExpiresAt: r.ExpiresAt}
	}
	return out
}
