package main

import (
	"context"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/app"
	"gatehouse/app/config"
)

// newTestServer is an authorization server as grants are measured on, with a database in memory.
func newTestServer(t *testing.T) *applicant {
	t.Helper()
	place := site{Upstream: "127.0.0.1:1", Redis: "embedded:", Database: "sqlite::memory:", Scope: tokenScope}
	for _, address := range []*string{&place.Listen, &place.Admin} {
		var err error
		*address, err = freeAddress()
		require.NoError(t, err)
	}
	text, err := render(authzConfig, place)
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "gatehouse.yaml")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	loaded, err := config.Load(file, config.Both, nil)
	require.NoError(t, err)
	server, err := app.New(t.Context(), loaded, app.Options{Role: config.Both, Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	require.NoError(t, server.Start(t.Context()))
	t.Cleanup(func() { require.NoError(t, server.Stop(context.WithoutCancel(t.Context()))) })
	a, err := newApplicant(t.Context(), "http://"+place.Listen, "http://"+place.Admin, adminToken, 1)
	require.NoError(t, err)
	return a
}

func TestEachGrantGetsOneTokenAfterTheOther(t *testing.T) {
	a := newTestServer(t)
	for _, g := range grants {
		next, err := g.prepare(t.Context(), a)
		require.NoError(t, err, g.name)
		for range chains + 1 { // the second refresh of one chain is of the token that the first has brought
			require.NoError(t, next(t.Context()), g.name)
		}
	}
}

func TestAUserWhoIsNotSignedInAllowsNothing(t *testing.T) {
	a := newTestServer(t)
	v, err := a.newVisitor(t.Context())
	require.NoError(t, err)
	require.NoError(t, v.allow(t.Context()))
	stranger := *v
	stranger.client = a.client // without cookies
	require.Error(t, stranger.allow(t.Context()))
	a.secret = "another"
	require.ErrorContains(t, v.allow(t.Context()), "invalid_client", "the code was not redeemed")
}

func TestWhatIsNoTokenIsNotCounted(t *testing.T) {
	a := newTestServer(t)
	_, err := a.refresh(t.Context(), "none")
	require.ErrorContains(t, err, "invalid_grant")
	a.secret = "another"
	require.ErrorContains(t, a.asItself(t.Context()), "invalid_client")
	_, err = a.authorize(t.Context())
	require.ErrorContains(t, err, "invalid_client", "the code was not redeemed")
	require.NotZero(t, a.users.Load())
	a.client = &http.Client{Timeout: time.Nanosecond}
	require.Error(t, a.asItself(t.Context()))
}
