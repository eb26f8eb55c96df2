package dpop

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"time"
)

// NonceWindow is how long one nonce is given out. It is accepted for as long again.
const NonceWindow = 3 * time.Minute

// Nonces are given to clients, so that nobody can make proofs for later (RFC 9449 section 8 and 9). A nonce is a keyed hash of the
// window of time in which it is given out: none is stored, and every process that has the secret accepts those of all others.
// It is the same for everybody, and can be used as often as the window allows; that a proof is used once is not its matter. A
// Nonces is safe for concurrent use as long as its fields are not changed.
type Nonces struct {
	// Secret is what nonces of a time are made with, the same in every process: at least 32 random bytes. Nil says that it is
	// not known. It must be safe for concurrent use, and answers from memory.
	Secret func(at time.Time) []byte
	// Leeway is how far ahead of this machine the clock of another process may be.
	Leeway time.Duration
	// Now is time.Now when nil.
	Now func() time.Time
}

// Current is what the answer's DPoP-Nonce says. Not ok while the secret is not known: then the answer has none.
func (n *Nonces) Current() (nonce string, ok bool) {
	return n.of(window(timeFrom(n.Now)))
}

// check accepts the nonces of this window and the one before. Clocks that are ahead may have begun the next.
func (n *Nonces) check(nonce string) error {
	now := timeFrom(n.Now)
	known := false
	for w := window(now) - 1; w <= window(now.Add(n.Leeway)); w++ {
		good, ok := n.of(w)
		if ok && hmac.Equal([]byte(good), []byte(nonce)) {
			return nil
		}
		known = known || ok
	}
	if !known {
		return ErrNonceUnavailable
	}
	return ErrUseNonce
}

func (n *Nonces) of(w int64) (nonce string, ok bool) {
	secret := n.Secret(time.Unix(w*int64(NonceWindow/time.Second), 0))
	if len(secret) == 0 {
		return "", false
	}
	mac := hmac.New(sha256.New, secret)
	_, _ = mac.Write(binary.BigEndian.AppendUint64([]byte("gatehouse DPoP nonce "), uint64(w)))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:18]), true
}

// window counts windows from 1970.
func window(at time.Time) int64 { return at.Unix() / int64(NonceWindow/time.Second) }

func timeFrom(now func() time.Time) time.Time {
	if now != nil {
		return now()
	}
	return time.Now()
}
