package authz

import (
	"cmp"
	"context"
	"log/slog"
	"time"

	"gatehouse/registry"
)

const (
	purgeInterval = time.Minute
	// PurgeMargin is how long what has expired stays in the registry: longer than any request takes and any two clocks
	// differ by (app/config/clocks.go).
	PurgeMargin = time.Hour
	purgeBatch  = 500
)

// Purger removes from the registry what nobody needs any more: expired codes, refresh tokens and revocations, and grants
// that nothing can come of. Any number may run at once, in one process or many.
type Purger struct {
	Registry *registry.Registry
	// Interval is what lies between two runs; 1 minute when 0.
	Interval time.Duration
	Log      *slog.Logger // slog.Default when nil
}

// Run purges until ctx ends, in small batches that nobody has to wait for. Failures are logged when they begin and when
// they are over.
func (p *Purger) Run(ctx context.Context) {
	log := cmp.Or(p.Log, slog.Default())
	watched := watched{
		log:    log,
		begins: "what has expired cannot be removed from the registry",
		over:   "what has expired is removed again",
	}
	for {
		removed, err := p.Registry.Purge(ctx, PurgeMargin, purgeBatch)
		watched.note(ctx, err)
		if removed > 0 {
			log.Debug("registry purged", slog.Int("rows", removed))
		}
		if !pause(ctx, cmp.Or(p.Interval, purgeInterval)) {
			return
		}
	}
}
