package keys_test

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/keys"
)

const (
	remotePatience = 10 * time.Second
	remoteTick     = 5 * time.Millisecond
)

// jwksServer serves what a test puts into it and counts how often it is asked.
type jwksServer struct {
	*httptest.Server
	answer  atomic.Pointer[http.HandlerFunc]
	fetches atomic.Int64
}

func newJWKSServer(t *testing.T) *jwksServer {
	t.Helper()
	s := &jwksServer{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.fetches.Add(1)
		(*s.answer.Load())(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *jwksServer) serve(handler http.HandlerFunc) { s.answer.Store(&handler) }

func (s *jwksServer) serveRing(t *testing.T, ring *keys.Ring) {
	t.Helper()
	document, etag := ring.JWKS()
	s.serve(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("If-None-Match") == etag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		w.Header().Set("ETag", etag)
		_, _ = w.Write(document)
	})
}

func runRemote(t *testing.T, url string, refresh, minInterval time.Duration) *keys.Remote {
	t.Helper()
	remote := keys.NewRemote(url, nil, slog.New(slog.DiscardHandler))
	remote.Refresh, remote.MinInterval = refresh, minInterval
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); remote.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return remote
}

func TestRemoteKeysVerifyWhatTheIssuerSigns(t *testing.T) {
	for _, alg := range algorithms {
		t.Run(alg, func(t *testing.T) {
			key := newKey(t, alg)
			ring, err := keys.NewRing(key)
			require.NoError(t, err)
			server := newJWKSServer(t)
			server.serveRing(t, ring)
			remote := runRemote(t, server.URL, time.Hour, time.Hour)
			require.Eventually(t, remote.Ready, remotePatience, remoteTick)
			verifier := &keys.Verifier{Issuer: issuer, Audience: issuer, Keys: remote}
			_, err = verifier.Verify([]byte(signed(t, key, goodClaims(nil))))
			require.NoError(t, err)
		})
	}
}

