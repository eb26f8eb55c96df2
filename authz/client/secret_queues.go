package client

import (
	"context"
	"errors"
	"sync"
)

const (
	// maxQueue is how many slow hashes of one client may wait; at some 50 ms each the last of them is still answered in time.
	maxQueue = 32
	// maxQueued is how many may wait in all. A client that has none waiting gets in nevertheless: a flood that fills the
	// queues of some clients takes no place from the others.
	maxQueued = 1024
)

// ErrBusy says that too many wrong secrets of the client are being compared at this moment: the caller may try again.
var ErrBusy = errors.New("too many secrets of this client are compared at this moment")

// secretQueues decide whose slow hash is computed next. Each client has a queue of its own, and only the first of each queue
// waits for a processor: clients take turns, however many wait behind them. A queue exists as long as somebody is in it. It
// is safe for concurrent use.
type secretQueues struct {
	// slots bound how many slow hashes run at once. They are given in the order in which they were asked for.
	slots chan struct{}

	mu     sync.Mutex
	queued int
	of     map[string]*secretQueue
}

// secretQueue is that of one client.
type secretQueue struct {
	turn   chan struct{} // who has it is the first
	length int
}

func newSecretQueues(atOnce int) *secretQueues {
	return &secretQueues{slots: make(chan struct{}, atOnce), of: make(map[string]*secretQueue)}
}

// wait returns when the caller may compute a slow hash for the client, and has to leave after that. The error is ErrBusy, at
// once, or that of ctx.
func (q *secretQueues) wait(ctx context.Context, client string) (leave func(), err error) {
	own, err := q.enter(client)
	if err != nil {
		return nil, err
	}
	select {
	case own.turn <- struct{}{}:
	case <-ctx.Done():
		q.exit(client, own)
		return nil, ctx.Err()
	}
	select {
	case q.slots <- struct{}{}:
	case <-ctx.Done():
		<-own.turn
		q.exit(client, own)
		return nil, ctx.Err()
	}
	return func() {
		<-q.slots
		<-own.turn
		q.exit(client, own)
	}, nil
}

func (q *secretQueues) enter(client string) (*secretQueue, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	own := q.of[client]
	if own == nil {
		own = &secretQueue{turn: make(chan struct{}, 1)}
		q.of[client] = own
	} else if own.length >= maxQueue || q.queued >= maxQueued {
		return nil, ErrBusy
	}
	own.length++
	q.queued++
	return own, nil
}

func (q *secretQueues) exit(client string, own *secretQueue) {
	q.mu.Lock()
	defer q.mu.Unlock()
	own.length--
	q.queued--
	if own.length == 0 {
		delete(q.of, client)
	}
}
