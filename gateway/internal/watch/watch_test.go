package watch

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/denylist"
	"gatehouse/keys"
)

// thing is something that is open.
type thing struct {
	mu       sync.Mutex
	isEnding bool
	ended    Reason
	at       time.Time
	mistake  bool
}

func (th *thing) Look(time.Time) bool {
	th.mu.Lock()
	defer th.mu.Unlock()
	if th.mistake {
		panic("a mistake")
	}
	return !th.isEnding
}

func (th *thing) End(why Reason, _ error) {
	th.mu.Lock()
	defer th.mu.Unlock()
	th.ended, th.at, th.isEnding = why, time.Now(), true
}

func (th *thing) hasEnded() Reason {
	th.mu.Lock()
	defer th.mu.Unlock()
	return th.ended
}

func (th *thing) endedAt() time.Time {
	th.mu.Lock()
	defer th.mu.Unlock()
	return th.at
}

// world answers what a watch asks.
type world struct {
	mu        sync.Mutex
	answer    error
	mistake   bool
	withdrawn string
	mistakes  int
}

func (w *world) set(change func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change()
}

func (w *world) Check(context.Context, denylist.Query) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.mistake {
		panic("a mistake")
	}
	return w.answer
}

func (w *world) KeyWithdrawn(claims *keys.Claims) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return claims.KeyID == w.withdrawn
}

func watching(t *testing.T, test func(*testing.T, *Watch, *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		asked := &world{}
		w := New(Config{
			Keys: asked, Denylist: asked, Now: time.Now,
			Query:    func(c *keys.Claims) denylist.Query { return denylist.Query{TokenID: c.ID} },
			Panicked: func(error) { asked.set(func() { asked.mistakes++ }) },
		})
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			w.Run(ctx)
		}()
		test(t, w, asked)
		stop()
		<-done
	})
}

func goodForAnHour() Token {
	return Token{Claims: &keys.Claims{ID: "token-1", KeyID: "key-1", ExpiresAt: time.Now().Add(time.Hour)}}
}

func TestWhatIsOpenEndsWithItsToken(t *testing.T) {
	for want, test := range map[Reason]struct {
		happens func(*world)
		within  time.Duration
	}{
		Expired:      {func(*world) { time.Sleep(time.Minute) }, Interval},
		Revoked:      {func(w *world) { w.set(func() { w.answer = denylist.ErrRevoked }) }, Interval},
		KeyWithdrawn: {func(w *world) { w.set(func() { w.withdrawn = "key-1" }) }, Interval},
		Unknown:      {func(w *world) { w.set(func() { w.answer = denylist.ErrUnknown }) }, MaxUnknown + 2*Interval},
	} {
		t.Run(want.String(), func(t *testing.T) {
			watching(t, func(t *testing.T, w *Watch, asked *world) {
				open, removed, anonymous := &thing{}, &thing{}, &thing{}
				w.Add(open, goodForAnHour())
				w.Add(anonymous, Token{})
				w.Remove(w.Add(removed, goodForAnHour()))
				time.Sleep(59 * time.Minute)
				synctest.Wait()
				require.Equal(t, None, open.hasEnded())
				test.happens(asked)
				happened := time.Now()
				time.Sleep(10 * time.Second)
				synctest.Wait()
				require.Equal(t, want.String(), open.hasEnded().String())
				require.LessOrEqual(t, open.endedAt().Sub(happened), test.within)
				require.Equal(t, None, removed.hasEnded())
				require.Equal(t, None, anonymous.hasEnded())
				require.Equal(t, 2, w.Count(), "who is ending removes itself")
			})
		})
	}
}

// A mistake ends no look at the others. What cannot be asked because of one is unknown.
func TestAMistakeLeavesItsTokenUnknown(t *testing.T) {
	watching(t, func(t *testing.T, w *Watch, asked *world) {
		mistaken, other, lenient := &thing{mistake: true}, &thing{}, &thing{}
		w.Add(mistaken, goodForAnHour())
		w.Add(other, goodForAnHour())
		keeps := goodForAnHour()
		keeps.KeepWhenUnknown = true
		w.Add(lenient, keeps)
		time.Sleep(MaxUnknown + 3*Interval)
		synctest.Wait()
		require.Equal(t, Unknown, mistaken.hasEnded())
		require.Equal(t, None, other.hasEnded())
		asked.set(func() { require.Positive(t, asked.mistakes) })

		asked.set(func() { asked.mistake = true })
		time.Sleep(MaxUnknown)
		synctest.Wait()
		require.Equal(t, None, other.hasEnded())
		time.Sleep(3 * Interval)
		synctest.Wait()
		require.Equal(t, Unknown, other.hasEnded())
		require.Equal(t, None, lenient.hasEnded())

		asked.set(func() { asked.mistake, asked.answer = false, denylist.ErrRevoked })
		time.Sleep(2 * Interval)
		synctest.Wait()
		require.Equal(t, Revoked, lenient.hasEnded())
	})
}

func TestEveryReasonHasAName(t *testing.T) {
	names := map[string]bool{}
	for _, reason := range Reasons() {
		names[reason.String()] = true
	}
	require.Len(t, names, int(reasons))
	require.NotContains(t, names, "")
}
