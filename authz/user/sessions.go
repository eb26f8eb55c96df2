package user

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"time"

	"gatehouse/registry"
)

// How users sign in: the Method of a session.
const (
	// ByPassword is with a login and a password, on our page.
	ByPassword = "password"
	// ByHost is at the host application, which sent its JWT.
	ByHost = "host_application"
)

// maxSessions is how many a user may have at a time: more browsers than anybody has.
const maxSessions = 1000

// Sessions are the browsers in which users are signed in. It is safe for concurrent use, and blocks as the Registry does.
type Sessions struct {
	Registry *registry.Registry
	// Idle is after how long without use a session ends, Absolute after how long in any case.
	Idle, Absolute time.Duration
	// Now is time.Now when nil.
	Now func() time.Time
}

// Begin signs a user in and returns what the browser has to hold: 256 random bits that were never used before, so that nobody
// can have planted them. before is what the same browser held until now, whose session ends; empty: nothing. requestID is the
// authorization request for which the user signed in; empty: none.
func (s *Sessions) Begin(ctx context.Context, subject, name, method, before, requestID string) (value string, err error) {
	secret := make([]byte, sessionBytes)
	_, _ = rand.Read(secret) // never fails (crypto/rand)
	value = base64.RawURLEncoding.EncodeToString(secret)
	now := timeFrom(s.Now)
	err = s.Registry.BeginSession(ctx, registry.Session{
		Hash: HashSession(value), Subject: subject, Name: name, Method: method,
		SignedInAt: now, IdleUntil: now.Add(s.Idle), EndsAt: now.Add(s.Absolute),
	}, hashOfSome(before), requestID, maxSessions)
	if err != nil {
		return "", err
	}
	return value, nil
}

const sessionBytes = 32

// Find returns the session that a browser holds, and false when there is none or it has ended. Finding it is using it; that is
// written down only when a tenth of Idle has passed since it last was, so a session may end up to a tenth of Idle earlier.
func (s *Sessions) Find(ctx context.Context, value string) (registry.Session, bool, error) {
	if value == "" {
		return registry.Session{}, false, nil
	}
	found, err := s.Registry.Session(ctx, HashSession(value))
	if errors.Is(err, registry.ErrNotFound) {
		return registry.Session{}, false, nil
	}
	if err != nil {
		return registry.Session{}, false, err
	}
	idleUntil, isLast := timeFrom(s.Now).Add(s.Idle), false
	if idleUntil.After(found.EndsAt) {
		idleUntil, isLast = found.EndsAt, found.IdleUntil.Before(found.EndsAt)
	}
	if isLast || idleUntil.Sub(found.IdleUntil) >= s.Idle/10 {
		if err := s.Registry.TouchSession(ctx, found.Hash, idleUntil); err != nil {
			return registry.Session{}, false, err
		}
	}
	return found, true, nil
}

// End signs the browser out. Its value is worth nothing after that, whoever has it.
func (s *Sessions) End(ctx context.Context, value string) error {
	return s.Registry.EndSession(ctx, HashSession(value))
}

// HashSession is what the registry knows a session by.
func HashSession(value string) string {
	digest := sha256.Sum256([]byte(value))
	return hex.EncodeToString(digest[:])
}

func hashOfSome(value string) string {
	if value == "" {
		return ""
	}
	return HashSession(value)
}
