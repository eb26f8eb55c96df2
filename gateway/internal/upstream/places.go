package upstream

import (
	"cmp"
	"net/netip"
	"sync"
	"time"
)

// Holder is who a place is counted for: a user, or the address of a caller without one.
type Holder struct {
	User    string
	Address netip.Addr
}

// places bound how many exchanges there may be at a time: in all, and for each holder. Nobody can take what others need by
// being slow. They are safe for concurrent use.
type places struct {
	taken chan struct{} // holds one token per place in use
	each  int           // the most of one holder; 0: nobody is counted

	mu     sync.Mutex
	shares map[Holder]share // of those who have or want a place
}

type share struct {
	taken   int
	waiting []chan struct{} // closed when the place is theirs; who has waited longest is first
}

// newPlaces makes places of which a holder gets at most each; 0 is a quarter, rounded up.
func newPlaces(all, each int) *places {
	if each = cmp.Or(each, (all+3)/4); each >= all {
		each = 0
	}
	return &places{taken: make(chan struct{}, all), each: each, shares: make(map[Holder]share)}
}

// inUse is how many places are taken.
func (p *places) inUse() int { return len(p.taken) }

// enter takes a place and returns the time. It waits until then when there is none: for one of the holder's own (else
// ErrOverShare), and for any (else ErrBusy).
func (p *places) enter(h Holder, now, until time.Time) (time.Time, error) {
	turn := p.claim(h)
	if turn == nil {
		select {
		case p.taken <- struct{}{}:
			return now, nil
		default:
		}
	}
	wait := time.NewTimer(until.Sub(now))
	defer wait.Stop()
	if turn != nil {
		select {
		case <-turn:
		case <-wait.C:
			p.giveUp(h, turn)
			return now, ErrOverShare
		}
	}
	select {
	case p.taken <- struct{}{}:
		return time.Now(), nil
	case <-wait.C:
		p.unclaim(h)
		return now, ErrBusy
	}
}

// leave gives a place back.
func (p *places) leave(h Holder) {
	<-p.taken
	p.unclaim(h)
}

// claim counts a place for its holder, or returns what is closed once it is counted.
func (p *places) claim(h Holder) (turn chan struct{}) {
	if p.each == 0 {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.shares[h]
	if s.taken < p.each {
		s.taken++
	} else {
		turn = make(chan struct{})
		s.waiting = append(s.waiting, turn)
	}
	p.shares[h] = s
	return turn
}

// unclaim hands what was counted to the one of the same holder who has waited longest.
func (p *places) unclaim(h Holder) {
	if p.each == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.shares[h]
	switch {
	case len(s.waiting) > 0:
		close(s.waiting[0])
		s.waiting = s.waiting[1:]
		p.shares[h] = s
	case s.taken > 1:
		s.taken--
		p.shares[h] = s
	default:
		delete(p.shares, h)
	}
}

// giveUp ends the waiting of one who was not served, or gives back what came too late.
func (p *places) giveUp(h Holder, turn chan struct{}) {
	p.mu.Lock()
	s := p.shares[h]
	for i, other := range s.waiting {
		if other == turn {
			s.waiting = append(s.waiting[:i:i], s.waiting[i+1:]...)
			p.shares[h] = s
			p.mu.Unlock()
			return
		}
	}
	p.mu.Unlock()
	p.unclaim(h)
}
