package budget

import (
	"cmp"
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"gatehouse/authz/internal/loop"
	"gatehouse/registry"
)

const (
	watchInterval = 15 * time.Second
	// warnAge is how long it may be unknown what became of a payment before the log says so, and how long it is silent after that.
	warnAge = 10 * time.Minute
)

// Watch knows how many payments are not settled, for metrics, and warns of what stays unknown.
type Watch struct {
	Ledger *Ledger
	Log    *slog.Logger // slog.Default when nil

	last   atomic.Pointer[registry.Unsettled]
	warned time.Time // of the goroutine that looks
}

// Run looks again every 15 seconds, until ctx ends.
func (w *Watch) Run(ctx context.Context) {
	loop.Loop{
		Round:     func(ctx context.Context) (time.Duration, error) { return watchInterval, w.Look(ctx) },
		Log:       w.log(),
		Failing:   "payments that are not settled cannot be counted",
		Recovered: "payments that are not settled are counted again",
	}.Run(ctx)
}

// Look looks once. It is not safe for concurrent use.
func (w *Watch) Look(ctx context.Context) error {
	u, err := w.Ledger.Registry.Unsettled(ctx)
	if err != nil {
		return err
	}
	w.last.Store(&u)
	now := w.Ledger.now()
	if u.Unknown > 0 && now.Sub(u.OldestUnknown) >= warnAge && now.Sub(w.warned) >= warnAge {
		w.log().WarnContext(ctx, "it is not known what became of payments; they count as spent (docs/operating.md, A payment whose outcome is unknown)",
			slog.Int64("payments", u.Unknown), slog.Time("oldest", u.OldestUnknown))
		w.warned = now
	}
	return nil
}

func (w *Watch) log() *slog.Logger { return cmp.Or(w.Log, slog.Default()) }

// Unsettled is what was seen last; known is false before that.
func (w *Watch) Unsettled() (u registry.Unsettled, known bool) {
	if last := w.last.Load(); last != nil {
		return *last, true
	}
	return u, false
}

// OldestUnknown is how long it has been unknown what became of a payment.
func (w *Watch) OldestUnknown() time.Duration {
	u, _ := w.Unsettled()
	if u.Unknown == 0 {
		return 0
	}
	return max(0, w.Ledger.now().Sub(u.OldestUnknown))
}
