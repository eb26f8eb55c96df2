package tunnel

import (
	"context"
	"encoding/binary"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/denylist"
)

// endNow has the tunnel closed for a revoked token, and returns when that has begun.
func (w *world) endNow() {
	w.denylistSays(denylist.ErrRevoked)
	time.Sleep(watchInterval)
	synctest.Wait()
}

func TestACloseDoesNotCutAFrameInTwo(t *testing.T) {
	ended := closed(4401, "token revoked")
	long := strings.Repeat("x", 300)
	longFrame := string(binary.BigEndian.AppendUint16([]byte{text, 126}, 300)) + long
	for name, test := range map[string]struct{ before, after, want string }{
		"between frames":                  {frame(text, "one"), "", frame(text, "one") + ended},
		"before any":                      {"", "", ended},
		"between fragments":               {frame(textBegins, "one"), "", frame(textBegins, "one") + ended},
		"after a Ping":                    {frame(pings, "one"), "", frame(pings, "one") + ended},
		"in a payload":                    {frame(text, "one")[:3], frame(text, "one")[3:] + frame(text, "two"), frame(text, "one") + ended},
		"after one byte of a header":      {longFrame[:1], longFrame[1:] + longFrame, longFrame + ended},
		"in the length":                   {longFrame[:3], longFrame[3:] + "\x81", longFrame + ended},
		"in a long payload":               {longFrame[:100], longFrame[100:], longFrame + ended},
		"in an empty frame":               {frame(text, "")[:1], frame(text, "")[1:] + frame(text, "two"), frame(text, "") + ended},
		"in a frame that does not end":    {frame(text, "never")[:4], "", frame(text, "never")[:4]},
		"after a Close of the upstream's": {closed(1000, "bye"), "", closed(1000, "bye")},
		"in a Close of the upstream's":    {closed(1000, "bye")[:4], closed(1000, "bye")[4:], closed(1000, "bye")},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				p := w.start(Opening{Claims: claims()})
				p.upstream.send(test.before)
				w.endNow()
				p.upstream.send(test.after)
				if !strings.HasPrefix(name, "in a frame that does not end") {
					p.caller.requireHeard(test.want, false)
					p.caller.send(masked(closed(4401, ""))) // as a browser answers
				}
				time.Sleep(frameWait)
				_ = p.upstream.Close()
				p.requireEnd(TokenRevoked)
				p.caller.requireHeard(test.want, true)
			})
		})
	}
}

// The upstream hears nothing more of the caller but that it is over, and does not wait for the caller's answer to learn it.
func TestNothingOfARevokedTokenPasses(t *testing.T) {
	ended := masked(closed(1008, "token revoked"))
	for name, test := range map[string]struct{ before, want string }{
		"between frames":   {masked(frame(text, "one")), masked(frame(text, "one")) + ended},
		"after a Ping":     {masked(frame(pings, "one")), masked(frame(pings, "one")) + ended},
		"in a frame":       {masked(frame(text, "one"))[:7], masked(frame(text, "one"))[:7]},
		"after its Close":  {masked(closed(1000, "")), masked(closed(1000, ""))},
		"nothing was said": {"", ended},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				p := w.start(Opening{Claims: claims()})
				p.caller.send(test.before)
				w.endNow()
				p.upstream.requireHeard(test.want, true)
				if name != "after its Close" {
					p.caller.requireHeard(closed(4401, "token revoked"), false)
					p.caller.send(masked(frame(text, "too late"))[:9])
					time.Sleep(closeWait / 2)
					p.caller.requireHeard(closed(4401, "token revoked"), false)
				}
				began := time.Now()
				time.Sleep(closeWait)
				p.caller.requireHeard(closed(4401, "token revoked"), true)
				p.requireEnd(TokenRevoked)
				p.upstream.requireHeard(test.want, true)
				require.Equal(t, closeWait, time.Since(began))
			})
		})
	}
}

// Whoever does not answer a Close, or takes nothing at all, is cut.
func TestATunnelEndsWithoutItsEnds(t *testing.T) {
	for name, test := range map[string]struct {
		talk   func(*opened)
		within time.Duration
		want   string
	}{
		"nobody answers": {func(p *opened) { p.caller.listen(); p.upstream.listen() }, closeWait, closed(4401, "token revoked")},
		"the caller takes nothing": {func(p *opened) {
			p.upstream.listen()
			go func() { _, _ = p.upstream.Write([]byte(frame(text, "hello"))) }()
		}, closeWait, ""},
		"a frame does not end": {func(p *opened) {
			p.caller.listen()
			p.upstream.listen()
			p.upstream.send(frame(text, "half")[:4])
		}, frameWait, frame(text, "half")[:4]},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				p := w.open(Opening{Claims: claims()})
				p.run()
				test.talk(p)
				w.endNow()
				began := time.Now()
				p.requireEnd(TokenRevoked)
				require.Equal(t, test.within, time.Since(began))
				heard, _ := p.caller.has()
				require.Equal(t, test.want, heard)
			})
		})
	}
}

func TestDrainClosesEveryTunnelAndWaitsForIt(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		first, second := w.start(Opening{}), w.start(Opening{Claims: claims()})
		never := w.open(Opening{CallerGone: func() bool { return false }})
		never.upstream.listen()
		const slow = time.Second
		go func() {
			time.Sleep(slow)
			for _, p := range []*opened{first, second} {
				p.caller.send(masked(closed(1001, "")))
				_ = p.upstream.Close()
			}
		}()
		began := time.Now()
		require.NoError(t, w.set.Drain(t.Context()))
		require.Equal(t, slow, time.Since(began))
		require.Zero(t, w.set.Count())
		for _, p := range []*opened{first, second} {
			p.caller.requireHeard(closed(1001, "server is stopping"), true)
			p.upstream.requireHeard(masked(closed(1001, "server is stopping")), true)
			p.requireEnd(Stopping)
		}
		never.upstream.requireHeard("", true)
		never.requireEnd(Stopping)
		_, ok := w.set.Open(Opening{})
		require.False(t, ok)
		require.NoError(t, w.set.Drain(t.Context()), "twice is not once too often")
	})
}

func TestDrainEndsWithItsTime(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		p := w.start(Opening{})
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		began := time.Now()
		require.ErrorIs(t, w.set.Drain(ctx), ctx.Err())
		require.Equal(t, 100*time.Millisecond, time.Since(began), "nobody answers the Close, which is awaited for longer")
		require.Zero(t, w.set.Count())
		p.requireEnd(Stopping)
	})
}
