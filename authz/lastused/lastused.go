// Package lastused carries, from Redis to the registry, on which day each grant was used last: gateways report it there in
// batches, so that no request of theirs costs a write. It owns when that is done and by whom; what counts as a use, and what
// is reported, it leaves to gateway, and how it is kept to denylist and registry.
package lastused

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"gatehouse/authz/internal/loop"
	"gatehouse/denylist"
	"gatehouse/registry"
)

const (
	// interval is what lies between two rounds, whichever process does them.
	interval = time.Minute
	// batch is how many uses are recorded by one statement.
	batch = 500
)

// Uses is where gateways report to. Implementations are safe for concurrent use and bound how long each call blocks.
type Uses interface {
	// TakeUsesTurn reports whether it is the caller's turn, which is nobody else's as long as it lasts.
	TakeUsesTurn(ctx context.Context, lasts time.Duration) (bool, error)
	// Uses returns up to limit uses, after skipping some, always in the same order.
	Uses(ctx context.Context, skip, limit int) ([]denylist.Use, error)
	// ForgetUses removes uses, unless there is a later one of the same grant.
	ForgetUses(ctx context.Context, uses ...denylist.Use) error
}

var (
	_ Uses = (*denylist.Store)(nil)
	_ Uses = (*denylist.Mirror)(nil)
)

// Recorder records the uses that gateways have reported. It has no state: any number may run at once, in one process or many,
// and in each interval one of them does the work.
type Recorder struct {
	Registry *registry.Registry
	Uses     Uses
	// Interval is what lies between two rounds; 1 minute when 0.
	Interval time.Duration
	Log      *slog.Logger
}

// Run records uses until ctx ends, beginning at once. The log says when that begins to fail and when it succeeds again.
func (r *Recorder) Run(ctx context.Context) {
	if r.Interval == 0 {
		r.Interval = interval
	}
	loop.Loop{
		Round:     func(ctx context.Context) (time.Duration, error) { return r.Interval, r.round(ctx) },
		Log:       r.Log,
		Failing:   "when grants were used last cannot be recorded; what gateways report waits in Redis",
		Recovered: "when grants were used last is recorded again",
	}.Run(ctx)
}

func (r *Recorder) round(ctx context.Context) error {
	mine, err := r.Uses.TakeUsesTurn(ctx, r.Interval*9/10) // so that it is over when this process comes again
	if err != nil || !mine {
		return err
	}
	return r.Record(ctx)
}

// Record records everything that was reported. A use is forgotten in Redis after it is recorded: whoever is stopped in
// between records it twice. A grant that somebody is about to change is left for the next round.
func (r *Recorder) Record(ctx context.Context) error {
	skip := 0
	for {
		reported, err := r.Uses.Uses(ctx, skip, batch)
		if err != nil || len(reported) == 0 {
			return err
		}
		uses := make([]registry.Use, len(reported))
		for i, use := range reported {
			uses[i] = registry.Use{GrantID: use.GrantID, On: use.On.Time()}
		}
		left, err := r.Registry.RecordUses(ctx, uses)
		if err != nil {
			return err
		}
		recorded := slices.DeleteFunc(reported, func(use denylist.Use) bool { return slices.Contains(left, use.GrantID) })
		if err := r.Uses.ForgetUses(ctx, recorded...); err != nil {
			return err
		}
		skip += len(left)
	}
}
