package outbox

import (
	"cmp"
	"context"
	"log/slog"
	"time"

	"gatehouse/authz/internal/loop"
	"gatehouse/registry"
)

const (
	purgeInterval = time.Minute
	// PurgeMargin is how long what has expired stays in the registry: longer than any request takes and any two clocks
	// differ by (app/config/clocks.go).
	PurgeMargin = time.Hour
	purgeBatch  = 500
)

// Purger removes from the registry what nobody needs any more: codes, refresh tokens and revocations that have expired, and
// grants under which no token is valid or can be issued. Any number may run at once, in one process or many.
type Purger struct {
	Registry *registry.Registry
	// Interval is what lies between two runs; 1 minute when 0.
	Interval time.Duration
	Log      *slog.Logger // slog.Default when nil
}

// Run purges until ctx ends, in small batches that nobody has to wait for. The log says when that begins to fail and when
// it succeeds again.
func (p *Purger) Run(ctx context.Context) {
	log := cmp.Or(p.Log, slog.Default())
	loop.Loop{
		Round: func(ctx context.Context) (time.Duration, error) {
			removed, err := p.Registry.Purge(ctx, PurgeMargin, purgeBatch)
			if removed > 0 {
				log.Debug("registry purged", slog.Int("rows", removed))
			}
			return cmp.Or(p.Interval, purgeInterval), err
		},
		Log:       log,
		Failing:   "what has expired cannot be removed from the registry",
		Recovered: "what has expired is removed again",
	}.Run(ctx)
}
