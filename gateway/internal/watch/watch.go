package watch

import (
	"context"
	"errors"
	"sync"
	"time"

	"gatehouse/denylist"
	"gatehouse/gateway/internal/panics"
	"gatehouse/keys"
)

const (
	// Interval is how often everything is looked at.
	Interval = 250 * time.Millisecond
	// MaxUnknown is how long it may be unknown whether a token was revoked. A request can be sent again after such a moment;
	// what is open would be lost.
	MaxUnknown = 2 * time.Second
)

// Keys knows which signing keys there are. Implementations do not block and are safe for concurrent use.
type Keys interface {
	// KeyWithdrawn reports whether the key of a token that was good is certainly no longer known.
	KeyWithdrawn(claims *keys.Claims) bool
}

// Config is what a Watch asks whether tokens are still good. All of it is required.
type Config struct {
	Keys     Keys
	Denylist denylist.Checker
	// Query is how the denylist is asked about a token.
	Query func(claims *keys.Claims) denylist.Query
	// Now is the clock that tokens expire by. How long anything else takes is measured by the machine's.
	Now func() time.Time
	// Panicked is told of a panic in a look, after which the looks go on. It may be called at each of them. What cannot be
	// asked because of it is unknown.
	Panicked func(err error)
}

// Subject is something that is open. Its methods must not block. A look that had begun may still call them after Remove.
type Subject interface {
	// Look is called at each look, before anybody asks about the token. It returns false for what is ending already: its
	// token does not matter any more.
	Look(now time.Time) bool
	// End is called when the token is no longer good. For Unknown, cause says why it cannot be told.
	End(why Reason, cause error)
}

// Token is the one under which a subject is open.
type Token struct {
	// Claims are nil for a caller without a token, who can lose none.
	Claims *keys.Claims
	// KeepWhenUnknown never ends the subject because it cannot be told whether the token was revoked.
	KeepWhenUnknown bool
}

// Watch is what is open under tokens. It is safe for concurrent use.
type Watch struct {
	config Config

	mu   sync.Mutex
	open map[*Entry]struct{}

	// What is kept from one look to the next, so that a look allocates nothing.
	looked, asked []*Entry
	queries       []denylist.Query
	answers       []error
}

// Entry is a subject that is watched.
type Entry struct {
	subject      Subject
	token        Token
	unknownSince time.Time // Run's alone
}

// New returns a Watch of nothing. Nothing ends unless it is Run.
func New(config Config) *Watch {
	return &Watch{config: config, open: make(map[*Entry]struct{})}
}

// Add watches a subject until Remove.
func (w *Watch) Add(s Subject, under Token) *Entry {
	e := &Entry{subject: s, token: under}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.open[e] = struct{}{}
	return e
}

// Remove may be called more than once.
func (w *Watch) Remove(e *Entry) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.open, e)
}

// Count is how many subjects are watched.
func (w *Watch) Count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.open)
}

// Run looks until ctx ends. It runs once at a time.
func (w *Watch) Run(ctx context.Context) {
	ticker := time.NewTicker(Interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			w.look()
			w.checkRevoked(ctx)
		}
	}
}

// look ends subjects for every reason but a revocation, and lists the others that have a token.
func (w *Watch) look() {
	now, tokenTime := time.Now(), w.config.Now()
	w.asked, w.queries = w.asked[:0], w.queries[:0]
	w.listOpen()
	for _, e := range w.looked {
		w.guard(e, func() { w.lookAt(e, now, tokenTime) })
	}
}

func (w *Watch) lookAt(e *Entry, now, tokenTime time.Time) {
	claims := e.token.Claims
	switch {
	case !e.subject.Look(now), claims == nil:
	case !tokenTime.Before(claims.ExpiresAt):
		e.subject.End(Expired, nil)
	case w.config.Keys.KeyWithdrawn(claims):
		e.subject.End(KeyWithdrawn, nil)
	default:
		query := w.config.Query(claims)
		w.asked = append(w.asked, e)
		w.queries = append(w.queries, query)
	}
}

// guard does work about one entry.
func (w *Watch) guard(e *Entry, work func()) {
	if err := panics.Do(work); err != nil {
		w.config.Panicked(err)
		w.unknown(e, err)
	}
}

// unknown ends an entry about whose token nothing could be told for too long.
func (w *Watch) unknown(e *Entry, err error) {
	switch {
	case e.token.Claims == nil || e.token.KeepWhenUnknown:
	case e.unknownSince.IsZero():
		e.unknownSince = time.Now()
	case time.Since(e.unknownSince) > MaxUnknown:
		if err := panics.Do(func() { e.subject.End(Unknown, err) }); err != nil {
			w.config.Panicked(err)
		}
	}
}

func (w *Watch) listOpen() {
	clear(w.looked)
	w.looked = w.looked[:0]
	w.mu.Lock()
	defer w.mu.Unlock()
	for e := range w.open {
		w.looked = append(w.looked, e)
	}
}

// checkRevoked asks the denylist about all listed tokens at once.
func (w *Watch) checkRevoked(ctx context.Context) {
	if len(w.asked) == 0 {
		return
	}
	for len(w.answers) < len(w.asked) {
		w.answers = append(w.answers, nil)
	}
	answers := w.answers[:len(w.asked)]
	if err := panics.Do(func() { denylist.CheckAll(ctx, w.config.Denylist, w.queries, answers) }); err != nil {
		w.config.Panicked(err)
		for i := range answers {
			answers[i] = err
		}
	}
	for i, e := range w.asked {
		switch err := answers[i]; {
		case err == nil:
			e.unknownSince = time.Time{}
		case errors.Is(err, denylist.ErrRevoked):
			w.guard(e, func() { e.subject.End(Revoked, nil) })
		case ctx.Err() == nil:
			w.unknown(e, err)
		}
	}
	clear(answers)
	clear(w.asked)
}
