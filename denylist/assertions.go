package denylist

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// maxAssertions is how many client assertions are noted in a minute at most: a thousand a second. Each takes some 120 bytes for about
// seven minutes: 50 MB, and as much again for strangers. One client can have a tenth of them.
const maxAssertions = 60_000

var assertions = usedOnce{prefix: "{gh}:assertion:", count: "{gh}:assertions", most: maxAssertions, mostOfHolder: maxAssertions / 10}

// strangersAssertions are those of clients that no operator has registered. Of such anybody can have as many as he likes: so they have as
// much room again, and each address from which they come a tenth of it.
var strangersAssertions = usedOnce{
	prefix: assertions.prefix, count: "{gh}:strangers:assertions", most: maxAssertions, mostOfHolder: maxAssertions / 10,
}

// ErrTooManyAssertions is returned by UseAssertion when so many were used in the last minute, by the client, from the address of a
// stranger, or by all together, that Redis takes no more.
var ErrTooManyAssertions = errors.New("too many client assertions were used in the last minute")

// UseAssertion reports whether a client uses an assertion (RFC 7523 section 3) for the first time, at whichever of the processes that
// share this Redis; its id tells it from others of the client. strangerAt is the address of a client that no operator has registered, and
// empty for every other. It is remembered as proofs are (UseProof), and the same holds on error, and for a Redis that has lost its data. It
// blocks as long as a Check.
func (s *Store) UseAssertion(ctx context.Context, clientID, strangerAt, id string, until time.Time) (first bool, err error) {
	room, holder := assertions, clientID
	if strangerAt != "" {
		room, holder = strangersAssertions, strangerAt
	}
	first, full, err := room.note(ctx, s, holder, clientID+"\x00"+id, until) // a client_id has no zero byte
	switch {
	case err != nil:
		return false, fmt.Errorf("note client assertion: %w", err)
	case full:
		return false, ErrTooManyAssertions
	}
	return first, nil
}
