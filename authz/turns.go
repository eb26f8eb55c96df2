package authz

import (
	"context"
	"sync"
	"time"
)

const (
	// restOfCrowd is how long a user's steps rest when more of them wait, in durations of the step before: who sends many
	// at once has a quarter of what one connection to the database can do.
	restOfCrowd = 3
	// maxRest bounds that rest, after a step that was slow for another reason.
	maxRest = 250 * time.Millisecond
)

// turns let the steps of one user be taken one at a time, and those of one who sends many at once more slowly. They wait here,
// where they hold nothing, instead of in the database, where each holds a connection that others need. Who takes one step after
// another waits for nothing. It is safe for concurrent use.
type turns struct {
	mu   sync.Mutex
	with map[string]*turn
}

// turn is one user who is taking steps.
type turn struct {
	free chan struct{}
	used int // steps that are being taken, wait, or are rested from
}

// take runs a step of the subject when it is its turn. The error is the step's, or that of ctx if that ended before.
func (t *turns) take(ctx context.Context, subject string, step func() error) error {
	mine := t.enter(subject)
	select {
	case mine.free <- struct{}{}:
	case <-ctx.Done():
		t.leave(subject, mine)
		return ctx.Err()
	}
	began := time.Now()
	defer func() {
		end := func() {
			<-mine.free
			t.leave(subject, mine)
		}
		if t.isCrowd(mine) {
			time.AfterFunc(min(restOfCrowd*time.Since(began), maxRest), end)
		} else {
			end()
		}
	}()
	return step()
}

func (t *turns) enter(subject string) *turn {
	t.mu.Lock()
	defer t.mu.Unlock()
	mine, ok := t.with[subject]
	if !ok {
		if t.with == nil {
			t.with = map[string]*turn{}
		}
		mine = &turn{free: make(chan struct{}, 1)}
		t.with[subject] = mine
	}
	mine.used++
	return mine
}

func (t *turns) isCrowd(mine *turn) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return mine.used > 1
}

func (t *turns) leave(subject string, mine *turn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if mine.used--; mine.used == 0 {
		delete(t.with, subject)
	}
}
