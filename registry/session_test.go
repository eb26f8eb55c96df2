package registry_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/registry"
	"gatehouse/registry/registrytest"
)

const (
	sessionIdle = 24 * time.Hour
	sessionLife = 30 * 24 * time.Hour
)

func (w *world) session(hash, subject string) registry.Session {
	return registry.Session{
		Hash: hash, Subject: subject, Name: "Ann Ä", Method: "password",
		SignedInAt: w.Now(), IdleUntil: w.Now().Add(sessionIdle), EndsAt: w.Now().Add(sessionLife),
	}
}

func (w *world) signIn(hash, subject string) {
	w.t.Helper()
	require.NoError(w.t, w.BeginSession(w.ctx, w.session(hash, subject), "", "", 100))
}

func (w *world) isSignedIn(hash string) bool {
	w.t.Helper()
	_, err := w.Session(w.ctx, hash)
	if err != nil {
		require.ErrorIs(w.t, err, registry.ErrNotFound)
	}
	return err == nil
}

func sessionRoundTrip(t *testing.T, w *world) {
	s := w.session("s1", "ann")
	require.NoError(t, w.BeginSession(w.ctx, s, "", "", 100))
	require.ErrorIs(t, w.BeginSession(w.ctx, w.session("s1", "bob"), "", "", 100), registry.ErrExists)
	s.SignedInAt, s.IdleUntil, s.EndsAt = stored(s.SignedInAt), stored(s.IdleUntil), stored(s.EndsAt)
	have, err := w.Session(w.ctx, "s1")
	require.NoError(t, err)
	require.Equal(t, s, have)
	require.False(t, w.isSignedIn("s2"))

	require.NoError(t, w.BeginSession(w.ctx, w.session("s2", "ann"), "s1", "", 100))
	require.False(t, w.isSignedIn("s1"), "it was in the same browser")
	require.True(t, w.isSignedIn("s2"))
	require.NoError(t, w.EndSession(w.ctx, "s2"))
	require.False(t, w.isSignedIn("s2"))
	require.NoError(t, w.EndSession(w.ctx, "s2"))
	require.NoError(t, w.TouchSession(w.ctx, "s2", w.Now().Add(sessionIdle)))
	require.False(t, w.isSignedIn("s2"), "it does not come back")
}

func sessionEndsByItself(t *testing.T, w *world) {
	w.signIn("idle", "ann")
	w.signIn("used", "ann")
	w.Advance(sessionIdle - time.Microsecond)
	require.True(t, w.isSignedIn("idle"))
	require.NoError(t, w.TouchSession(w.ctx, "used", w.Now().Add(sessionIdle)))
	require.NoError(t, w.TouchSession(w.ctx, "used", w.Now().Add(time.Second)), "which is not shorter than before")
	w.Advance(time.Microsecond)
	require.False(t, w.isSignedIn("idle"))
	require.NoError(t, w.TouchSession(w.ctx, "idle", w.Now().Add(sessionIdle)))
	require.False(t, w.isSignedIn("idle"), "it does not come back")
	for range 29 {
		w.Advance(sessionIdle - time.Minute)
		require.True(t, w.isSignedIn("used"))
		require.NoError(t, w.TouchSession(w.ctx, "used", w.Now().Add(sessionIdle)))
	}
	w.Set(start.Add(sessionLife - time.Second))
	require.NoError(t, w.TouchSession(w.ctx, "used", w.Now().Add(sessionIdle)))
	w.Set(start.Add(sessionLife - time.Microsecond))
	require.True(t, w.isSignedIn("used"))
	w.Advance(time.Microsecond)
	require.False(t, w.isSignedIn("used"), "nothing makes it longer than its life")
}

func sessionsOfASubjectEnded(t *testing.T, w *world) {
	for i := range 3 {
		w.signIn(fmt.Sprint("ann", i), "ann")
	}
	w.signIn("bob", "bob")
	w.Advance(sessionIdle)
	w.signIn("ann3", "ann")
	w.signIn("bob2", "bob")
	ended, err := w.By("admin").EndSessionsOf(w.ctx, "ann")
	require.NoError(t, err)
	require.Equal(t, 1, ended, "the others had ended by themselves")
	require.False(t, w.isSignedIn("ann3"))
	require.True(t, w.isSignedIn("bob2"))
	ended, err = w.By("admin").EndSessionsOf(w.ctx, "ann")
	require.NoError(t, err)
	require.Zero(t, ended)
	require.Equal(t, []string{"admin sessions.end ann: sessions ended: 1"}, w.audit())
}

func sessionsBounded(t *testing.T, w *world) {
	for i := range 5 {
		require.NoError(t, w.BeginSession(w.ctx, w.session(fmt.Sprint("s", i), "ann"), "", "", 3))
		w.Advance(time.Second)
	}
	w.signIn("bob", "bob")
	for i, want := range []bool{false, false, true, true, true} {
		require.Equal(t, want, w.isSignedIn(fmt.Sprint("s", i)), i)
	}
	require.NoError(t, w.TouchSession(w.ctx, "s2", w.Now().Add(sessionIdle)))
	require.NoError(t, w.BeginSession(w.ctx, w.session("s5", "ann"), "s4", "", 3))
	require.True(t, w.isSignedIn("s3"), "one has gone already, from the same browser")
	require.NoError(t, w.BeginSession(w.ctx, w.session("s6", "ann"), "", "", 3))
	require.False(t, w.isSignedIn("s3"), "it was not used for the longest")
	require.True(t, w.isSignedIn("s2"))
	require.True(t, w.isSignedIn("bob"))
}

