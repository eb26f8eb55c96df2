package tunnel

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/denylist"
)

// Both ends hear why, within a second, and nobody else is closed.
func TestATunnelIsClosedWithItsToken(t *testing.T) {
	for name, test := range map[string]struct {
		happens func(*world)
		why     Ending
		reason  string
	}{
		"expired":       {func(*world) { time.Sleep(time.Second) }, TokenExpired, "token expired"},
		"revoked":       {func(w *world) { w.denylistSays(denylist.ErrRevoked) }, TokenRevoked, "token revoked"},
		"key withdrawn": {func(w *world) { w.withdraw("key-1") }, TokenRevoked, "token revoked"},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				anonymous := w.start(Opening{})
				p := w.start(Opening{Claims: claims()})
				time.Sleep(time.Hour - time.Second) // one second of its life is left
				p.says("still here")
				require.Equal(t, 2, w.set.Count())

				test.happens(w)
				happened := time.Now()
				time.Sleep(watchInterval)
				p.caller.requireHeard(frame(text, "still here")+closed(4401, test.reason), false)
				p.upstream.requireHeard(masked(frame(text, "still here"))+masked(closed(1008, test.reason)), true)
				p.caller.send(masked(closed(4401, "")))
				_ = p.upstream.Close()
				p.requireEnd(test.why)
				require.LessOrEqual(t, time.Since(happened), watchInterval)
				require.Equal(t, 1, w.set.Count())
				anonymous.says("who has no token can lose none")
			})
		})
	}
}

func TestTheDenylistIsAskedAboutEachTokenAtEachLook(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.start(Opening{})
		w.start(Opening{Claims: claims()})
		other := claims()
		other.ID, other.KeyID = "token-2", "key-2"
		p := w.start(Opening{Claims: other})
		time.Sleep(watchInterval + 1)
		synctest.Wait()
		query := denylist.Query{TokenID: "token-1", GrantID: "grant-1", ClientID: "app"}
		second := query
		second.TokenID = "token-2"
		require.ElementsMatch(t, []denylist.Query{query, second}, w.asked)
		w.withdraw("key-1")
		time.Sleep(time.Minute)
		p.says("it is another key's")
		require.Equal(t, 2, w.set.Count())
	})
}

func TestATunnelOutlivesAMomentOfNotKnowing(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		var causes []error
		strict := w.start(Opening{Claims: claims(), Unknown: func(cause error) { causes = append(causes, cause) }})
		lenient := w.start(Opening{Claims: claims(), KeepWhenUnknown: true})
		for range 3 {
			w.denylistSays(denylist.ErrUnknown)
			time.Sleep(maxUnknown)
			strict.says("still here")
			w.denylistSays(nil)
			time.Sleep(2 * watchInterval)
		}
		require.Empty(t, causes)
		heard, _ := strict.caller.has()
		w.denylistSays(denylist.ErrUnknown)
		time.Sleep(maxUnknown + 2*watchInterval)
		strict.caller.requireHeard(heard+closed(1013, "token cannot be checked"), false)
		strict.requireEnd(TokenUnknown)
		require.Len(t, causes, 1)
		require.ErrorIs(t, causes[0], denylist.ErrUnknown)

		time.Sleep(time.Minute)
		lenient.says("still here")
		w.denylistSays(denylist.ErrRevoked)
		lenient.requireEnd(TokenRevoked)
	})
}

// What one of the ends says keeps a tunnel open for both.
func TestASilentTunnelIsClosedWhereItsRouteSaysSo(t *testing.T) {
	const timeout = time.Minute
	inWorld(t, func(t *testing.T, w *world) {
		patient, silent := w.start(Opening{}), w.start(Opening{IdleTimeout: timeout})
		up, down := w.start(Opening{IdleTimeout: timeout}), w.start(Opening{IdleTimeout: timeout})
		for range 10 {
			time.Sleep(timeout - watchInterval)
			up.caller.send("x")
			down.upstream.send("x")
		}
		silent.upstream.requireHeard(masked(closed(1001, "idle")), true)
		silent.caller.requireHeard(closed(1001, "idle"), true)
		e := silent.requireEnd(Silent)
		require.Less(t, e.Took, timeout+2*watchInterval+closeWait)
		require.Greater(t, e.Took, timeout)
		time.Sleep(time.Hour)
		up.requireEnd(Silent)
		down.requireEnd(Silent)
		patient.says("still here")
	})
}

// Where an end takes nothing of what is sent to it, the tunnel is cut after a minute, and not before.
func TestATunnelEndsWhenOneOfItsEndsTakesNothing(t *testing.T) {
	for name, stalls := range map[string]func(*opened) (deaf, talks *end){
		"the caller":   func(p *opened) (*end, *end) { return p.caller, p.upstream },
		"the upstream": func(p *opened) (*end, *end) { return p.upstream, p.caller },
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				p := w.open(Opening{})
				deaf, talks := stalls(p)
				talks.listen()
				p.run()
				time.Sleep(time.Hour) // nothing is being written
				talks.send(frame(text, "hello"))
				time.Sleep(stallTimeout - 1)
				synctest.Wait()
				require.Equal(t, 1, w.set.Count())
				deaf.send("it may still speak")
				talks.requireHeard("it may still speak", false)
				time.Sleep(2 * watchInterval)
				p.requireEnd(HungUp)
				require.Zero(t, w.set.Count())
			})
		})
	}
}

func TestACallerThatHasGoneIsNotAwaitedForLong(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		gone := false
		waiting := w.open(Opening{CallerGone: func() bool { return gone }})
		time.Sleep(time.Hour)
		require.Equal(t, 1, w.set.Count(), "the machine is busy")
		waiting.caller.listen()
		waiting.upstream.listen()
		waiting.run()
		waiting.says("better late")
		gone = true

		abandoned := w.open(Opening{CallerGone: func() bool { return true }})
		abandoned.upstream.listen()
		time.Sleep(beginTimeout - 1)
		abandoned.upstream.requireHeard("", false)
		time.Sleep(2 * watchInterval)
		abandoned.upstream.requireHeard("", true)
		abandoned.requireEnd(HungUp)
		abandoned.Run(abandoned.callerConn) // returns at once
		waiting.says("still here")
	})
}
