package denylist

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// proofPrefix is not below keyPrefix: these keys revoke nothing.
	proofPrefix = "{gh}:proof:"
	// proofCountKey counts the proofs of a minute, and with a hash of the holder behind it those of one.
	proofCountKey = "{gh}:proofs"

	// maxProofs is how many proofs are noted in a minute at most. Each takes some 120 bytes for about three minutes: 110 MB, so
	// that revocations have room. One holder can have a tenth of them, and leaves the others to everybody else.
	maxProofs         = 300_000
	maxProofsOfHolder = maxProofs / 10

	// proofHash is how much of a hash tells proofs apart: with the prefix, a key that takes 32 bytes in Redis.
	proofHash = 16
)

// ErrTooManyProofs is returned by UseProof when so many proofs were used in the last minute, by the holder or by all together, that
// Redis takes no more.
var ErrTooManyProofs = errors.New("too many DPoP proofs were used in the last minute")

// useProof notes a proof that is not there yet.
var useProof = redis.NewScript(`
if tonumber(redis.call('GET', KEYS[2]) or 0) >= ` + strconv.Itoa(maxProofs) + `
  or tonumber(redis.call('GET', KEYS[3]) or 0) >= ` + strconv.Itoa(maxProofsOfHolder) + ` then
  return -1
end
if not redis.call('SET', KEYS[1], 1, 'NX', 'PX', ARGV[1]) then
  return 0
end
for i = 2, 3 do
  if redis.call('INCR', KEYS[i]) == 1 then
    redis.call('PEXPIRE', KEYS[i], 60000)
  end
end
return 1`)

// UseProof reports whether a DPoP proof (RFC 9449 section 11.1) is used for the first time, at whichever of the processes that
// share this Redis. A proof is told from others by the thumbprint of its key and its jti. It is remembered until it is no longer
// accepted, and for ClockMargin longer, because another gateway's clock may be behind. holder is the user, or the client without one,
// whose proofs are counted together: nobody takes the memory that others need. It blocks as long as a Check.
//
// On error it cannot be told whether the proof was used, and the caller decides what becomes of the request. A Redis that has lost
// its data has forgotten proofs, too: for as long as a proof is accepted, one of before can be used again, unless nonces are
// asked for, whose secret is lost with it (NonceSecrets).
func (s *Store) UseProof(ctx context.Context, holder, thumbprint, jti string, until time.Time) (first bool, err error) {
	lifetime := until.Add(ClockMargin).Sub(s.Now())
	if lifetime < time.Millisecond { // it is not accepted anywhere, and Redis would keep it for ever
		return false, nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	names := []string{proofKey(thumbprint, jti), proofCountKey, proofCountKey + ":" + shortHash(holder)}
	switch noted, err := useProof.Run(ctx, s.check, names, lifetime.Milliseconds()).Int(); {
	case err != nil:
		return false, fmt.Errorf("note DPoP proof: %w", err)
	case noted < 0:
		return false, ErrTooManyProofs
	default:
		return noted == 1, nil
	}
}

// proofKey has one length, whatever a client has chosen as jti. A thumbprint has no zero byte.
func proofKey(thumbprint, jti string) string {
	return proofPrefix + shortHash(thumbprint+"\x00"+jti)
}

func shortHash(of string) string {
	sum := sha256.Sum256([]byte(of))
	return string(sum[:proofHash])
}
