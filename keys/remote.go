package keys

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwk"
)

const (
	remoteTimeout = 5 * time.Second
	// firstPause lies between tries as long as no key was ever read.
	firstPause = time.Second
	// startPatience is how long a Remote that never read a key says nothing about it.
	startPatience = 10 * time.Second
	// maxJWKS bounds what is read of a JWKS; one with a hundred RSA keys is smaller.
	maxJWKS = 256 << 10
)

// Remote is the public keys of an authorization server elsewhere, read from its JWKS URL. Questions are answered from
// memory; Run keeps the memory fresh. It is safe for concurrent use.
type Remote struct {
	url    string
	client *http.Client
	log    *slog.Logger

	// Refresh is how often the JWKS is read again (1 minute). MinInterval is the least time between two fetches, whatever
	// asks for them (10 s). They are not changed once Run has been called.
	Refresh     time.Duration
	MinInterval time.Duration
	// Leeway is by how much the clock here and that of the authorization server may differ before the log says so.
	Leeway time.Duration

	known   atomic.Pointer[remoteState]
	clocks  clockComparison // of Run alone
	wanted  chan struct{}   // has an element when somebody asked for a key that is not known
	missing bool            // of Run alone: the next reading is because of that
}

// remoteState is never changed after it was stored.
type remoteState struct {
	keys map[string]PublicKey
	at   time.Time
	etag string
}

var _ PublicKeys = (*Remote)(nil)

// NewRemote returns the keys at a JWKS URL. It knows none until Run has read them. client is http.DefaultClient when nil;
// redirects are followed in no case: whose keys are trusted is configured, and nobody on the way may name another.
func NewRemote(url string, client *http.Client, log *slog.Logger) *Remote {
	if client == nil {
		client = http.DefaultClient
	}
	there := *client
	there.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	r := &Remote{
		url: url, client: &there, log: log, Refresh: time.Minute, MinInterval: 10 * time.Second,
		wanted: make(chan struct{}, 1),
	}
	r.known.Store(&remoteState{})
	return r
}

// PublicKey implements PublicKeys. When the kid is not known, the JWKS is read again soon, at most once in MinInterval
// however many are asked for; this answer does not wait for it. It is ErrUnknownKey, or ErrKeysUnavailable when the JWKS
// could not be read lately: the kid may be that of a key that was published meanwhile.
func (r *Remote) PublicKey(kid string) (PublicKey, error) {
	known := r.known.Load().keys
	if key, ok := known[kid]; ok {
		return key, nil
	}
	select {
	case r.wanted <- struct{}{}:
	default:
	}
	if len(known) == 0 || r.Age() > r.Refresh+min(r.Refresh, remoteTimeout) {
		return PublicKey{}, ErrKeysUnavailable
	}
	return PublicKey{}, ErrUnknownKey
}

// Ready reports whether keys have ever been read.
func (r *Remote) Ready() bool { return len(r.known.Load().keys) > 0 }

// Age is how long ago the keys were last confirmed by the authorization server; very long before the first time.
func (r *Remote) Age() time.Duration { return time.Since(r.known.Load().at) }

// Run reads the JWKS at once and then again and again until ctx ends. While that fails, what was read last stays good.
func (r *Remote) Run(ctx context.Context) {
	refresh := time.NewTicker(r.Refresh)
	defer refresh.Stop()
	began := time.Now()
	for warned := false; ; {
		hadKeys := r.Ready()
		err := r.read(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && !warned && (hadKeys || time.Since(began) > startPatience):
			r.log.Warn(failureToRead(hadKeys), "url", r.url, "error", err)
			warned = true
		case err == nil && warned:
			r.log.Info("JWKS can be read", "url", r.url)
			warned = false
		}
		if !r.pause(ctx, err != nil, refresh.C) {
			return
		}
	}
}

// failureToRead says what becomes of tokens while the JWKS cannot be read.
func failureToRead(hadKeys bool) string {
	if hadKeys {
		return "JWKS cannot be read; the keys read last stay good"
	}
	return "JWKS cannot be read and never was; no token can be verified before it is"
}

// pause waits for the next reason to read: the time has come, the last try failed, or somebody asked for a key that is not
// known. Once keys have been read it takes at least MinInterval. It reports whether there is more to do.
func (r *Remote) pause(ctx context.Context, failing bool, refresh <-chan time.Time) bool {
	pause := r.MinInterval
	if !r.Ready() {
		pause = min(pause, firstPause) // an authorization server that starts beside this gateway is there in a moment
	}
	select {
	case <-ctx.Done():
		return false
	case <-time.After(pause):
	}
	if failing {
		return true
	}
	select {
	case <-ctx.Done():
		return false
	case <-refresh:
		r.missing = false
	case <-r.wanted:
		r.missing = true
	}
	return true
}

func (r *Remote) read(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, remoteTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.url, nil)
	if err != nil {
		return err
	}
	if r.missing { // a cache on the way may keep a JWKS from before a key was revoked and another took over
		request.Header.Set("Cache-Control", "no-cache")
	}
	before := r.known.Load()
	if before.etag != "" {
		request.Header.Set("If-None-Match", before.etag)
	}
	began := time.Now()
	response, err := r.client.Do(request)
	if err != nil {
		return err
	}
	r.clocks.compare(response.Header, began, time.Now(), r.Leeway, r.log)
	defer func() { _ = response.Body.Close() }()
	switch response.StatusCode {
	case http.StatusOK:
	case http.StatusNotModified:
		r.known.Store(&remoteState{keys: before.keys, at: time.Now(), etag: before.etag})
		return nil
	default:
		if response.StatusCode/100 == 3 {
			return fmt.Errorf("the server answered %s, and no redirect is followed", response.Status)
		}
		return fmt.Errorf("the server answered %s", response.Status)
	}
	document, err := io.ReadAll(io.LimitReader(response.Body, maxJWKS+1))
	if err != nil {
		return err
	}
	if len(document) > maxJWKS {
		return fmt.Errorf("the document is larger than %d bytes", maxJWKS)
	}
	found, err := parseJWKS(document)
	if err != nil {
		return err
	}
	allowTables(found, before.keys)
	r.known.Store(&remoteState{keys: found, at: time.Now(), etag: response.Header.Get("ETag")})
	return nil
}

var errNoKeys = errors.New("the document has no key that tokens can be verified with")

// parseJWKS takes the keys of a JWK Set that sign tokens. Others, of algorithms unknown here or for encryption, are
// passed over (RFC 7517 section 5); a document without any is refused, so that a mistake elsewhere empties nothing here.
func parseJWKS(document []byte) (map[string]PublicKey, error) {
	set, err := jwk.Parse(document, jwk.WithIgnoreParseError(true))
	if err != nil {
		return nil, fmt.Errorf("parse JWKS: %w", err)
	}
	found := make(map[string]PublicKey, set.Len())
	for i := range set.Len() {
		entry, _ := set.Key(i)
		if use := entry.KeyUsage(); use != "" && use != jwk.ForSignature.String() {
			continue
		}
		if key, err := fromPublicJWK(entry); err == nil {
			found[key.ID] = key
		}
	}
	if len(found) == 0 {
		return nil, errNoKeys
	}
	return found, nil
}
