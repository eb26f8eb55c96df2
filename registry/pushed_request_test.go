package registry_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/registry"
	"gatehouse/registry/registrytest"
)

const pushLife = time.Minute

// push sends a request of the client ahead, beside so many others of the client and of all.
func (w *world) push(client, id string, mostOfClient, most int) error {
	return w.PushAuthorizationRequest(w.ctx, registry.AuthorizationRequest{
		ID: id, ClientID: client, Parameters: map[string]string{"state": id},
		CreatedAt: w.Now(), ExpiresAt: w.Now().Add(pushLife),
	}, mostOfClient, most)
}

func (w *world) begin(id, browser string) error {
	return w.BeginPushedRequest(w.ctx, id, browser, w.Now().Add(requestLife))
}

func pushedRequest(t *testing.T, w *world) {
	require.NoError(t, w.push("app", "p1", 10, 10))
	require.ErrorIs(t, w.push("app", "p1", 10, 10), registry.ErrExists)
	require.ErrorIs(t, w.push("app", "", 10, 10), registry.ErrInvalid)
	require.ErrorIs(t, w.push("app", "p2", 0, 10), registry.ErrInvalid)
	require.Empty(t, w.asked("p1").BrowserHash)
	require.Equal(t, map[string]string{"state": "p1"}, w.asked("p1").Parameters)

	require.ErrorIs(t, w.begin("p2", "mine"), registry.ErrNotFound)
	require.ErrorIs(t, w.begin("p1", ""), registry.ErrInvalid)
	w.Advance(pushLife - time.Second)
	require.NoError(t, w.begin("p1", "mine"))
	begun := w.asked("p1")
	require.Equal(t, "mine", begun.BrowserHash)
	require.Equal(t, stored(w.Now()), begun.CreatedAt, "the user is asked from now on")
	require.Equal(t, stored(w.Now().Add(requestLife)), begun.ExpiresAt)
	w.Advance(time.Second)
	require.NoError(t, w.begin("p1", "mine"), "a browser may come again")
	require.Equal(t, begun, w.asked("p1"), "and gets no more time")
	require.ErrorIs(t, w.begin("p1", "another's"), registry.ErrRequestUsed)
	require.NoError(t, w.decide("p1", "s1", "g1"))

	require.NoError(t, w.push("app", "p3", 10, 10))
	w.Advance(pushLife)
	require.ErrorIs(t, w.begin("p3", "mine"), registry.ErrExpired)
	require.Empty(t, w.asked("p3").BrowserHash)
	w.ask("r1")
	require.ErrorIs(t, w.begin("r1", "mine"), registry.ErrRequestUsed, "it was not pushed")

	w.Advance(margin + time.Microsecond)
	require.Equal(t, 1, w.purge())
	require.ErrorIs(t, w.begin("p3", "mine"), registry.ErrNotFound)
}

// pushedRequestAtOnce: of any number of browsers one gets the request.
func pushedRequestAtOnce(t *testing.T, w *world) {
	require.NoError(t, w.push("app", "p1", 10, 10))
	errs := registrytest.Race(30, func(i int) error { return w.begin("p1", fmt.Sprint("browser ", i%15)) })
	require.Equal(t, 2, successes(errs, registry.ErrRequestUsed), "%v", errs)
	owner := w.asked("p1").BrowserHash
	for i, err := range errs {
		require.Equal(t, owner == fmt.Sprint("browser ", i%15), err == nil)
	}
}

// pushedRequestsBounded: the oldest goes for one too many, of its client or of all; what has begun does not count, and stays.
func pushedRequestsBounded(t *testing.T, w *world) {
	push := func(client, id string) {
		w.Advance(time.Second)
		require.NoError(t, w.push(client, id, 3, 5))
	}
	requireLeft := func(want ...string) {
		t.Helper()
		var left []string
		require.NoError(t, w.DB().NewRaw("SELECT id FROM authorization_requests ORDER BY created_at").Scan(t.Context(), &left))
		require.Equal(t, want, left)
	}
	for _, id := range []string{"a1", "a2", "a3", "a4"} {
		push("a", id)
	}
	requireLeft("a2", "a3", "a4")
	push("b", "b1")
	push("b", "b2")
	requireLeft("a2", "a3", "a4", "b1", "b2")
	push("b", "b3")
	requireLeft("a3", "a4", "b1", "b2", "b3")
	w.Advance(time.Second)
	require.NoError(t, w.begin("a3", "mine"))
	require.NoError(t, w.begin("b1", "mine"))
	push("a", "a5")
	push("a", "a6")
	push("a", "a7")
	var left []string
	require.NoError(t, w.DB().NewRaw("SELECT id FROM authorization_requests WHERE browser_hash = '' ORDER BY created_at").Scan(t.Context(), &left))
	require.Equal(t, []string{"b2", "b3", "a5", "a6", "a7"}, left)
	require.Equal(t, "mine", w.asked("a3").BrowserHash)
	require.Equal(t, "mine", w.asked("b1").BrowserHash)
}

// pushedRequestsBoundedAtOnce: who pushes at the same time does not wait for others for ever, and leaves about as many as there may be.
func pushedRequestsBoundedAtOnce(t *testing.T, w *world) {
	for round := range 5 {
		for _, err := range registrytest.Race(20, func(i int) error {
			return w.push(fmt.Sprint("client ", i%4), fmt.Sprint(round, " ", i), 4, 10)
		}) {
			require.NoError(t, err)
		}
		w.Advance(time.Second)
	}
	for i := range 3 {
		w.Advance(time.Second)
		require.NoError(t, w.push("app", fmt.Sprint("last ", i), 4, 10))
	}
	require.Equal(t, 10, w.count("authorization_requests"))
}
