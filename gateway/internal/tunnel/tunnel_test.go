package tunnel

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTheGreetingComesFirstAndIsNotCounted(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		p := w.start(Opening{Greeting: []byte("HTTP/1.1 101\r\n\r\n")})
		p.upstream.send("aabbcc")
		p.caller.send("abc")
		p.caller.requireHeard("HTTP/1.1 101\r\n\r\naabbcc", false)
		time.Sleep(time.Minute)
		require.NoError(t, p.caller.Close())
		require.NoError(t, p.upstream.Close())
		require.Equal(t, End{Ending: HungUp, Received: 3, Sent: 6, Took: time.Minute}, p.requireEnd(HungUp))
		require.Equal(t, "hung_up", HungUp.String())
	})
}

func TestOneEndMayGoOnAfterTheOtherHasEnded(t *testing.T) {
	for name, ends := range map[string]func(*opened) (first, second *end){
		"the caller first":   func(p *opened) (*end, *end) { return p.caller, p.upstream },
		"the upstream first": func(p *opened) (*end, *end) { return p.upstream, p.caller },
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				p := w.start(Opening{})
				first, second := ends(p)
				first.send("all of it")
				require.NoError(t, first.CloseWrite())
				second.requireHeard("all of it", true)
				time.Sleep(halfOpenTimeout / 2)
				second.send("and here too")
				first.requireHeard("and here too", false)
				// Nobody shows that it is still heard, so it may not go on for ever.
				time.Sleep(halfOpenTimeout/2 - 1)
				synctest.Wait()
				require.Equal(t, 1, w.set.Count())
				time.Sleep(time.Nanosecond)
				p.requireEnd(HungUp)
				first.requireHeard("and here too", true)
			})
		})
	}
}

// An end that takes nothing more may have said why.
func TestAnEndIsHeardOutThatTakesNothingMore(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		p := w.open(Opening{})
		p.caller.listen()
		p.run()
		require.NoError(t, p.upstream.Conn.Close()) // it reads no more
		_, _ = p.caller.Write([]byte("x"))
		p.upstream.send("no")
		p.caller.requireHeard("no", false)
		time.Sleep(lastWordsTimeout)
		p.requireEnd(HungUp)
		p.caller.requireHeard("no", true)
	})
}

func TestOnEndIsToldOnceEvenIfItComesLate(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		_, theirs := newSockets()
		tunnel, ok := w.set.Open(Opening{Upstream: theirs, Release: func() {}})
		require.True(t, ok)
		require.NoError(t, w.set.Drain(t.Context()))
		told := make(chan End, 2)
		tunnel.OnEnd(func(e End) { told <- e })
		tunnel.OnEnd(func(End) { t.Error("only the first one counts") })
		synctest.Wait()
		require.Len(t, told, 1)
		require.Equal(t, Stopping, (<-told).Ending)
	})
}

func TestEveryEndingHasAName(t *testing.T) {
	for e := range Ending(endings) {
		require.NotEmpty(t, e.String())
		if e != HungUp {
			require.LessOrEqual(t, len(closings[e].toCaller), 2+125, "it is a control frame")
			require.True(t, strings.HasPrefix(string(closings[e].toCaller), "\x88"))
		}
	}
}
