package client

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"sync"
)

// maxProven bounds the memory of right secrets; there are far fewer clients whose secret someone chose.
const maxProven = 10_000

// provenSecrets remembers pairs of a stored hash and the secret that it was made of: only by a keyed hash, whose key ends
// with the process. A client whose secret was changed has another stored hash, and so has to prove itself again. It is
// safe for concurrent use.
type provenSecrets struct {
	key [32]byte

	mu    sync.RWMutex
	known map[[sha256.Size]byte]struct{}
}

func newProvenSecrets() *provenSecrets {
	p := &provenSecrets{known: make(map[[sha256.Size]byte]struct{})}
	_, _ = rand.Read(p.key[:]) // never fails (crypto/rand)
	return p
}

func (p *provenSecrets) has(stored, secret string) bool {
	name := p.name(stored, secret)
	p.mu.RLock()
	defer p.mu.RUnlock()
	_, ok := p.known[name]
	return ok
}

func (p *provenSecrets) add(stored, secret string) {
	name := p.name(stored, secret)
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.known) >= maxProven {
		clear(p.known)
	}
	p.known[name] = struct{}{}
}

func (p *provenSecrets) name(stored, secret string) (name [sha256.Size]byte) {
	mac := hmac.New(sha256.New, p.key[:])
	mac.Write([]byte(stored))
	mac.Write([]byte{0}) // which neither of them contains
	mac.Write([]byte(secret))
	mac.Sum(name[:0])
	return name
}
