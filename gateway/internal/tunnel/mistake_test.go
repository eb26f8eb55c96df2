package tunnel

import (
	"context"
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// Whoever drains waits until the end of each tunnel was told, also of one about which nobody has asked yet.
func TestDrainWaitsUntilEveryEndWasTold(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ours, _ := newSockets()
		opened, ok := w.set.Open(Opening{Upstream: ours, Release: func() { _ = ours.Close() }, Observed: true})
		require.True(t, ok)
		drained := make(chan error, 1)
		go func() { drained <- w.set.Drain(context.Background()) }()
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Equal(t, 1, w.set.Count())
		require.Empty(t, drained)
		told := 0
		opened.OnEnd(func(e End) {
			require.Equal(t, Stopping, e.Ending)
			require.Equal(t, 1, w.set.Count(), "it counts until it was told")
			told++
		})
		require.NoError(t, <-drained)
		require.Equal(t, 1, told)
		require.Zero(t, w.set.Count())
		opened.OnEnd(func(End) { told++ })
		require.Equal(t, 1, told, "only the first counts")
	})
}

// mistaken panics when it is read from.
type mistaken struct{ *socket }

func (mistaken) Read([]byte) (int, error) { panic("a mistake") }

func TestAMistakeInATunnelEndsThatTunnel(t *testing.T) {
	for name, which := range map[string]func(caller, upstream *socket) (Conn, Conn){
		"upwards":   func(caller, upstream *socket) (Conn, Conn) { return mistaken{caller}, upstream },
		"downwards": func(caller, upstream *socket) (Conn, Conn) { return caller, mistaken{upstream} },
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				other := w.start(Opening{})
				ourCaller, caller := newSockets()
				ourUpstream, upstream := newSockets()
				defer func() { _ = errors.Join(caller.Close(), upstream.Close(), ourCaller.Close()) }()
				forCaller, forUpstream := which(ourCaller, ourUpstream)
				var mistake error
				released := make(chan struct{})
				opened, ok := w.set.Open(Opening{
					Upstream: forUpstream, Release: func() { close(released) },
					Panicked: func(err error) { mistake = err },
				})
				require.True(t, ok)
				var end End
				opened.OnEnd(func(e End) { end = e })
				opened.Run(forCaller)
				<-released
				require.ErrorContains(t, mistake, "a mistake")
				require.Equal(t, HungUp, end.Ending)
				other.says("still here")
				require.Equal(t, 1, w.set.Count())
			})
		})
	}
}

var _ net.Conn = mistaken{}
