package authz

import (
	"context"
	"sync"
)

// turnsOfUser is how many steps of one user reach the database at the same time.
const turnsOfUser = 2

// turns let the steps of one user wait for each other here, where they hold nothing, instead of in the database, where each
// holds a connection that others need. It is safe for concurrent use.
type turns struct {
	mu   sync.Mutex
	with map[string]*turn
}

// turn is one user who is taking steps.
type turn struct {
	free chan struct{}
	used int // steps that are being taken, or wait
}

// take runs a step of the subject when it is its turn. The error is the step's, or that of ctx if that ended before.
func (t *turns) take(ctx context.Context, subject string, step func() error) error {
	mine := t.enter(subject)
	defer t.leave(subject, mine)
	select {
	case mine.free <- struct{}{}:
		defer func() { <-mine.free }()
		return step()
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (t *turns) enter(subject string) *turn {
	t.mu.Lock()
	defer t.mu.Unlock()
	mine, ok := t.with[subject]
	if !ok {
		if t.with == nil {
			t.with = map[string]*turn{}
		}
		mine = &turn{free: make(chan struct{}, turnsOfUser)}
		t.with[subject] = mine
	}
	mine.used++
	return mine
}

func (t *turns) leave(subject string, mine *turn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if mine.used--; mine.used == 0 {
		delete(t.with, subject)
	}
}
