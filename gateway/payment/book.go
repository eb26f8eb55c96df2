package payment

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"gatehouse/gateway/internal/occasional"
	"gatehouse/gateway/internal/panics"
)

// Config is what a Book is made from.
type Config struct {
	Ledger  Ledger
	Timeout time.Duration // of each question to it
	Now     func() time.Time
	Log     *slog.Logger
	// OnSpent is told once of each request that spends, by many at once: it must not block. Nil: nobody is.
	OnSpent func(Spent)
	// Panicked hears of a panic of the ledger at a request of that route, BackgroundPanicked of one at what it is told later.
	Panicked           func(err error, route string, request slog.Attr)
	BackgroundPanicked func(err error)
}

// Book keeps the payments of a gateway in a ledger. What the ledger cannot be told at once it is told in the background. It is safe
// for concurrent use.
type Book struct {
	ledger   Ledger
	timeout  time.Duration
	now      func() time.Time
	log      *slog.Logger
	onSpent  func(Spent)
	panicked func(err error, route string, request slog.Attr)
	failed   func(error) // is told of a panic in the background

	unavailable, unsettled, dropped occasional.Warning

	mu      sync.Mutex
	pending int
	closed  bool
	closing chan struct{}
	done    sync.WaitGroup
}

// NewBook makes a Book, which has to be closed.
func NewBook(config Config) *Book {
	return &Book{
		ledger: config.Ledger, timeout: config.Timeout, now: config.Now, log: config.Log, onSpent: config.OnSpent,
		panicked: config.Panicked, failed: config.BackgroundPanicked, closing: make(chan struct{}),
	}
}

// maxPending is how many holds wait to be settled. What is beyond is found by its deadline, as after a crash.
const maxPending = 10_000

// The pauses between two tries.
const (
	firstPause   = 100 * time.Millisecond
	longestPause = 10 * time.Second
)

// reserveArrives is how long a reservation whose answer was not waited for may still become one.
const reserveArrives = 30 * time.Second

func (b *Book) spent(seen Spent) {
	if b.onSpent != nil {
		b.onSpent(seen)
	}
}

func (b *Book) refused(terms *Terms, why SpendRefusal) {
	b.spent(Spent{Route: terms.Index, Outcome: SpendRefused, Reason: why})
}

func (b *Book) tell(p *Payment, to Outcome) error {
	ctx, cancel := context.WithTimeout(context.Background(), b.timeout)
	defer cancel()
	return b.ledger.Settle(ctx, p.id, to)
}

func (b *Book) failedOnce(p *Payment, to Outcome, err error) {
	if errors.Is(err, ErrNoHold) {
		b.log.Warn("a hold was settled in another way meanwhile", "route", p.terms.Route, "spend", p.id, "as", to.State, "error", err, p.logged)
		return
	}
	if times, due := b.unsettled.Due(); due {
		b.log.Warn("the ledger of budgets cannot be told yet what became of a request", "route", p.terms.Route, "spend", p.id, "as", to.State,
			"error", err, "times", times, p.logged)
	}
	b.later(p, to)
}

// later tells the ledger in the background, again and again.
func (b *Book) later(p *Payment, to Outcome) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed || b.pending >= maxPending {
		if times, due := b.dropped.Due(); due {
			b.log.Warn("what became of a request has to be found out by its deadline", "route", p.terms.Route, "spend", p.id, "as", to.State,
				"times", times, p.logged)
		}
		return
	}
	b.pending++
	b.done.Go(func() {
		defer b.leave()
		if err := panics.Do(func() { b.keepTelling(p, to) }); err != nil {
			b.failed(err)
		}
	})
}

// keepTelling ends when the ledger knows, and when the gateway is closed, after a last try.
func (b *Book) keepTelling(p *Payment, to Outcome) {
	isLast := false
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-b.closing:
			timer.Stop()
			isLast = true
		}
		err := b.tell(p, to)
		mayArrive := !p.isHeld && time.Since(p.asked) < b.timeout+reserveArrives
		if err == nil || isLast || errors.Is(err, ErrNoHold) && !mayArrive {
			return
		}
	}
}

func (b *Book) leave() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pending--
}

// Unsettled is how many holds wait for the ledger to be told what became of them.
func (b *Book) Unsettled() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.pending
}

// Close gives each that waits a last try, and returns when they have had it.
func (b *Book) Close() {
	b.mu.Lock()
	if !b.closed {
		b.closed = true
		close(b.closing)
	}
	b.mu.Unlock()
	b.done.Wait()
}
