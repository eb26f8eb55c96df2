package authz

import (
	"context"
	"maps"
	"slices"
	"sync/atomic"

	"golang.org/x/crypto/bcrypt"
)

// CountSlowHashes makes the server count its slow hashes.
func (s *Server) CountSlowHashes() *atomic.Int64 {
	var count atomic.Int64
	s.secrets.Compare = func(hash, secret []byte) error {
		count.Add(1)
		return bcrypt.CompareHashAndPassword(hash, secret)
	}
	return &count
}

// HoldSlowHashes makes slow hashes wait for release, and says when each has started.
func (s *Server) HoldSlowHashes() (release func(), started <-chan struct{}) {
	hold, start := make(chan struct{}), make(chan struct{}, 1000)
	s.secrets.Compare = func(hash, secret []byte) error {
		start <- struct{}{}
		<-hold
		return bcrypt.CompareHashAndPassword(hash, secret)
	}
	return func() { close(hold) }, start
}

// Turns is turns, to be tested alone.
type Turns struct{ turns turns }

func (t *Turns) Take(ctx context.Context, subject string, step func() error) error {
	return t.turns.take(ctx, subject, step)
}

// Users is how many are remembered.
func (t *Turns) Users() int { return len(t.turns.with) }

// PublicRoutes are the methods of each path of the public listener.
func (s *Server) PublicRoutes() map[string][]string {
	methods := map[string][]string{}
	for path, handlers := range s.publicRoutes() {
		methods[path] = slices.Collect(maps.Keys(handlers))
	}
	return methods
}
