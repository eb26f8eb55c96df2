package gateway

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"gatehouse/gateway/internal/occasional"
	"gatehouse/gateway/internal/panics"
)

// settlements tells the ledger what became of holds. What it cannot be told at once is told in the background. It is safe for
// concurrent use.
type settlements struct {
	ledger  Ledger
	timeout time.Duration // of a question
	log     *slog.Logger
	failed  func(error) // is told of a panic

	unavailable, unsettled, dropped occasional.Warning

	mu      sync.Mutex
	pending int
	closed  bool
	closing chan struct{}
	done    sync.WaitGroup
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

// defaultLedgerTimeout is for a Config that does not say.
const defaultLedgerTimeout = 5 * time.Second

// settle tells the ledger what became of what the request was to spend, before its caller hears of it. It is called when
// forwarding has ended, however it did.
func (g *Gateway) settle(r *request) {
	h := r.hold
	if h == nil || h.asked.IsZero() {
		return
	}
	id := string(r.id)
	if !h.isHeld { // the answer was lost, and so may the hold be; nothing was sent
		g.settlements.later(h, Outcome{State: Voided}, id)
		return
	}
	to := h.outcome(r.seen.Sent)
	g.spent(Spent{Route: h.to.index, Outcome: outcomes[to.State], Held: h.cost.Amount, Cost: to.Cost})
	err := panics.Do(func() {
		if err := g.settlements.tell(h, to); err != nil {
			g.settlements.failedOnce(h, to, err, id)
		}
	})
	if err != nil {
		g.logPanic(err, h.to.name, logged(id))
		g.settlements.later(h, to, id)
	}
}

var outcomes = map[SpendState]SpendOutcome{Posted: SpendPosted, Voided: SpendVoided, Unsure: SpendUnknown}

func (s *settlements) tell(h *hold, to Outcome) error {
	ctx, cancel := context.WithTimeout(context.Background(), s.timeout)
	defer cancel()
	return s.ledger.Settle(ctx, h.id, to)
}

func (s *settlements) failedOnce(h *hold, to Outcome, err error, id string) {
	if errors.Is(err, ErrNoHold) {
		s.log.Warn("a hold was settled in another way meanwhile", "route", h.to.name, "spend", h.id, "as", to.State, "error", err, logged(id))
		return
	}
	if times, due := s.unsettled.Due(); due {
		s.log.Warn("the ledger of budgets cannot be told yet what became of a request", "route", h.to.name, "spend", h.id, "as", to.State,
			"error", err, "times", times, logged(id))
	}
	s.later(h, to, id)
}

// later tells the ledger in the background, again and again.
func (s *settlements) later(h *hold, to Outcome, id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.pending >= maxPending {
		if times, due := s.dropped.Due(); due {
			s.log.Warn("what became of a request has to be found out by its deadline", "route", h.to.name, "spend", h.id, "as", to.State,
				"times", times, logged(id))
		}
		return
	}
	s.pending++
	s.done.Go(func() {
		defer s.leave()
		if err := panics.Do(func() { s.keepTelling(h, to) }); err != nil {
			s.failed(err)
		}
	})
}

// keepTelling ends when the ledger knows, and when the gateway is closed, after a last try.
func (s *settlements) keepTelling(h *hold, to Outcome) {
	isLast := false
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-s.closing:
			timer.Stop()
			isLast = true
		}
		err := s.tell(h, to)
		mayArrive := !h.isHeld && time.Since(h.asked) < s.timeout+reserveArrives
		if err == nil || isLast || errors.Is(err, ErrNoHold) && !mayArrive {
			return
		}
	}
}

func (s *settlements) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pending--
}

// waiting is how many holds wait to be settled.
func (s *settlements) waiting() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pending
}

// close gives each that waits a last try, and returns when they have had it.
func (s *settlements) close() {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.closing)
	}
	s.mu.Unlock()
	s.done.Wait()
}
