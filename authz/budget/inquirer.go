package budget

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"gatehouse/authz/internal/loop"
	"gatehouse/registry"
)

// Upstream finds out what became of spends. Implementations are safe for concurrent use, and block no longer than ctx allows.
type Upstream interface {
	// Inquire asks whoever executes them. again says that the same may have been tried by another spend, which the answer may be
	// about. Unknown: it is not known yet. ErrCannotAsk; any other error says why there was no answer.
	Inquire(ctx context.Context, s registry.Spend, again bool) (registry.Outcome, error)
}

// ErrCannotAsk is the error of an Upstream where nobody can be asked about a spend: only the operator can say what became of it.
var ErrCannotAsk = errors.New("budget: nobody can be asked what became of it")

const (
	inquiryInterval = time.Second
	// maxInquiries is how many are made at the same time. A route has some of them at most: an upstream that is silent delays only
	// what it was sent itself.
	maxInquiries        = 32
	maxInquiriesOfRoute = 8
	// inquiryBatch is how many are claimed at once.
	inquiryBatch = 4
	// inquiryRest is the pause while there is more to ask about.
	inquiryRest = 20 * time.Millisecond
	// inquiryTimeout is how long one may take. inquiryLease is more, with the database's time: nobody else asks meanwhile.
	inquiryTimeout = 30 * time.Second
	inquiryLease   = 2 * time.Minute
	// Pauses between two inquiries about a spend grow from the first to the longest.
	firstPause   = time.Second
	longestPause = time.Hour
	// pauseOfMute is what lies between two looks at a spend that nobody can be asked about: a route may come back.
	pauseOfMute = 24 * time.Hour
)

// Inquirer asks what became of spends that are overdue or unknown, until it is known, and settles them. It releases nothing by
// time alone. Any number may run, in one process or many: each spend is asked about by one at a time.
//
// A spend that is held is asked about only when the time has passed that its request can take.
type Inquirer struct {
	Ledger   *Ledger
	Upstream Upstream
	Log      *slog.Logger // slog.Default when nil

	underWay inquiries
}

// Run inquires until ctx ends, and returns when what it has begun is over.
func (q *Inquirer) Run(ctx context.Context) {
	loop.Loop{
		Round: func(ctx context.Context) (time.Duration, error) {
			begun, err := q.begin(ctx)
			err = errors.Join(err, q.underWay.problems())
			if begun > 0 {
				return inquiryRest, err
			}
			return inquiryInterval, err
		},
		Log:       q.log(),
		Failing:   "it cannot be found out what became of payments",
		Recovered: "it is found out again what became of payments",
	}.Run(ctx)
	q.underWay.wait()
}

// begin begins to ask about some of what is due, and does not wait for the answers.
func (q *Inquirer) begin(ctx context.Context) (begun int, err error) {
	free, busy := q.underWay.free()
	if free == 0 {
		return 0, nil
	}
	due, err := q.Ledger.Registry.ClaimInquiries(ctx, inquiryLease, min(free, inquiryBatch), busy)
	for _, s := range due {
		q.underWay.begin(s.Route, func() error { return q.inquire(ctx, s) })
	}
	return len(due), err
}

func (q *Inquirer) inquire(ctx context.Context, s registry.Spend) error {
	to, err := q.ask(ctx, s)
	if ctx.Err() != nil && err != nil {
		return nil // it was told to stop, and another asks when the lease is over
	}
	about := []any{slog.String("spend", s.ID), slog.String("route", s.Route), slog.Int("inquiries", s.Inquiries)}
	if err != nil || to.State == registry.Unknown {
		to = registry.Outcome{State: registry.Unknown, InquireAt: q.Ledger.now().Add(pauseAfter(s.Inquiries))}
	}
	switch {
	case errors.Is(err, ErrCannotAsk):
		to.InquireAt = q.Ledger.now().Add(pauseOfMute)
		if s.Inquiries == 1 {
			q.log().WarnContext(ctx, "nobody can be asked what became of a payment; an operator has to say it (gatehouse spend resolve)", about...)
		}
	case err != nil:
		q.log().DebugContext(ctx, "an upstream did not say what became of a payment", append(about, slog.Any("error", err))...)
	}
	_, err = q.Ledger.Settle(context.WithoutCancel(ctx), s.ID, to)
	switch {
	case errors.Is(err, registry.ErrSettled) && to.State == registry.Unknown, errors.Is(err, registry.ErrNotFound):
		return nil // its gateway was heard from meanwhile
	case errors.Is(err, registry.ErrSettled):
		q.log().ErrorContext(ctx, "the upstream says otherwise what became of a payment than it was settled",
			append(about, slog.String("says", to.State), slog.Int64("cost", to.Cost))...)
		return nil
	case err == nil && to.State != registry.Unknown:
		q.log().InfoContext(ctx, "an upstream was asked what became of a payment", append(about, slog.String("state", to.State))...)
	}
	return err
}

// ask asks the upstream. A panic in it is an error: it concerns one spend.
func (q *Inquirer) ask(ctx context.Context, s registry.Spend) (to registry.Outcome, err error) {
	defer func() {
		if panicked := recover(); panicked != nil {
			err = fmt.Errorf("panic: %v", panicked)
			q.log().ErrorContext(ctx, "a part panicked", slog.String("part", "inquiry"), slog.Any("panic", panicked), slog.String("stack", string(debug.Stack())))
		}
	}()
	again, err := q.Ledger.Registry.IsSpentAgain(ctx, s)
	if err != nil {
		return to, err
	}
	asking, cancel := context.WithTimeout(ctx, inquiryTimeout)
	defer cancel()
	to, err = q.Upstream.Inquire(asking, s, again)
	if err != nil || again || to.State != registry.Voided {
		return to, err
	}
	// The same may have been tried while the upstream was asked, which its answer may be about.
	if again, err = q.Ledger.Registry.IsSpentAgain(ctx, s); again {
		to = registry.Outcome{State: registry.Unknown}
	}
	return to, err
}

// pauseAfter is what lies between two inquiries, after the first so many.
func pauseAfter(inquiries int) time.Duration {
	const doublings = 12 // from 1 second to more than 1 hour
	return min(firstPause<<min(max(inquiries-1, 0), doublings), longestPause)
}

func (q *Inquirer) log() *slog.Logger { return cmp.Or(q.Log, slog.Default()) }
