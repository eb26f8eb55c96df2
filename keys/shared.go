package keys

import (
	"sync"
	"sync/atomic"
	"unique"
)

// maxShared bounds the lists of one kind that are kept. Only good tokens bring new ones.
const maxShared = 4096

// shared keeps one copy of what many tokens say alike, so that a remembered token takes half the memory. The zero value is
// empty and ready; it is safe for concurrent use.
type shared struct {
	lists sync.Map // of []string, by their text
	count atomic.Int64
}

// list returns split(text), the same slice each time. Beyond maxShared different texts it makes new ones.
func (s *shared) list(text string, split func(string) []string) []string {
	if known, ok := s.lists.Load(text); ok {
		return known.([]string)
	}
	made := split(text)
	if s.count.Load() >= maxShared {
		return made
	}
	known, raced := s.lists.LoadOrStore(text, made)
	if !raced {
		s.count.Add(1)
	}
	return known.([]string)
}

// sharedText returns the one copy of a text, which exists as long as anybody uses it.
func sharedText(text string) string { return unique.Make(text).Value() }