func TestRemoteKeysFollowARotationAndOutliveTheServer(t *testing.T) {
	first, second := newKey(t, keys.ES256), newKey(t, keys.ES256)
	ring, err := keys.NewRing(first)
	require.NoError(t, err)
	server := newJWKSServer(t)
	server.serveRing(t, ring)
	remote := runRemote(t, server.URL, 20*time.Millisecond, time.Millisecond)
	require.Eventually(t, remote.Ready, remotePatience, remoteTick)

	require.NoError(t, ring.Replace(second, first))
	server.serveRing(t, ring)
	require.Eventually(t, func() bool { _, err := remote.PublicKey(second.ID()); return err == nil }, remotePatience, remoteTick)
	_, err = remote.PublicKey(first.ID())
	require.NoError(t, err)

	for name, broken := range map[string]http.HandlerFunc{
		"error":   func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
		"garbage": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) },
		"empty":   func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"keys":[]}`)) },
		"endless": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`{"keys":[` + strings.Repeat(" ", 1<<20) + `]}`))
		},
	} {
		t.Run(name, func(t *testing.T) {
			server.serve(broken)
			seen := server.fetches.Load()
			require.Eventually(t, func() bool { return server.fetches.Load() > seen+1 }, remotePatience, remoteTick)
			_, err := remote.PublicKey(second.ID())
			require.NoError(t, err, "the keys read last stay good")
		})
	}
}

func TestAKeyThatMayHaveBeenPublishedMeanwhileIsNotCalledUnknown(t *testing.T) {
	known := newKey(t, keys.ES256)
	ring, err := keys.NewRing(known)
	require.NoError(t, err)
	server := newJWKSServer(t)
	server.serveRing(t, ring)
	remote := runRemote(t, server.URL, time.Second, time.Millisecond)
	require.Eventually(t, remote.Ready, remotePatience, remoteTick)
	_, err = remote.PublicKey("another")
	require.ErrorIs(t, err, keys.ErrUnknownKey)

	server.Close()
	require.Eventually(t, func() bool {
		_, err := remote.PublicKey("another")
		return errors.Is(err, keys.ErrKeysUnavailable)
	}, remotePatience, remoteTick, "its bearer would throw its refresh token away")
	_, err = remote.PublicKey(known.ID())
	require.NoError(t, err)
}

func TestWithoutAnyKeyNothingIsSaidAboutAToken(t *testing.T) {
	remote := runRemote(t, "http://127.0.0.1:1/", time.Hour, time.Hour)
	verifier := &keys.Verifier{Issuer: issuer, Audience: issuer, Keys: remote}
	_, err := verifier.Verify([]byte(signed(t, newKey(t, keys.ES256), goodClaims(nil))))
	require.ErrorIs(t, err, keys.ErrKeysUnavailable)
	require.NotErrorIs(t, err, keys.ErrInvalidToken, "its bearer would throw its refresh token away")
	require.False(t, remote.Ready())
}

// TestALogSaysWhetherThereAreKeys is about what an operator reads while the JWKS cannot be read.
func TestALogSaysWhetherThereAreKeys(t *testing.T) {
	const lost, never = "the keys read last stay good", "no token can be verified before it is"
	ring, err := keys.NewRing(newKey(t, keys.ES256))
	require.NoError(t, err)
	server := newJWKSServer(t)
	broken := func() {
		server.serve(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	}
	var log lockedBuffer
	remote := keys.NewRemote(server.URL, nil, slog.New(slog.NewTextHandler(&log, nil)))
	remote.Refresh, remote.MinInterval = time.Millisecond, time.Millisecond
	remote.SetPatience(0)
	says := func(text string) func() bool { return func() bool { return strings.Contains(log.String(), text) } }

	broken()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); remote.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	require.Eventually(t, says(never), remotePatience, remoteTick)
	require.NotContains(t, log.String(), lost)

	server.serveRing(t, ring)
	require.Eventually(t, says("JWKS can be read"), remotePatience, remoteTick)
	broken()
	require.Eventually(t, says(lost), remotePatience, remoteTick)
	require.Equal(t, 1, strings.Count(log.String(), never), &log)
}

func TestUnknownKeysDoNotFloodTheServer(t *testing.T) {
	ring, err := keys.NewRing(newKey(t, keys.ES256))
	require.NoError(t, err)
	server := newJWKSServer(t)
	server.serveRing(t, ring)
	remote := runRemote(t, server.URL, time.Hour, time.Hour)
	require.Eventually(t, remote.Ready, remotePatience, remoteTick)
	for range 10_000 {
		_, err := remote.PublicKey(rand.Text())
		require.ErrorIs(t, err, keys.ErrUnknownKey)
	}
	require.EqualValues(t, 1, server.fetches.Load(), "the minimum interval has not passed")
}

func TestAnUnknownKeyIsLookedForSoon(t *testing.T) {
	first, second := newKey(t, keys.ES256), newKey(t, keys.ES256)
	ring, err := keys.NewRing(first)
	require.NoError(t, err)
	server := newJWKSServer(t)
	server.serveRing(t, ring)
	remote := runRemote(t, server.URL, time.Hour, time.Millisecond)
	require.Eventually(t, remote.Ready, remotePatience, remoteTick)
	require.NoError(t, ring.Replace(second, first))
	server.serveRing(t, ring)
	require.Eventually(t, func() bool { _, err := remote.PublicKey(second.ID()); return err == nil }, remotePatience, remoteTick)
}

func TestOnlyPublicSigningKeysAreTakenFromAJWKS(t *testing.T) {
	good := newKey(t, keys.ES256)
	ring, err := keys.NewRing(good)
	require.NoError(t, err)
	document, _ := ring.JWKS()
	others := `{"keys":[
		{"kty":"oct","kid":"symmetric","alg":"HS256","k":"c2VjcmV0"},
		{"kty":"EC","kid":"no alg","crv":"P-256","x":"en2C020P98rkNAA52CoMiyV7-vdQ_fEu4whPJeZ0RfM","y":"kEzskX1llS3_gHh4TgE8BzjNAzIPYdMvVda2FGxZUgY"},
		{"kty":"EC","kid":"wrong alg","alg":"RS256","crv":"P-256","x":"en2C020P98rkNAA52CoMiyV7-vdQ_fEu4whPJeZ0RfM","y":"kEzskX1llS3_gHh4TgE8BzjNAzIPYdMvVda2FGxZUgY"},
		{"kty":"EC","kid":"encryption","alg":"ES256","use":"enc","crv":"P-256","x":"en2C020P98rkNAA52CoMiyV7-vdQ_fEu4whPJeZ0RfM","y":"kEzskX1llS3_gHh4TgE8BzjNAzIPYdMvVda2FGxZUgY"},
		{"kty":"what","kid":"unknown type"},`
	server := newJWKSServer(t)
	server.serve(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(others + strings.TrimPrefix(string(document), `{"keys":[`)))
	})
	remote := runRemote(t, server.URL, time.Hour, time.Hour)
	require.Eventually(t, remote.Ready, remotePatience, remoteTick)
	_, err = remote.PublicKey(good.ID())
	require.NoError(t, err)
	for _, kid := range []string{"symmetric", "no alg", "wrong alg", "encryption", "unknown type", ""} {
		_, err := remote.PublicKey(kid)
		require.ErrorIs(t, err, keys.ErrUnknownKey, kid)
	}
}
