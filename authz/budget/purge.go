package budget

import (
	"cmp"
	"context"
	"log/slog"
	"time"

	"gatehouse/authz/internal/loop"
)

const (
	purgeInterval = time.Minute
	purgeBatch    = 500
)

// Purger removes from the registry what was settled and is older than Keep. What is held or unknown it never removes. Keep is more
// than the longest window: when the period of a budget changes, what is spent is counted from what is kept. Any number may run.
type Purger struct {
	Ledger *Ledger
	Keep   time.Duration
	Log    *slog.Logger // slog.Default when nil
}

// Run purges until ctx ends, in batches that nobody has to wait for.
func (p *Purger) Run(ctx context.Context) {
	log := cmp.Or(p.Log, slog.Default())
	loop.Loop{
		Round: func(ctx context.Context) (time.Duration, error) {
			began := time.Now()
			removed, err := p.Ledger.Registry.PurgeSpends(ctx, p.Ledger.now().Add(-p.Keep), purgeBatch)
			if removed > 0 {
				log.Debug("payments purged", slog.Int("rows", removed))
			}
			if err == nil && removed == purgeBatch {
				return time.Since(began), nil // it rests as long as it took
			}
			return purgeInterval, err
		},
		Log:       log,
		Failing:   "old payments cannot be removed from the registry",
		Recovered: "old payments are removed again",
	}.Run(ctx)
}
