package denylist

import (
	"time"

	"github.com/puzpuzpuz/xsync/v3"
)

// table is the set of entries that a mirror knows. Looking something up takes no lock. It is safe for concurrent use.
type table struct {
	entries *xsync.MapOf[name, int64] // until when, in milliseconds since the epoch
}

type name struct {
	kind Kind
	id   string
}

func newTable() *table {
	return &table{entries: xsync.NewMapOf[name, int64]()}
}

// add keeps the later of two expiries, as the store does.
func (t *table) add(e Entry) {
	until := e.ExpiresAt.Add(clockMargin).UnixMilli()
	t.entries.Compute(name{e.Kind, e.ID}, func(known int64, _ bool) (int64, bool) {
		return max(known, until), false
	})
}

func (t *table) denies(q Query) bool {
	if _, ok := t.entries.Load(name{Token, q.TokenID}); ok {
		return true
	}
	if _, ok := t.entries.Load(name{Client, q.ClientID}); ok {
		return true
	}
	if q.GrantID == "" {
		return false
	}
	_, ok := t.entries.Load(name{Grant, q.GrantID})
	return ok
}

// expire forgets entries that no token needs any more.
func (t *table) expire(now time.Time) {
	limit := now.UnixMilli()
	t.entries.Range(func(n name, until int64) bool {
		if until < limit {
			t.entries.Compute(n, func(until int64, _ bool) (int64, bool) { return until, until < limit })
		}
		return true
	})
}

func (t *table) size() int { return t.entries.Size() }
