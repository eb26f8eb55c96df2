package gateway_test

import (
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/gateway"
)

// A caller that goes away frees the connection to the upstream, wherever the exchange is.
func TestCallersThatGoAway(t *testing.T) {
	for stage, test := range map[string]struct {
		request string
		serve   func(l *link) // after the head of the request was read
		until   func(t *testing.T, c *call)
		cut     bool // the answer had begun
	}{
		"waiting for the head": {raw("GET /balance"), func(*link) {}, func(*testing.T, *call) {}, false},
		"after a small body":   {withBody("hi", "POST /balance"), func(l *link) { _, _ = l.ReadBytes(2) }, func(*testing.T, *call) {}, false},
		"after a large body":   {withBody(large, "POST /balance"), func(l *link) { _, _ = l.ReadBytes(len(large)) }, func(*testing.T, *call) {}, false},
		"with more to say":     {raw("GET /balance") + raw("GET /balance"), func(*link) {}, func(*testing.T, *call) {}, false},
		"silent events": {raw("GET /balance"), func(l *link) { l.Say(chunkedHead + "1\r\n:\r\n") }, func(t *testing.T, c *call) {
			_, err := io.ReadFull(c.Begin().Body, make([]byte, 1))
			require.NoError(t, err)
		}, true},
		"no event yet": {raw("GET /balance"), func(l *link) { l.Say(chunkedHead) }, func(_ *testing.T, c *call) { c.Begin() }, true},
		"downloading": {raw("GET /balance"), func(l *link) {
			go func() { l.Say(answerFor(huge)) }()
		}, func(t *testing.T, c *call) {
			_, err := io.ReadFull(c.Begin().Body, make([]byte, 100_000))
			require.NoError(t, err)
		}, true},
		"uploading": {raw("POST /balance", "Content-Length: 10000000") + large, func(*link) {}, func(*testing.T, *call) {}, false},
		"uploading to somebody who waits": {raw("POST /balance", "Content-Length: 100000") + large[:20_000], func(l *link) {
			_, _ = l.ReadBytes(20_000)
		}, func(*testing.T, *call) {}, false},
	} {
		for name, secured := range map[string]bool{"plain": false, "TLS": true} {
			t.Run(stage+"/"+name, func(t *testing.T) {
				t.Parallel()
				reached := make(chan struct{})
				upstream := newUpstream(t, func(l *link) {
					if _, ok := l.ReadHead(); ok {
						test.serve(l)
						close(reached)
						l.Hold()
					}
				})
				defer upstream.Release()
				seen := make(witness, 2)
				s := newSystem(t, []gateway.Route{balance(upstream.URL(), public, methods(allMethods...), unlimited)}, options{
					config:  func(c *gateway.Config) { c.Observer = seen },
					secured: secured,
				})
				c := s.dial()
				c.Send(test.request)
				<-reached
				test.until(t, c)
				began := time.Now()
				require.NoError(t, c.Conn.Close())
				upstream.AwaitEnd(0)
				t.Logf("the connection was freed after %v", time.Since(began))
				if test.cut {
					require.Equal(t, gateway.NoFailure, (<-seen).Failure)
				}
				if stage != "uploading" && stage != "uploading to somebody who waits" {
					require.Equal(t, gateway.Abandoned.String(), (<-seen).Failure.String())
				}
				require.NotContains(t, s.log.String(), "WARN", "the upstream has done nothing wrong")
			})
		}
	}
}
