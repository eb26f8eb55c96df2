package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	"gatehouse/denylist"
	"gatehouse/keys"
)

const (
	deniedPage = 1000
	memoryTime = 5 * time.Minute // for the requests
)

// measureMemory fills the denylist, starts a gateway with a mirror of it, and sends each of the tokens once. It is run
// last, because the denylist stays full. It is nil when no gateway takes part.
func (b *bench) measureMemory(ctx context.Context) (*memoryUse, error) {
	at := slices.IndexFunc(b.contestants, Contestant.isGatehouse)
	if at < 0 {
		return nil, nil
	}
	b.say("memory: %d tokens, %d revocations", memoryTokens, memoryDenied)
	tokens, err := b.mint.sign(Tokens{Algorithm: keys.ES256}, memoryTokens)
	if err != nil {
		return nil, err
	}
	if err := b.services.deny(ctx, revocations); err != nil {
		return nil, fmt.Errorf("fill denylist: %w", err)
	}
	running, c, err := b.start(ctx, b.contestants[at])
	if err != nil {
		return nil, err
	}
	defer running.stop()
	var use memoryUse
	if use.loaded, err = memoryOfGroup(running.group); err != nil {
		return nil, err
	}
	l, err := newLoad(c.Target, bearers(tokens), true, b.connections)
	if err != nil {
		return nil, err
	}
	defer l.close()
	if err := l.run(ctx, memoryTime); !errors.Is(err, errRanOut) {
		return nil, running.failed(fmt.Errorf("not all tokens were sent: %w", err))
	}
	use.cached, err = memoryOfGroup(running.group)
	return &use, err
}

// revocations yields those of tokens that live for another hour.
func revocations(yield func([]denylist.Entry, error) bool) {
	page := make([]denylist.Entry, deniedPage)
	for range memoryDenied / deniedPage {
		for i := range page {
			page[i] = denylist.Entry{Kind: denylist.Token, ID: rand.Text(), ExpiresAt: time.Now().Add(time.Hour)}
		}
		if !yield(page, nil) {
			return
		}
	}
}
