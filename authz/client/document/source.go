package document

import (
	"context"
	"crypto/x509"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"time"

	"github.com/maypok86/otter/v2"
	"golang.org/x/sync/singleflight"

	"gatehouse/authz/client"
	"gatehouse/keys/jws"
)

// maxMemory bounds what is remembered, in bytes of the documents as they were read.
const maxMemory = 16 << 20

// Config is what a Source needs. Every field may be zero.
type Config struct {
	// Scopes are those of the routes.
	Scopes map[string]string
	// Pace counts a caller's fetches, and returns an error when there are too many, which is returned as it is.
	Pace func(caller netip.Addr) error
	// Refuse reports of which hosts no document is read; nil: of none.
	Refuse func(host string) bool
	// Allow reports which addresses are dialled although they are not public: an operator's own.
	Allow func(netip.Addr) bool
	// RootCAs are those of the system when nil; Resolver is net.DefaultResolver, Timeout 5 s, Now time.Now.
	RootCAs  *x509.CertPool
	Resolver *net.Resolver
	Timeout  time.Duration
	Now      func() time.Time
}

// Source finds the clients of metadata documents, and remembers them. It is safe for concurrent use.
type Source struct {
	config  Config
	fetcher fetcher
	known   *otter.Cache[string, found]
	flights singleflight.Group
	callers slots[netip.Addr]
	hosts   slots[string]
}

// found is what came of a fetch, good until a time.
type found struct {
	document  *Document
	keys      []jws.Key
	err       error
	at, until time.Time
	size      int
}

// New returns a Source that knows no document yet.
func New(config Config) (*Source, error) {
	known, err := otter.New(&otter.Options[string, found]{
		MaximumWeight: maxMemory,
		Weigher:       func(key string, f found) uint32 { return uint32(len(key) + f.size + 1024) },
	})
	if err != nil {
		return nil, fmt.Errorf("make cache of metadata documents: %w", err)
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	return &Source{config: config, fetcher: newFetcher(config), known: known}, nil
}

// Find returns the client whose client_id is a URL, on behalf of a caller. It fetches the document unless it is known; calls for
// one URL share a fetch, which goes on when a caller has gone. It blocks until ctx ends, and no longer than the timeout.
func (s *Source) Find(ctx context.Context, clientID string, caller netip.Addr) (*Document, error) {
	return s.findDocument(ctx, clientID, caller, false)
}

// FindAgain is Find, and looks again where the document was read more than a minute ago: what was wanted was not in it. What cannot be
// read now is as it was.
func (s *Source) FindAgain(ctx context.Context, clientID string, caller netip.Addr) (*Document, error) {
	return s.findDocument(ctx, clientID, caller, true)
}

func (s *Source) findDocument(ctx context.Context, clientID string, caller netip.Addr, again bool) (*Document, error) {
	at, err := parseURL(clientID)
	if err != nil {
		return nil, err
	}
	f, err := s.find(ctx, "document "+clientID, at, caller, again, func(text []byte) (f found) {
		f.document, f.err = parse(text, at, s.config.Scopes)
		return f
	})
	return f.document, err
}

// Keys returns the keys in the JSON Web Key Set at a URL, which is fetched and remembered as documents are; again is as in FindAgain.
// None may be one that can be used here.
func (s *Source) Keys(ctx context.Context, from string, caller netip.Addr, again bool) ([]jws.Key, error) {
	at, err := parseURL(from)
	if err != nil {
		return nil, err
	}
	f, err := s.find(ctx, "keys "+from, at, caller, again, func(text []byte) (f found) {
		if f.keys, f.err = client.ParseKeys(text); f.err != nil {
			f.err = fmt.Errorf("%w: %w", ErrInvalid, f.err)
		}
		return f
	})
	return f.keys, err
}

func (s *Source) find(
	ctx context.Context, key string, at *url.URL, caller netip.Addr, again bool, read func([]byte) found,
) (found, error) {
	if s.config.Refuse != nil && s.config.Refuse(at.Hostname()) {
		return found{}, ErrRefused
	}
	if f, ok := s.remembered(key, again); ok {
		return f, f.err
	}
	if s.config.Pace != nil {
		if err := s.config.Pace(caller); err != nil {
			return found{}, err
		}
	}
	caller = network(caller)
	if !s.callers.take(caller, maxOfCaller, 1<<20) {
		return found{}, ErrBusy
	}
	defer s.callers.giveBack(caller)
	landed := s.flights.DoChan(key, func() (any, error) {
		f := s.fetch(context.WithoutCancel(ctx), key, at, again, read)
		return f, nil
	})
	select {
	case <-ctx.Done():
		return found{}, ctx.Err()
	case result := <-landed:
		f, _ := result.Val.(found)
		return f, f.err
	}
}

// remembered is what is believed of a URL. Who wants to look again may do so once in a while, whoever asks for it.
func (s *Source) remembered(key string, again bool) (found, bool) {
	f, ok := s.known.GetIfPresent(key)
	now := s.config.Now()
	isOld := again && f.err == nil && now.Sub(f.at) >= lookAgain
	return f, ok && now.Before(f.until) && !isOld
}

// fetch remembers what came of it, but for ErrBusy, which says nothing about the URL.
func (s *Source) fetch(ctx context.Context, key string, at *url.URL, again bool, read func([]byte) found) found {
	if f, ok := s.remembered(key, again); ok { // since the caller looked
		return f
	}
	if !s.hosts.take(at.Host, maxOfHost, maxFetches) {
		return found{err: ErrBusy}
	}
	defer s.hosts.giveBack(at.Host)
	text, header, err := s.fetcher.get(ctx, at)
	f := found{err: err}
	if err == nil {
		f = read(text)
	}
	now := s.config.Now()
	f.size, f.at, f.until = len(text), now, now.Add(failurePause)
	if f.err == nil {
		f.until = now.Add(freshness(header, now))
	} else if before, ok := s.remembered(key, false); ok && before.err == nil { // it was looked at again
		f, f.at = before, now
	}
	s.known.Set(key, f)
	return f
}
