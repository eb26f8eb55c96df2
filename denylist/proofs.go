package denylist

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// maxProofs is how many proofs are noted in a minute at most. Each takes some 120 bytes for about three minutes: 110 MB. One holder can
// have a tenth of them, and leaves the others to everybody else.
const maxProofs = 300_000

var proofs = usedOnce{prefix: "{gh}:proof:", count: "{gh}:proofs", most: maxProofs, mostOfHolder: maxProofs / 10}

// ErrTooManyProofs is returned by UseProof when so many proofs were used in the last minute, by the holder or by all together, that
// Redis takes no more.
var ErrTooManyProofs = errors.New("too many DPoP proofs were used in the last minute")

// UseProof reports whether a DPoP proof (RFC 9449 section 11.1) is used for the first time, at whichever of the processes that
// share this Redis. A proof is told from others by the thumbprint of its key and its jti. It is remembered until it is no longer
// accepted, and for ClockMargin longer, because another gateway's clock may be behind. holder is the user, or the client without one,
// whose proofs are counted together: nobody takes the memory that others need. It blocks as long as a Check.
//
// On error it cannot be told whether the proof was used, and the caller decides what becomes of the request. A Redis that has lost
// its data has forgotten proofs, too: for as long as a proof is accepted, one of before can be used again, unless nonces are
// asked for, whose secret is lost with it (NonceSecrets).
func (s *Store) UseProof(ctx context.Context, holder, thumbprint, jti string, until time.Time) (first bool, err error) {
	first, full, err := proofs.note(ctx, s, holder, thumbprint+"\x00"+jti, until) // a thumbprint has no zero byte
	switch {
	case err != nil:
		return false, fmt.Errorf("note DPoP proof: %w", err)
	case full:
		return false, ErrTooManyProofs
	}
	return first, nil
}
