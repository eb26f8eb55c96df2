package user

import (
	"hash/maphash"
	"net/netip"
	"time"
)

const (
	// generation is how many things of a kind are remembered at least. Twice as many are at most.
	generation = 50_000
	// knownFor is how long after signing in a login is known at an address.
	knownFor = 30 * 24 * time.Hour
)

// brakeMemory is what a Brake remembers. Keys are hashes with a seed of this process, so that they are small and nobody can
// make two of them the same.
type brakeMemory struct {
	seed      maphash.Seed
	pairs     recent[failures] // of login and address
	known     recent[time.Time]
	addresses buckets
	logins    buckets
}

// brakeKeys are those of one try.
type brakeKeys struct{ pair, address, login uint64 }

// failures are tries of a login from an address that failed one after another.
type failures struct {
	count       int
	last, until time.Time
}

func newBrakeMemory() brakeMemory {
	return brakeMemory{
		seed:      maphash.MakeSeed(),
		addresses: buckets{size: addressBurst, every: addressEvery},
		logins:    buckets{size: loginBurst, every: loginEvery},
	}
}

func (m *brakeMemory) keysOf(login string, from netip.Addr) brakeKeys {
	address := Network(from).AsSlice()
	var h maphash.Hash
	h.SetSeed(m.seed)
	_, _ = h.Write(address)
	keys := brakeKeys{address: h.Sum64(), login: maphash.String(m.seed, login)}
	_ = h.WriteByte(0) // which is in no login
	_, _ = h.WriteString(login)
	keys.pair = h.Sum64()
	return keys
}

func (m *brakeMemory) isKnown(pair uint64, now time.Time) bool {
	since, ok := m.known.get(pair)
	return ok && now.Sub(since) < knownFor
}

func (m *brakeMemory) failed(pair uint64, now time.Time) failures {
	f, _ := m.pairs.get(pair)
	if now.Sub(f.last) >= triesForgotten {
		return failures{}
	}
	return f
}

// recent is a map of what was put last: at least of the last generation of keys, at most of two.
type recent[V any] struct{ young, old map[uint64]V }

func (r *recent[V]) get(key uint64) (V, bool) {
	if v, ok := r.young[key]; ok {
		return v, true
	}
	v, ok := r.old[key]
	return v, ok
}

func (r *recent[V]) put(key uint64, v V) {
	if _, again := r.young[key]; !again && (r.young == nil || len(r.young) >= generation) {
		r.young, r.old = make(map[uint64]V), r.young
	}
	r.young[key] = v
}

// buckets have a bucket of size tokens for each key. A token comes back in each every.
type buckets struct {
	size  float64
	every time.Duration
	used  recent[bucket]
}

type bucket struct {
	taken float64
	at    time.Time
}

// taken is what is missing from the key's bucket.
func (b *buckets) taken(key uint64, now time.Time) float64 {
	u, ok := b.used.get(key)
	if !ok {
		return 0
	}
	back := float64(max(now.Sub(u.at), 0)) / float64(b.every)
	return max(u.taken-back, 0)
}

// wait is how long it takes until there is a token.
func (b *buckets) wait(key uint64, now time.Time) time.Duration {
	missing := b.taken(key, now) + 1 - b.size
	return time.Duration(max(missing, 0) * float64(b.every))
}

func (b *buckets) take(key uint64, now time.Time) {
	b.used.put(key, bucket{taken: b.taken(key, now) + 1, at: now})
}

func (b *buckets) giveBack(key uint64, now time.Time) {
	b.used.put(key, bucket{taken: max(b.taken(key, now)-1, 0), at: now})
}
