package denylist

import (
	"errors"
	"sync"
	"time"
)

const (
	// maxShareWait is how long a question waits at most for a round trip that it can share.
	maxShareWait = time.Millisecond
	// maxShare is how many questions share a round trip at most.
	maxShare = 128
)

var errClosed = errors.New("denylist is closed")

// sharing lets questions that come at the same time share round trips. One that comes while no round trip is under way is
// asked at once. The others wait until a round trip comes back, at most maxShareWait, and are then asked together: the more
// questions there are, the fewer round trips each costs, and the fewer connections all of them. No question is answered by a
// round trip that began before it came: what it is about may have changed in between. It is safe for concurrent use once it
// was started.
type sharing[Q any] struct {
	answer func(batch []*Q) // makes one round trip, which ends by itself, and answers each

	mu      sync.Mutex
	waiting []*Q
	spare   [][]*Q
	asking  int // round trips under way
	hurry   *time.Timer
	closed  bool
	ended   sync.WaitGroup
}

func (s *sharing[Q]) start(answer func(batch []*Q)) {
	s.answer = answer
	s.hurry = time.AfterFunc(time.Hour, s.askNow)
	s.hurry.Stop()
}

// enter lets a question wait to be answered. On error it will not be.
func (s *sharing[Q]) enter(one *Q) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errClosed
	}
	s.waiting = append(s.waiting, one)
	switch {
	case s.asking == 0, len(s.waiting) == maxShare:
		s.begin()
	case len(s.waiting) == 1:
		s.hurry.Reset(maxShareWait)
	}
	return nil
}

// askNow is for questions that have waited long enough.
func (s *sharing[Q]) askNow() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.waiting) > 0 && !s.closed {
		s.begin()
	}
}

// begin starts a round trip for what waits. s.mu is held.
func (s *sharing[Q]) begin() {
	batch := s.take()
	s.asking++
	s.ended.Go(func() {
		for batch != nil {
			s.answer(batch)
			batch = s.next(batch)
		}
	})
}

// take empties waiting. s.mu is held.
func (s *sharing[Q]) take() []*Q {
	batch := s.waiting
	s.waiting = nil
	if last := len(s.spare) - 1; last >= 0 {
		s.waiting, s.spare = s.spare[last], s.spare[:last]
	}
	return batch
}

// next takes what has come to wait while done was asked. Without anything, it ends this round trip and returns nil.
func (s *sharing[Q]) next(done []*Q) []*Q {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(done)
	s.spare = append(s.spare, done[:0])
	if len(s.waiting) == 0 {
		s.asking--
		return nil
	}
	return s.take()
}

// close waits for the round trips under way. Questions after it are not taken.
func (s *sharing[Q]) close() {
	s.mu.Lock()
	s.closed = true
	s.hurry.Stop()
	s.mu.Unlock()
	s.ended.Wait()
}
