package user

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"
)

// How fast passwords can be guessed. What counts are refused passwords; a good sign-in costs nothing.
const (
	// A login has freeTries from an address. From then on each refused try doubles the pause before the next, up to
	// longestPause, until none was refused for triesForgotten.
	freeTries      = 3
	longestPause   = 5 * time.Minute
	triesForgotten = time.Hour
	// longestKnownPause is the same for an address from which the login signed in before. It is short, because whoever
	// shares that address with the user can bring it about.
	longestKnownPause = 30 * time.Second
	// An address may fail that often at once, for whichever logins, and once more in each addressEvery.
	addressBurst = 30
	addressEvery = 2 * time.Second
	// A login may fail that often at once, from whichever addresses, and once more in each loginEvery.
	loginBurst = 30
	loginEvery = 10 * time.Second
)

// BrakedError says that a password was not looked at, because too many were wrong before it.
type BrakedError struct {
	// RetryAfter is when the next one will be, if nobody else tries meanwhile. It is more than 0.
	RetryAfter time.Duration
}

// Error implements error.
func (e *BrakedError) Error() string {
	return fmt.Sprintf("too many attempts to sign in; the next in %v", e.RetryAfter)
}

// Brake slows down who guesses passwords, before Next is asked. It remembers who failed, in a memory that is bounded, for each
// login at each address, each address and each login. An IPv6 address counts as its /64.
//
// Nobody can keep a user out by guessing: a login that signed in from an address before is held, there, only to what fails
// there for this login, and never for longer than 30 s. What is remembered is this process's alone, and is gone when it ends.
//
// It is safe for concurrent use, and blocks no longer than Next. While Next is asked, a try counts as one that fails.
type Brake struct {
	Next Authenticator
	// Now is time.Now when nil.
	Now func() time.Time

	once   sync.Once
	mu     sync.Mutex
	memory brakeMemory
}

var _ Authenticator = (*Brake)(nil)

// Authenticate implements Authenticator. It adds a *BrakedError to what Next returns.
func (b *Brake) Authenticate(ctx context.Context, proof Proof) (string, error) {
	if proof.Login == "" || proof.Password == "" { // which nobody is asked about
		return b.Next.Authenticate(ctx, proof)
	}
	b.once.Do(func() { b.memory = newBrakeMemory() })
	t, wait := b.begin(proof)
	if wait > 0 {
		return "", &BrakedError{RetryAfter: wait}
	}
	subject, err := b.Next.Authenticate(ctx, proof)
	b.end(t, err)
	return subject, err
}

// try is one login that Next is asked about.
type try struct {
	keys    brakeKeys
	isKnown bool
}

// begin counts the try as a failure, unless it has to wait.
func (b *Brake) begin(proof Proof) (try, time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := timeFrom(b.Now)
	t := try{keys: b.memory.keysOf(proof.Login, proof.Address)}
	t.isKnown = b.memory.isKnown(t.keys.pair, now)

	failed := b.memory.failed(t.keys.pair, now)
	wait := failed.until.Sub(now)
	if !t.isKnown {
		wait = max(wait,
			b.memory.addresses.wait(t.keys.address, now),
			b.memory.logins.wait(t.keys.login, now))
	}
	if wait > 0 {
		return t, wait
	}
	failed.count++
	failed.last, failed.until = now, now.Add(pauseAfter(failed.count, t.isKnown))
	b.memory.pairs.put(t.keys.pair, failed)
	if !t.isKnown {
		b.memory.addresses.take(t.keys.address, now)
		b.memory.logins.take(t.keys.login, now)
	}
	return t, 0
}

// end takes the failure back, unless it was one.
func (b *Brake) end(t try, err error) {
	var denied *DeniedError
	if errors.As(err, &denied) {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	now := timeFrom(b.Now)
	if !t.isKnown {
		b.memory.addresses.giveBack(t.keys.address, now)
		b.memory.logins.giveBack(t.keys.login, now)
	}
	if err == nil || errors.Is(err, ErrSuspended) { // the password was right
		b.memory.pairs.put(t.keys.pair, failures{})
	} else if failed := b.memory.failed(t.keys.pair, now); failed.count > 0 {
		failed.count--
		failed.until = now
		b.memory.pairs.put(t.keys.pair, failed)
	}
	if err == nil {
		b.memory.known.put(t.keys.pair, now)
	}
}

// pauseAfter is how long the next try waits after so many that failed.
func pauseAfter(failed int, isKnown bool) time.Duration {
	longest := longestPause
	if isKnown {
		longest = longestKnownPause
	}
	switch over := failed - freeTries; {
	case over <= 0:
		return 0
	case over > 16: // long since the longest
		return longest
	default:
		return min(time.Second<<(over-1), longest)
	}
}

// Network is what an address counts as: one host has a whole /64 of IPv6.
func Network(address netip.Addr) netip.Addr {
	address = address.Unmap().WithZone("")
	if !address.Is6() {
		return address
	}
	prefix, err := address.Prefix(64)
	if err != nil { // of 64 bits every IPv6 address has a prefix
		return address
	}
	return prefix.Addr()
}
