package keys

import (
	"crypto/sha256"
	"sync/atomic"

	"gatehouse/keys/internal/fastsig"
)

// maxTables is how many keys of a set may have tables, which is far more than sign at one time. It bounds the memory of a
// set of keys, whatever somebody publishes.
const maxTables = 16

// tabledES256 is a P-256 key that verifies with a table, in half the time. The table is made when the first signature was
// good: keys that are published and not used cost nothing.
type tabledES256 struct {
	es256
	begun atomic.Bool
	table atomic.Pointer[fastsig.P256Table]
}

func (k *tabledES256) verify(signingInput, signature []byte) bool {
	if !canonicalES256(signature) {
		return false
	}
	digest := sha256.Sum256(signingInput)
	if table := k.table.Load(); table != nil {
		return table.Verify(&digest, (*[es256Size]byte)(signature))
	}
	good := k.verifyDigest(&digest, signature)
	if good && k.begun.CompareAndSwap(false, true) {
		k.makeTable() // others go on without
	}
	return good
}

// makeTable takes about two milliseconds. Where there can be no table, the standard library goes on to verify.
func (k *tabledES256) makeTable() {
	encoded, err := k.public.Bytes()
	if err != nil {
		return
	}
	if table, err := fastsig.NewP256Table(encoded); err == nil {
		k.table.Store(table)
	}
}

// allowTables lets at most maxTables ES256 keys of a set have a table. Keys that were in the set before keep theirs, by
// thumbprint and not by name. It is called before the set is shared.
func allowTables(set, before map[string]PublicKey) {
	allowed := make(map[thumbprint]*tabledES256, maxTables)
	for id, key := range set {
		if kept, ok := before[id].signatures.(*tabledES256); ok && before[id].thumbprint == key.thumbprint {
			allowed[key.thumbprint] = kept
		}
	}
	for id, key := range set {
		plain, ok := key.signatures.(*es256)
		if !ok {
			continue
		}
		tabled := allowed[key.thumbprint]
		if tabled == nil {
			if len(allowed) == maxTables {
				continue
			}
			tabled = &tabledES256{es256: *plain}
			allowed[key.thumbprint] = tabled
		}
		key.signatures = tabled
		set[id] = key
	}
}
