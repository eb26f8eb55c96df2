package gateway_test

import (
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/gateway"
)

// What is missing of a request would be taken from the next one.
func TestAConnectionWithHalfARequestIsNotUsedAgain(t *testing.T) {
	const tries = 50
	for name, test := range map[string]struct {
		before, after string
		passed        bool // what comes before
	}{
		"a small answer":                {"", okAnswer, false},
		"a small answer in two parts":   {answerFor("okay")[:40], answerFor("okay")[40:], false},
		"an answer that has begun":      {chunkedHead + "2\r\nok\r\n", "0\r\n\r\n", true},
		"a large answer that has begun": {"HTTP/1.1 200 OK\r\nContent-Length: 20000\r\n\r\nok", large[:19_998], true},
	} {
		t.Run(name, func(t *testing.T) {
			var goOn [tries]chan struct{}
			for i := range goOn {
				goOn[i] = make(chan struct{})
			}
			upstream := newUpstream(t, func(l *link) {
				if _, ok := l.ReadHead(); !ok {
					return
				}
				l.Say(test.before)
				_, _ = l.ReadChunk()
				select {
				case <-goOn[l.Number]:
				case <-l.Upstream.Released():
					return
				}
				if test.before != "" {
					_, _ = l.ReadChunk() // and right behind that one is the mistake
				}
				l.Say(test.after)
				_, _ = io.Copy(io.Discard, l.Reader)
			})
			defer upstream.Release()
			s := publicSystem(t, upstream, nil)
			for i := range tries {
				c := s.dial()
				c.Send(raw("POST /balance", "Transfer-Encoding: chunked") + "1\r\na\r\n")
				if test.passed {
					_, err := io.ReadFull(c.Begin().Body, make([]byte, 2))
					require.NoError(t, err)
				} else {
					require.Eventually(t, func() bool { return upstream.Connections() == i+1 }, patience, time.Millisecond)
				}
				close(goOn[i]) // the answer and the mistake meet
				c.Send("1\r\nb\r\nzz\r\n")
				_, err := io.Copy(io.Discard, c.Reader)
				require.NoError(t, err)
				upstream.AwaitClosed(i)
			}
			require.Equal(t, tries, upstream.Connections())
		})
	}
}

// The upstream has its time to answer from when it was sent everything.
func TestAnUpstreamThatIsSlowAfterAnUpload(t *testing.T) {
	upstream := newUpstream(t, func(l *link) {
		if l.ReadRequest() {
			l.Hold()
		}
	})
	defer upstream.Release()
	s := publicSystem(t, upstream, nil, func(r *gateway.Route) { r.FirstByteTimeout = soon })
	requireRefused(t, s.do(withBody(large[:100_000], "POST /balance")), 504, "gateway_timeout")
	upstream.Only()
}

// Callers who are slow to send little keep no connection from others.
func TestASlowBodyHoldsNoConnection(t *testing.T) {
	upstream := newUpstream(t, answerAll)
	s := publicSystem(t, upstream, func(c *gateway.Config) { c.Upstreams.MaxConns, c.Upstreams.ConnWait = 1, time.Millisecond })
	slow := s.dial()
	slow.Send(raw("POST /balance", "Content-Length: 10000", "Expect: 100-continue"))
	require.Equal(t, 100, slow.Receive("POST").StatusCode)
	slow.Send(large[:9_999])
	for range 50 {
		require.Equal(t, 200, s.do(raw("GET /balance")).StatusCode)
	}
	slow.Send("x")
	require.Equal(t, 200, slow.Receive("POST").StatusCode)
}

// An upstream that takes nothing keeps the upload from seeing that its caller has gone.
func TestACallerThatGoesAwayWhileNothingIsTaken(t *testing.T) {
	upstream := newUpstream(t, func(l *link) { l.Hold() })
	defer upstream.Release()
	seen := make(witness, 1)
	s := publicSystem(t, upstream, func(c *gateway.Config) { c.Observer = seen }, unlimited)
	part := chunked(large)[:len(chunked(large))-5]
	inTime(t, time.Second, func(timeout time.Duration) bool {
		c := s.dial()
		c.Send(raw("POST /balance", "Transfer-Encoding: chunked"))
		for {
			require.NoError(t, c.Conn.SetWriteDeadline(time.Now().Add(timeout)))
			if _, err := io.WriteString(c.Conn, part); err != nil {
				var network net.Error
				require.ErrorAs(t, err, &network)
				require.True(t, network.Timeout())
				break
			}
		}
		began := time.Now()
		c.Reset() // the end of the stream would wait behind what is not taken
		how := (<-seen).Failure
		if how == gateway.NoFailure {
			return false // something was taken all the same, and the upload has come to the end
		}
		require.Equal(t, gateway.Abandoned.String(), how.String())
		t.Logf("noticed after %v", time.Since(began))
		return true
	})
}

// The connection of an answer that ends with it is closed on both sides, though the upstream would still listen.
func TestAnAnswerUntilClosedFreesItsConnection(t *testing.T) {
	upstream := newUpstream(t, func(l *link) {
		if l.ReadRequest() {
			l.Say("HTTP/1.1 200 OK\r\n\r\nok")
			_ = l.Conn.(*net.TCPConn).CloseWrite()
			_, _ = io.Copy(io.Discard, l.Reader)
		}
	})
	s := publicSystem(t, upstream, nil)
	for i := range 2 {
		require.Equal(t, "ok", s.do(raw("GET /balance")).Body)
		upstream.AwaitClosed(i)
	}
}

// Of several callers one hears of its mistake at once: who waits for the upstream is woken.
func TestAMistakeInABodyIsToldAtOnce(t *testing.T) {
	upstream := newUpstream(t, func(l *link) { _, _ = io.Copy(io.Discard, l.Reader) })
	s := publicSystem(t, upstream, nil)
	quickest := patience
	for range 10 {
		c := s.dial()
		c.Send(raw("POST /balance", "Transfer-Encoding: chunked") + "1\r\na\r\n")
		began := time.Now()
		c.Send("zz\r\n")
		requireRefused(t, c.Receive("POST"), 400, "invalid_request")
		quickest = min(quickest, time.Since(began))
	}
	t.Logf("within %v", quickest)
	require.Less(t, quickest, 250*time.Millisecond)
}
