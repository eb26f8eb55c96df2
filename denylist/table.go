package denylist

import (
	"encoding/binary"
	"hash/maphash"
	"maps"
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// table is the set of entries that a mirror knows. It holds fingerprints instead of names: a million entries take
// some 50 MB, and the garbage collector does not look into them. It is safe for concurrent use.
type table struct {
	seeds  [kinds][2]maphash.Seed
	seen   [kinds]atomic.Bool // there was an entry of the kind: most kinds have none for most of the time
	shards [shards]shard
}

// kinds is how many values indexOf has: one for each Kind, and one for all others, which nobody asks for.
const kinds = 5

func indexOf(kind Kind) int {
	switch kind {
	case Token:
		return 0
	case Grant:
		return 1
	case Client:
		return 2
	case Key:
		return 3
	default:
		return 4
	}
}

// shards is one for each value of a fingerprint's first byte. With so many, a reader rarely waits for a writer, and never
// long.
const shards = 256

type shard struct {
	mu      sync.RWMutex
	entries map[fingerprint]uint32 // until when, in seconds since the epoch
	most    int                    // how many entries the map has had at a time, and so has room for
}

// fingerprint is two hashes with seeds of their own in every process and for each kind. Two names have the same one with a
// probability of 2^-128, and nobody outside can look for such names. If they had, a good token would be refused; no revoked
// one would pass.
type fingerprint [16]byte

func newTable() *table {
	t := &table{}
	for i := range t.seeds {
		t.seeds[i] = [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}
	}
	for i := range t.shards {
		t.shards[i].entries = make(map[fingerprint]uint32)
	}
	return t
}

func (t *table) fingerprint(of int, id string) fingerprint {
	var f fingerprint
	binary.NativeEndian.PutUint64(f[:8], maphash.String(t.seeds[of][0], id))
	binary.NativeEndian.PutUint64(f[8:], maphash.String(t.seeds[of][1], id))
	return f
}

func (t *table) shard(f fingerprint) *shard { return &t.shards[f[0]] }

// add keeps the later of two expiries, as the store does.
func (t *table) add(e Entry) {
	of := indexOf(e.Kind)
	f := t.fingerprint(of, e.ID)
	s := t.shard(f)
	s.mu.Lock()
	defer s.mu.Unlock()
	if !t.seen[of].Load() {
		t.seen[of].Store(true)
	}
	s.entries[f] = max(s.entries[f], seconds(e.ExpiresAt.Add(ClockMargin)))
	s.most = max(s.most, len(s.entries))
}

// seconds rounds up, so that no entry ends early.
func seconds(at time.Time) uint32 {
	whole := at.Unix()
	if at.Nanosecond() > 0 {
		whole++
	}
	return uint32(min(max(whole, 0), math.MaxUint32))
}

func (t *table) denies(q Query) bool {
	return t.has(Token, q.TokenID) || t.has(Client, q.ClientID) || q.GrantID != "" && t.has(Grant, q.GrantID) ||
		q.KeyID != "" && t.has(Key, q.KeyID)
}

func (t *table) has(kind Kind, id string) bool {
	of := indexOf(kind)
	if !t.seen[of].Load() {
		return false
	}
	f := t.fingerprint(of, id)
	s := t.shard(f)
	s.mu.RLock()
	_, ok := s.entries[f]
	s.mu.RUnlock()
	return ok
}

// expire forgets entries that no token needs any more.
func (t *table) expire(now time.Time) {
	for i := range t.shards {
		t.shards[i].expire(now.Unix())
	}
}

func (s *shard) expire(now int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.entries, func(_ fingerprint, until uint32) bool { return int64(until) < now })
	if len(s.entries) < s.most/4 { // a map does not become smaller by itself
		fewer := make(map[fingerprint]uint32, len(s.entries))
		maps.Copy(fewer, s.entries)
		s.entries, s.most = fewer, len(fewer)
	}
}

func (t *table) size() int {
	size := 0
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.RLock()
		size += len(s.entries)
		s.mu.RUnlock()
	}
	return size
}
