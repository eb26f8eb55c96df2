package keys

import "sync"

// flights are the verifications under way, at most one of each token. The zero value is ready; it is safe for concurrent
// use.
type flights struct {
	mu sync.Mutex
	of map[digest]*flight
}

type flight struct {
	landed chan struct{} // nil while nobody waits
	found  *verified
	err    error
}

// join returns the result of verify. While another call for the same token is under way, it waits for that one's result
// instead and does not call verify.
func (f *flights) join(token digest, verify func() (*verified, error)) (*verified, error) {
	f.mu.Lock()
	if other, ok := f.of[token]; ok {
		if other.landed == nil {
			other.landed = make(chan struct{})
		}
		f.mu.Unlock()
		<-other.landed
		return other.found, other.err
	}
	own := &flight{err: ErrSignature} // stays, for those who wait, if verify panics
	if f.of == nil {
		f.of = make(map[digest]*flight)
	}
	f.of[token] = own
	f.mu.Unlock()
	defer f.land(token, own)
	own.found, own.err = verify()
	return own.found, own.err
}

func (f *flights) land(token digest, own *flight) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.of, token)
	if own.landed != nil {
		close(own.landed)
	}
}
