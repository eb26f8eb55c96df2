package keys

import (
	"cmp"
	"slices"
	"time"
)

// Scheduled is a key with its place in time. It signs from SignsFrom on, until a later one does.
type Scheduled struct {
	Key       *Key
	SignsFrom time.Time
	// Retain is how long the key verifies after it has ceased to sign: the life of the longest token that it signed, whatever
	// the schedule has become since.
	Retain time.Duration
}

// Schedule says what a key does at a time. All replicas that have the same keys and the same schedule agree, without
// talking to each other.
type Schedule struct {
	// RotateEvery is how long a key signs.
	RotateEvery time.Duration
	// PublishAhead is how long a key is published before it signs. It has to be longer than anyone caches the JWKS.
	PublishAhead time.Duration
	// Retain is how long a key that signs now has to verify after it has ceased to: the life of the longest token.
	Retain time.Duration
}

// At sorts keys by what they do at a time: the one that signs, those that are published beside it because they will sign
// or because tokens of theirs may still live, and those that nobody needs any more. Before the first SignsFrom the
// earliest key signs. signing is nil only when there are no keys.
func (s Schedule) At(now time.Time, scheduled []Scheduled) (signing *Key, published, gone []*Key) {
	scheduled = slices.SortedFunc(slices.Values(scheduled), func(a, b Scheduled) int {
		return cmp.Or(a.SignsFrom.Compare(b.SignsFrom), cmp.Compare(a.Key.ID(), b.Key.ID()))
	})
	current := 0
	for i, k := range scheduled {
		if !k.SignsFrom.After(now) {
			current = i
		}
	}
	for i, k := range scheduled {
		switch {
		case i == current:
			signing = k.Key
		case i < current && !now.Before(scheduled[i+1].SignsFrom.Add(k.Retain)):
			gone = append(gone, k.Key)
		default:
			published = append(published, k.Key)
		}
	}
	return signing, published, gone
}

// Due reports whether a successor of the newest key has to be published now, and from when on it is to sign.
func (s Schedule) Due(now, newestSignsFrom time.Time) (signsFrom time.Time, due bool) {
	end := newestSignsFrom.Add(s.RotateEvery)
	if now.Before(end.Add(-s.PublishAhead)) {
		return time.Time{}, false
	}
	if soonest := s.Soonest(now); soonest.After(end) { // nobody was there to publish it in time
		return soonest, true
	}
	return end, true
}

// Soonest is from when on a key may sign that is published now, because an operator wants the present one replaced.
func (s Schedule) Soonest(now time.Time) time.Time { return now.Add(s.PublishAhead) }
