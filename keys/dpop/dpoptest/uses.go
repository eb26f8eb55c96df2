package dpoptest

import (
	"context"
	"sync"
	"time"
)

// Uses notes in memory which proofs were used. It is safe for concurrent use.
type Uses struct {
	mu    sync.Mutex
	known map[string]bool
	err   error
}

// UseProof implements dpop.Uses. It remembers for ever.
func (u *Uses) UseProof(_ context.Context, _, thumbprint, jti string, _ time.Time) (first bool, err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.err != nil {
		return false, u.err
	}
	if u.known == nil {
		u.known = map[string]bool{}
	}
	id := thumbprint + "\x00" + jti
	first = !u.known[id]
	u.known[id] = true
	return first, nil
}

// Fail makes UseProof answer with the error; nil ends that.
func (u *Uses) Fail(err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.err = err
}

// Len is how many proofs were used.
func (u *Uses) Len() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.known)
}
