package keys

import (
	"crypto/fips140"
	"crypto/sha256"
	"sync/atomic"
)

// maxPrecomputed is how many keys of a set may have tables, which is far more than sign at one time. What a set of keys
// takes is bounded by it, whatever somebody publishes.
const maxPrecomputed = 16

// precomputed is a P-256 key whose signatures are checked with a table, in half of the time, once one of them was good:
// published keys that nobody uses cost nothing.
type precomputed struct {
	es256
	begun atomic.Bool
	table atomic.Pointer[p256Table]
}

func (k *precomputed) verify(signingInput, signature []byte) bool {
	if !canonicalES256(signature) {
		return false
	}
	digest := sha256.Sum256(signingInput)
	if table := k.table.Load(); table != nil {
		return verifyP256(table, &digest, (*[2 * p256ScalarSize]byte)(signature))
	}
	good := k.verifyDigest(&digest, signature)
	if good && k.begun.CompareAndSwap(false, true) {
		k.precompute() // others go on without
	}
	return good
}

// precompute takes about two milliseconds. Without a table the standard library goes on to verify.
func (k *precomputed) precompute() {
	encoded, err := k.public.Bytes()
	if err != nil {
		return
	}
	if table, err := newP256Table(encoded); err == nil {
		k.table.Store(table)
	}
}

// precompute gives keys of a set their tables, or the place for one. Those of keys that were in the set before are kept.
// It is called before the set is shared.
func precompute(set, before map[string]PublicKey) {
	if fips140.Enabled() {
		return // only the standard library's own code is validated
	}
	known := make(map[thumbprint]*precomputed, maxPrecomputed)
	for id, key := range set {
		if kept, ok := before[id].signatures.(*precomputed); ok && before[id].thumbprint == key.thumbprint {
			known[key.thumbprint] = kept
		}
	}
	for id, key := range set {
		plain, ok := key.signatures.(*es256)
		if !ok {
			continue
		}
		fast := known[key.thumbprint]
		if fast == nil {
			if len(known) == maxPrecomputed {
				continue
			}
			fast = &precomputed{es256: *plain}
			known[key.thumbprint] = fast
		}
		key.signatures = fast
		set[id] = key
	}
}
