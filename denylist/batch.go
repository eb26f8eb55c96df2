package denylist

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// batcher answers checks and lookups, which share round trips. It is safe for concurrent use.
type batcher struct {
	sharing[question]
	ask  func(names []string) ([]any, *instance, error) // has a deadline of its own, and says who answered
	free sync.Pool                                      // of *question
}

// question is one Check, or one LookUp. Whoever asked it may give it up.
type question struct {
	Query
	opaque string // the hash that is looked up; empty for a Check
	found  string // of a LookUp whose answer is nil
	answer chan error
}

func newBatcher(ask func(names []string) ([]any, *instance, error)) *batcher {
	b := &batcher{ask: ask, free: sync.Pool{New: func() any { return &question{answer: make(chan error, 1)} }}}
	b.sharing.start(b.answer)
	return b
}

func (b *batcher) check(ctx context.Context, q Query) error {
	one := b.free.Get().(*question)
	one.Query, one.opaque = q, ""
	answered, err := b.await(ctx, one)
	if answered {
		b.free.Put(one)
	}
	return err
}

// lookUp is the value of an opaque token.
func (b *batcher) lookUp(ctx context.Context, hash string) (string, error) {
	one := b.free.Get().(*question)
	one.Query, one.opaque = Query{}, hash
	answered, err := b.await(ctx, one)
	if !answered {
		return "", err
	}
	found := one.found
	one.found = ""
	b.free.Put(one)
	return found, err
}

// await asks a question. One that was not answered is not used again: it may still be.
func (b *batcher) await(ctx context.Context, one *question) (answered bool, err error) {
	if err := b.enter(one); err != nil {
		return false, unknown(err)
	}
	select {
	case err := <-one.answer:
		return true, err
	case <-ctx.Done():
		return false, unknown(ctx.Err())
	}
}

// answer makes one round trip for a batch.
func (b *batcher) answer(batch []*question) {
	names := make([]string, 1, 1+4*len(batch))
	names[0] = epochKey
	for _, q := range batch {
		if q.opaque != "" {
			names = append(names, opaqueMarkKey, opaquePrefix+q.opaque)
			continue
		}
		names = q.appendNames(names)
	}
	epoch, entries, absent, err := b.askFor(names)
	if err != nil {
		err = unknown(err)
		for _, q := range batch {
			q.answer <- err
		}
		return
	}
	for _, q := range batch {
		if q.opaque != "" {
			q.answer <- q.take(entries[0], entries[1], epoch, absent)
			entries = entries[2:]
			continue
		}
		count := q.names()
		q.answer <- verdict(entries[:count], absent)
		entries = entries[count:]
	}
}

// take is the answer to a LookUp: what was found counts in any case, that nothing was found only where the mark says that
// everything was written in this epoch, and the epoch counts.
func (q *question) take(mark, value any, epoch string, absent error) error {
	found, ok := value.(string)
	switch {
	case ok:
		q.found = found
		return nil
	case absent != nil:
		return absent
	case mark != epoch:
		return errOpaqueNotLoaded
	default:
		return ErrNoToken
	}
}

var errOpaqueNotLoaded = unknown(errors.New("opaque tokens are not loaded"))

// askFor reads names, the first of which is epochKey, and returns the epoch and the values of the others. absent is what to
// say of a token that none of them is about: nil, or what wraps ErrUnknown when the epoch does not vouch for the entries.
func (b *batcher) askFor(names []string) (epoch string, entries []any, absent, err error) {
	values, by, err := b.ask(names)
	if err != nil {
		return "", nil, nil, err
	}
	if len(values) != len(names) {
		return "", nil, nil, fmt.Errorf("%d answers to %d questions", len(values), len(names))
	}
	epoch, _ = values[0].(string)
	return epoch, values[1:], by.check(epoch), nil
}

func unknown(reason error) error { return fmt.Errorf("%w: %w", ErrUnknown, reason) }

// verdict is ErrRevoked when there is an entry, and absent when there is none.
func verdict(entries []any, absent error) error {
	for _, entry := range entries {
		if entry != nil {
			return ErrRevoked
		}
	}
	return absent
}

// names is how many names a token can be revoked by.
func (q *Query) names() int {
	count := 2
	if q.GrantID != "" {
		count++
	}
	if q.KeyID != "" {
		count++
	}
	return count
}

func (q *Query) appendNames(names []string) []string {
	names = append(names, entryKey(Token, q.TokenID), entryKey(Client, q.ClientID))
	if q.GrantID != "" {
		names = append(names, entryKey(Grant, q.GrantID))
	}
	if q.KeyID != "" {
		names = append(names, entryKey(Key, q.KeyID))
	}
	return names
}
