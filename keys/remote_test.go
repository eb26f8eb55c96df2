package keys_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/keys"
)

// jwksServer serves what a test puts into it and counts how often it is asked. It is reached without a network, so that a
// test's time can stand still meanwhile; before anything is put into it, it cannot be reached.
type jwksServer struct {
	answer  atomic.Pointer[http.HandlerFunc]
	fetches atomic.Int64
}

var errUnreachable = errors.New("connection refused")

func (s *jwksServer) RoundTrip(r *http.Request) (*http.Response, error) {
	s.fetches.Add(1)
	answer := s.answer.Load()
	if answer == nil {
		return nil, errUnreachable
	}
	recorder := httptest.NewRecorder()
	(*answer)(recorder, r)
	return recorder.Result(), nil
}

func (s *jwksServer) serve(handler http.HandlerFunc) { s.answer.Store(&handler) }

func (s *jwksServer) serveRing(ring *keys.Ring) { s.serve(ringHandler(ring)) }

func (s *jwksServer) stop() { s.answer.Store(nil) }

func ringHandler(ring *keys.Ring) http.HandlerFunc {
	document, etag := ring.JWKS()
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("If-None-Match") == etag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		w.Header().Set("ETag", etag)
		_, _ = w.Write(document)
	}
}

// remote is one with its defaults. What is written to log is what an operator reads.
func (s *jwksServer) remote(log io.Writer) *keys.Remote {
	return keys.NewRemote("http://auth.test/jwks", &http.Client{Transport: s}, slog.New(slog.NewTextHandler(log, nil)))
}

// run runs a remote until the test ends.
func run(t *testing.T, remote *keys.Remote) *keys.Remote {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); remote.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return remote
}

// runReady is run in a bubble, and returns when the remote has read what the server serves.
func (s *jwksServer) runReady(t *testing.T) *keys.Remote {
	t.Helper()
	remote := run(t, s.remote(io.Discard))
	synctest.Wait()
	require.True(t, remote.Ready())
	return remote
}

// logBuffer is a log that is read while it is written.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// pass lets time pass in a bubble, and everything happen that was to happen until then.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func newRing(t *testing.T, signing *keys.Key, others ...*keys.Key) *keys.Ring {
	t.Helper()
	ring, err := keys.NewRing(signing, others...)
	require.NoError(t, err)
	return ring
}

func TestRemoteKeysVerifyWhatTheIssuerSigns(t *testing.T) {
	for _, alg := range algorithms {
		t.Run(alg, func(t *testing.T) {
			key := newKey(t, alg)
			server := httptest.NewServer(ringHandler(newRing(t, key)))
			t.Cleanup(server.Close)
			remote := run(t, keys.NewRemote(server.URL, nil, slog.New(slog.DiscardHandler)))
			require.Eventually(t, remote.Ready, 10*time.Second, time.Millisecond)
			verifier := &keys.Verifier{Issuer: issuer, Audience: issuer, Keys: remote}
			_, err := verifier.Verify([]byte(signed(t, key, goodClaims(nil))))
			require.NoError(t, err)
		})
	}
}

// Whoever can make the server, or a proxy before it, redirect could otherwise put keys of his own in its keys' place.
func TestRemoteKeysAreTakenFromTheirOwnURLOnly(t *testing.T) {
	foreign := newKey(t, keys.ES256)
	var followed atomic.Int64
	attacker := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		followed.Add(1)
		ringHandler(newRing(t, foreign))(w, r)
	}))
	t.Cleanup(attacker.Close)
	for _, status := range []int{http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect} {
		asked := make(chan struct{}, 10)
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked <- struct{}{}
			http.Redirect(w, r, attacker.URL, status)
		}))
		t.Cleanup(server.Close)
		remote := keys.NewRemote(server.URL, nil, slog.New(slog.DiscardHandler))
		remote.MinInterval = time.Millisecond
		run(t, remote)
		<-asked
		<-asked // the answer to the first question has been judged
		require.False(t, remote.Ready(), status)
		_, err := remote.PublicKey(foreign.ID())
		require.ErrorIs(t, err, keys.ErrKeysUnavailable)
	}
	require.Zero(t, followed.Load(), "nobody else is even asked")
}

