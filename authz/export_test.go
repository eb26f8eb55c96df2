package authz

import (
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