func sessionsAtOnce(t *testing.T, w *world) {
	for i := range 10 {
		w.signIn(fmt.Sprint("before", i), "ann")
	}
	errs := registrytest.Race(30, func(i int) error {
		switch i % 3 {
		case 0:
			return second(w.EndSessionsOf(w.ctx, "ann"))
		case 1:
			return w.TouchSession(w.ctx, fmt.Sprint("before", i%10), w.Now().Add(2*sessionIdle))
		}
		return w.BeginSession(w.ctx, w.session(fmt.Sprint("new", i), "ann"), fmt.Sprint("before", i%10), "", 5)
	})
	for _, err := range errs {
		require.NoError(t, err)
	}
	require.NoError(t, second(w.EndSessionsOf(w.ctx, "ann")))
	for i := range 10 {
		require.False(t, w.isSignedIn(fmt.Sprint("before", i)))
	}
	require.Zero(t, w.count("sessions"))
}

func (w *world) signInAtHost(state string) registry.SignIn {
	w.t.Helper()
	s := registry.SignIn{StateHash: state, BrowserHash: "browser", RequestID: "r1", ExpiresAt: w.Now().Add(requestLife)}
	require.NoError(w.t, w.BeginSignIn(w.ctx, s))
	return s
}

// hostSignIn: who comes back is signed in once, in the browser that began and that brought the answer.
func hostSignIn(t *testing.T, w *world) {
	s := w.signInAtHost("state")
	require.ErrorIs(t, w.BeginSignIn(w.ctx, s), registry.ErrExists)
	require.ErrorIs(t, second(w.FinishSignIn(w.ctx, "state", "answer", "browser")), registry.ErrNotFound, "nobody has answered")
	require.ErrorIs(t, w.AnswerSignIn(w.ctx, "other", "answer", "ann"), registry.ErrNotFound)
	require.ErrorIs(t, second(w.SignIn(w.ctx, "other")), registry.ErrNotFound)
	begun, err := w.SignIn(w.ctx, "state")
	require.NoError(t, err)
	require.Equal(t, registry.SignIn{StateHash: "state", BrowserHash: "browser", RequestID: "r1", ExpiresAt: stored(s.ExpiresAt)}, begun)
	require.NoError(t, w.AnswerSignIn(w.ctx, "state", "answer", "ann"))
	require.ErrorIs(t, second(w.SignIn(w.ctx, "state")), registry.ErrNotFound, "it was answered")
	require.ErrorIs(t, w.AnswerSignIn(w.ctx, "state", "again", "bob"), registry.ErrNotFound)
	require.ErrorIs(t, second(w.FinishSignIn(w.ctx, "state", "answer", "another")), registry.ErrNotFound)
	require.ErrorIs(t, second(w.FinishSignIn(w.ctx, "state", "again", "browser")), registry.ErrNotFound)
	require.ErrorIs(t, second(w.FinishSignIn(w.ctx, "other", "answer", "browser")), registry.ErrNotFound)
	done, err := w.FinishSignIn(w.ctx, "state", "answer", "browser")
	require.NoError(t, err)
	s.AnswerHash, s.Subject, s.ExpiresAt = "answer", "ann", stored(s.ExpiresAt)
	require.Equal(t, s, done)
	require.ErrorIs(t, second(w.FinishSignIn(w.ctx, "state", "answer", "browser")), registry.ErrNotFound, "once")
	require.ErrorIs(t, w.AnswerSignIn(w.ctx, "state", "again", "bob"), registry.ErrNotFound)

	w.signInAtHost("late")
	w.signInAtHost("later")
	require.NoError(t, w.AnswerSignIn(w.ctx, "later", "answer", "ann"))
	w.Advance(requestLife)
	require.ErrorIs(t, second(w.SignIn(w.ctx, "late")), registry.ErrNotFound)
	require.ErrorIs(t, w.AnswerSignIn(w.ctx, "late", "answer", "ann"), registry.ErrNotFound)
	require.ErrorIs(t, second(w.FinishSignIn(w.ctx, "later", "answer", "browser")), registry.ErrNotFound)
}

func hostSignInAtOnce(t *testing.T, w *world) {
	w.signInAtHost("state")
	require.Equal(t, 1, successes(registrytest.Race(20, func(i int) error {
		return w.AnswerSignIn(w.ctx, "state", fmt.Sprint("answer", i), fmt.Sprint("user", i))
	}), registry.ErrNotFound))
	w.signInAtHost("next")
	require.NoError(t, w.AnswerSignIn(w.ctx, "next", "answer", "ann"))
	require.Equal(t, 1, successes(registrytest.Race(20, func(int) error {
		return second(w.FinishSignIn(w.ctx, "next", "answer", "browser"))
	}), registry.ErrNotFound))
}

// successes counts them; each failure must be the one expected.
func successes(errs []error, failure error) (n int) {
	for _, err := range errs {
		switch {
		case err == nil:
			n++
		case failure != nil && err.Error() != failure.Error():
			return -1
		}
	}
	return n
}