func TestRemoteKeysFollowARotationAndOutliveTheServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := newKey(t, keys.ES256), newKey(t, keys.ES256)
		var server jwksServer
		server.serveRing(newRing(t, first))
		remote := server.runReady(t)

		server.serveRing(newRing(t, second, first))
		pass(remote.Refresh - time.Second)
		require.EqualValues(t, 1, server.fetches.Load())
		pass(time.Second)
		require.EqualValues(t, 2, server.fetches.Load())
		for _, key := range []*keys.Key{first, second} {
			_, err := remote.PublicKey(key.ID())
			require.NoError(t, err)
		}

		for name, broken := range map[string]http.HandlerFunc{
			"error":   func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
			"garbage": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) },
			"empty":   func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"keys":[]}`)) },
			"endless": func(w http.ResponseWriter, _ *http.Request) {
				_, _ = w.Write([]byte(`{"keys":[` + strings.Repeat(" ", 1<<20) + `]}`))
			},
		} {
			server.serve(broken)
			seen := server.fetches.Load()
			pass(2 * remote.Refresh)
			require.Greater(t, server.fetches.Load(), seen+1, name)
			_, err := remote.PublicKey(second.ID())
			require.NoError(t, err, "%s: the keys read last stay good", name)
		}
	})
}

// A key that was revoked leaves the JWKS, and every gateway follows when it reads that.
func TestAKeyThatHasLeftTheJWKSIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		leaked, next := newKey(t, keys.ES256), newKey(t, keys.ES256)
		var server jwksServer
		server.serveRing(newRing(t, leaked, next))
		remote := server.runReady(t)
		_, err := remote.PublicKey(leaked.ID())
		require.NoError(t, err)
		server.serveRing(newRing(t, next))
		pass(remote.Refresh)
		_, err = remote.PublicKey(leaked.ID())
		require.ErrorIs(t, err, keys.ErrUnknownKey)
		_, err = remote.PublicKey(next.ID())
		require.NoError(t, err)
	})
}

func TestAKeyThatMayHaveBeenPublishedMeanwhileIsNotCalledUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		known := newKey(t, keys.ES256)
		var server jwksServer
		server.serveRing(newRing(t, known))
		remote := server.runReady(t)
		_, err := remote.PublicKey("another")
		require.ErrorIs(t, err, keys.ErrUnknownKey)

		server.stop()
		pass(remote.Refresh + 5*time.Second) // a fetch may take as long
		_, err = remote.PublicKey("another")
		require.ErrorIs(t, err, keys.ErrUnknownKey)
		pass(1)
		_, err = remote.PublicKey("another")
		require.ErrorIs(t, err, keys.ErrKeysUnavailable, "its bearer would throw its refresh token away")
		_, err = remote.PublicKey(known.ID())
		require.NoError(t, err)
	})
}

func TestWithoutAnyKeyNothingIsSaidAboutAToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var server jwksServer
		remote := run(t, server.remote(io.Discard))
		verifier := &keys.Verifier{Issuer: issuer, Audience: issuer, Keys: remote}
		token := []byte(signed(t, newKey(t, keys.ES256), goodClaims(nil)))
		for range 3 {
			_, err := verifier.Verify(token)
			require.ErrorIs(t, err, keys.ErrKeysUnavailable)
			require.NotErrorIs(t, err, keys.ErrInvalidToken, "its bearer would throw its refresh token away")
			require.False(t, remote.Ready())
			pass(time.Minute)
		}
	})
}

// TestALogSaysWhetherThereAreKeys is about what an operator reads while the JWKS cannot be read.
func TestALogSaysWhetherThereAreKeys(t *testing.T) {
	const lost, never = "the keys read last stay good", "no token can be verified before it is"
	synctest.Test(t, func(t *testing.T) {
		ring := newRing(t, newKey(t, keys.ES256))
		broken := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }
		var server jwksServer
		var log logBuffer
		server.serve(broken)
		remote := run(t, server.remote(&log))
		pass(10 * time.Second)
		require.Empty(t, log.String(), "an authorization server that starts at the same time is there in a moment")
		pass(time.Second)
		require.Equal(t, 1, strings.Count(log.String(), never), &log)

		server.serveRing(ring)
		pass(time.Second)
		require.Equal(t, 1, strings.Count(log.String(), "JWKS can be read"), &log)
		require.NotContains(t, log.String(), lost)
		server.serve(broken)
		pass(3 * remote.Refresh)
		require.Equal(t, 1, strings.Count(log.String(), lost), &log)
		require.Equal(t, 1, strings.Count(log.String(), never), &log)
	})
}

func TestUnknownKeysDoNotFloodTheServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var server jwksServer
		server.serveRing(newRing(t, newKey(t, keys.ES256)))
		remote := server.runReady(t)
		ask := func() {
			for range 10_000 {
				_, err := remote.PublicKey(rand.Text())
				require.ErrorIs(t, err, keys.ErrUnknownKey)
			}
		}
		ask()
		pass(remote.MinInterval - 1)
		require.EqualValues(t, 1, server.fetches.Load(), "the minimum interval has not passed")
		ask()
		pass(1)
		require.EqualValues(t, 2, server.fetches.Load())
		pass(remote.MinInterval)
		require.EqualValues(t, 2, server.fetches.Load(), "all of them were asked for before the second fetch")
	})
}

func TestAnUnknownKeyIsLookedForSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := newKey(t, keys.ES256), newKey(t, keys.ES256)
		var server jwksServer
		server.serveRing(newRing(t, first))
		remote := server.runReady(t)
		pass(remote.MinInterval)
		server.serveRing(newRing(t, second, first))
		_, err := remote.PublicKey(second.ID())
		require.ErrorIs(t, err, keys.ErrUnknownKey, "nobody waits for the answer")
		synctest.Wait()
		_, err = remote.PublicKey(second.ID())
		require.NoError(t, err)
	})
}

// TestAnUnknownKeyIsLookedForPastCaches: one between may keep a JWKS from before a key was revoked and another took over.
func TestAnUnknownKeyIsLookedForPastCaches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &jwksServer{}
		first, second := newKey(t, keys.ES256), newKey(t, keys.ES256)
		cached, fresh := ringHandler(newRing(t, first)), ringHandler(newRing(t, second))
		server.serve(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Cache-Control") == "no-cache" {
				fresh(w, r)
				return
			}
			cached(w, r)
		})
		remote := server.runReady(t)
		pass(5 * time.Minute)
		_, err := remote.PublicKey(second.ID())
		require.ErrorIs(t, err, keys.ErrUnknownKey, "nobody has asked for it before")
		pass(11 * time.Second)
		_, err = remote.PublicKey(second.ID())
		require.NoError(t, err)
	})
}

func TestOnlyPublicSigningKeysAreTakenFromAJWKS(t *testing.T) {
	good := newKey(t, keys.ES256)
	document, _ := newRing(t, good).JWKS()
	others := `{"keys":[
		{"kty":"oct","kid":"symmetric","alg":"HS256","k":"c2VjcmV0"},
		{"kty":"EC","kid":"no alg","crv":"P-256","x":"en2C020P98rkNAA52CoMiyV7-vdQ_fEu4whPJeZ0RfM","y":"kEzskX1llS3_gHh4TgE8BzjNAzIPYdMvVda2FGxZUgY"},
		{"kty":"EC","kid":"wrong alg","alg":"RS256","crv":"P-256","x":"en2C020P98rkNAA52CoMiyV7-vdQ_fEu4whPJeZ0RfM","y":"kEzskX1llS3_gHh4TgE8BzjNAzIPYdMvVda2FGxZUgY"},
		{"kty":"EC","kid":"encryption","alg":"ES256","use":"enc","crv":"P-256","x":"en2C020P98rkNAA52CoMiyV7-vdQ_fEu4whPJeZ0RfM","y":"kEzskX1llS3_gHh4TgE8BzjNAzIPYdMvVda2FGxZUgY"},
		{"kty":"what","kid":"unknown type"},`
	set, err := keys.ParseJWKS([]byte(others + strings.TrimPrefix(string(document), `{"keys":[`)))
	require.NoError(t, err)
	_, err = set.PublicKey(good.ID())
	require.NoError(t, err)
	for _, kid := range []string{"symmetric", "no alg", "wrong alg", "encryption", "unknown type", ""} {
		_, err := set.PublicKey(kid)
		require.ErrorIs(t, err, keys.ErrUnknownKey, kid)
	}
}
