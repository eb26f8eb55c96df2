package gateway_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/gateway"
)

// soon is for the timeout that is tested; all others are as they are by default, far longer than a test.
const soon = 200 * time.Millisecond

// inTime tries with a timeout, and with twice as much as long as try says that something was late which the timeout was
// meant to leave time for: how much that takes is for the machine to say.
func inTime(t *testing.T, timeout time.Duration, try func(timeout time.Duration) bool) {
	t.Helper()
	for ; !try(timeout); timeout *= 2 {
		require.Less(t, timeout, patience/4, "it is late, however much time there is")
	}
}

func TestEachTimeoutOfARoute(t *testing.T) {
	stall := func(l *link) { l.Hold() }
	firstByte := func(r *gateway.Route) *time.Duration { return &r.FirstByteTimeout }
	idle := func(r *gateway.Route) *time.Duration { return &r.IdleTimeout }
	whole := func(r *gateway.Route) *time.Duration { return &r.Timeout }
	for name, test := range map[string]struct {
		timeout func(*gateway.Route) *time.Duration
		serve   func(l *link)
		status  int // 200: the answer is cut
	}{
		"first byte": {firstByte, stall, 504},
		"first byte, in the head": {firstByte,
			func(l *link) { l.Say("HTTP/1.1 200 OK\r\nX-A"); stall(l) }, 504},
		"first byte, after hints": {firstByte,
			func(l *link) { l.Say("HTTP/1.1 103 Early Hints\r\n\r\n"); stall(l) }, 504},
		"idle, small": {idle,
			func(l *link) { l.Say("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab"); stall(l) }, 504},
		"idle": {idle,
			func(l *link) { l.Say(chunkedHead + "2\r\nab\r\n"); stall(l) }, 200},
		"the whole, before the head": {whole, stall, 504},
		"the whole, in the body": {whole, func(l *link) {
			l.Say(chunkedHead)
			for l.Reader.Buffered() == 0 { // never silent for long
				if _, err := io.WriteString(l.Conn, "2\r\nab\r\n"); err != nil {
					return
				}
				time.Sleep(soon / 20)
			}
		}, 200},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inTime(t, soon, func(timeout time.Duration) bool {
				upstream := newUpstream(t, func(l *link) {
					if l.ReadRequest() {
						test.serve(l)
					}
				})
				defer upstream.Release()
				s := publicSystem(t, upstream, nil, func(r *gateway.Route) { *test.timeout(r) = timeout })
				c := s.dial()
				began := time.Now()
				c.Send(raw("GET /balance"))
				response := c.Begin()
				body, err := io.ReadAll(response.Body)
				require.GreaterOrEqual(t, time.Since(began), timeout)
				if len(upstream.Requests()) == 0 || test.status == 200 && response.StatusCode == 504 {
					return false // it was over before there was an answer to wait for
				}
				if test.status == 200 {
					require.Equal(t, 200, response.StatusCode)
					require.Error(t, err, "the answer looks complete")
				} else {
					require.NoError(t, err)
					requireRefused(t, answer{Response: response, Body: string(body)}, test.status, "gateway_timeout")
				}
				upstream.AwaitEnd(0)
				upstream.Only()
				return true
			})
		})
	}
}

func TestConnectTimeout(t *testing.T) {
	upstream := newUpstream(t, func(l *link) { l.Hold() }) // and says nothing in TLS
	defer upstream.Release()
	_, port, err := net.SplitHostPort(upstream.Addr())
	require.NoError(t, err)
	s := newSystem(t, []gateway.Route{
		balance("https://localhost:"+port, public, func(r *gateway.Route) { r.ConnectTimeout = soon }),
		balance("https://localhost:"+port, public, path("/whole"), func(r *gateway.Route) { r.Timeout = soon }),
	}, options{})
	requireRefused(t, s.do(raw("GET /balance")), 504, "gateway_timeout")
	requireRefused(t, s.do(raw("GET /whole")), 504, "gateway_timeout")
}

// Who had to wait for a connection has all of the time for an answer: the request was not sent before.
func TestWaitingForAConnectionIsNotWaitingForAnAnswer(t *testing.T) {
	inTime(t, soon, func(timeout time.Duration) bool {
		leave := make(chan struct{})
		upstream := newUpstream(t, func(l *link) {
			for l.ReadRequest() {
				l.Say(chunkedHead)
				<-leave
				l.Say("0\r\n\r\n")
			}
		})
		s := publicSystem(t, upstream, func(c *gateway.Config) { c.Upstreams.ConnWait = patience }, func(r *gateway.Route) {
			r.MaxConns, r.FirstByteTimeout, r.IdleTimeout = 1, timeout, patience
		})
		first, second := s.dial(), s.dial()
		first.Send(raw("GET /balance"))
		began := first.Begin().StatusCode
		second.Send(raw("GET /balance"))
		time.Sleep(2 * timeout) // longer than an answer may take
		close(leave)
		return began == 200 && second.Receive("GET").StatusCode == 200
	})
}

// A small answer has its time, too, from each of its bytes to the next.
func TestASmallAnswerMayComeBitByBit(t *testing.T) {
	inTime(t, 3*soon, func(timeout time.Duration) bool {
		upstream := newUpstream(t, func(l *link) {
			for l.ReadRequest() {
				l.Say("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n")
				for range 8 {
					time.Sleep(timeout / 6)
					l.Say("a")
				}
			}
		})
		s := publicSystem(t, upstream, nil, func(r *gateway.Route) { r.IdleTimeout = timeout })
		return s.do(raw("GET /balance")).Body == "aaaaaaaa"
	})
}

// Waiting for a connection is part of the exchange.
func TestTimeoutOfWhoWaitsForAConnection(t *testing.T) {
	upstream := newUpstream(t, func(l *link) {
		if l.ReadRequest() {
			l.Hold()
		}
	})
	defer upstream.Release()
	s := newSystem(t, []gateway.Route{
		balance(upstream.URL(), public),
		balance(upstream.URL(), public, path("/hasty"), func(r *gateway.Route) { r.Timeout = soon }),
	}, options{config: func(c *gateway.Config) { c.Upstreams.MaxConns, c.Upstreams.ConnWait = 1, time.Hour }})
	s.dial().Send(raw("GET /balance"))
	require.Eventually(t, func() bool { return len(upstream.Requests()) == 1 }, patience, time.Millisecond)
	requireRefused(t, s.do(raw("GET /hasty")), 503, "temporarily_unavailable")
}

// What takes its time and has it is not cut off: an upload, an answer that comes bit by bit, silence between events.
func TestWhatIsSlowButNotTooSlow(t *testing.T) {
	inTime(t, 3*soon, func(timeout time.Duration) bool {
		pause := func() { time.Sleep(timeout / 4) }
		upstream := newUpstream(t, func(l *link) {
			for l.ReadRequest() {
				l.Say(chunkedHead)
				for range 4 {
					pause()
					l.Say("1\r\na\r\n")
				}
				pause()
				l.Say("0\r\n\r\n")
			}
		})
		s := publicSystem(t, upstream, nil, func(r *gateway.Route) { r.FirstByteTimeout, r.IdleTimeout = timeout, timeout })
		c := s.dial()
		require.NoError(t, c.Conn.SetDeadline(time.Now().Add(patience+10*timeout)))
		for range 2 {
			c.Send(raw("POST /balance", "Transfer-Encoding: chunked"))
			for _, part := range []string{"1\r\na\r\n", "1\r\na\r\n", "1\r\na\r\n", "1\r\na\r\n", "0\r\n\r\n"} {
				pause()
				_, _ = io.WriteString(c.Conn, part) // who is late is cut off, which the answer shows
			}
			response, err := http.ReadResponse(c.Reader, nil)
			if err != nil {
				return false
			}
			if body, err := io.ReadAll(response.Body); err != nil || string(body) != "aaaa" {
				return false
			}
		}
		require.Equal(t, 1, upstream.Connections())
		return true
	})
}

// A slow upstream has its own connections, and so has a route with settings of its own.
func TestSlowUpstreamDoesNotSlowOthers(t *testing.T) {
	const callers, atOnce = 60, 10
	slow := newUpstream(t, func(l *link) {
		for l.ReadRequest() {
			l.Hold()
			l.Say(okAnswer)
		}
	})
	quick := newUpstream(t, answerAll)
	shared := newUpstream(t, func(l *link) {
		for l.ReadRequest() {
			if strings.HasPrefix(l.Last.Target, "/shared-slow") {
				l.Hold()
			}
			l.Say(okAnswer)
		}
	})
	seen := make(witness, 10*callers)
	s := newSystem(t, []gateway.Route{
		balance(slow.URL(), public, path("/slow")),
		balance(quick.URL(), public, path("/quick")),
		balance(shared.URL(), public, path("/shared-slow"), func(r *gateway.Route) { r.MaxConns = 5 }),
		balance(shared.URL(), public, path("/shared-quick")),
	}, options{config: func(c *gateway.Config) {
		c.Observer, c.Upstreams.MaxConns, c.Upstreams.MaxConnsPerUser, c.Upstreams.ConnWait = seen, atOnce, atOnce, soon
	}})
	var waiting sync.WaitGroup
	statuses := make(chan string, 2*callers)
	for _, target := range []string{"/slow", "/shared-slow"} {
		for range callers {
			c := s.dial()
			waiting.Go(func() {
				c.Send(raw("GET " + target))
				a := c.Receive("GET")
				statuses <- fmt.Sprint(target, " ", a.StatusCode, " ", a.Header.Get("Retry-After"))
			})
		}
	}
	require.Eventually(t, func() bool { return len(slow.Requests()) == atOnce && len(shared.Requests()) == 5 }, patience, time.Millisecond)
	var worst time.Duration
	for range 200 {
		for _, target := range []string{"/quick", "/shared-quick"} {
			began := time.Now()
			require.Equal(t, 200, s.do(raw("GET "+target)).StatusCode)
			worst = max(worst, time.Since(began))
		}
	}
	t.Logf("beside %d requests to slow upstreams one took %v at most", 2*callers, worst)
	require.Less(t, worst, 5*time.Second)
	require.Eventually(t, func() bool { return len(statuses) == 2*callers-atOnce-5 }, patience, time.Millisecond)
	slow.Release()
	shared.Release()
	waiting.Wait()
	close(statuses)
	count := map[string]int{}
	for status := range statuses {
		count[status]++
	}
	require.Equal(t, map[string]int{
		"/slow 200 ": atOnce, "/slow 503 1": callers - atOnce, "/shared-slow 200 ": 5, "/shared-slow 503 1": callers - 5,
	}, count)
	require.Len(t, slow.Requests(), atOnce, "who waited in vain was not forwarded")
}

func TestRoutesHaveTheirOwnCertificates(t *testing.T) {
	serve := func(l *link, _ *corked) { answerAll(l) }
	one, _, oneURL, oneFile := secureUpstreamWithFile(t, 0, serve)
	other, _, otherURL, otherFile := secureUpstreamWithFile(t, 0, serve)
	trusting := func(file string) func(*gateway.Route) { return func(r *gateway.Route) { r.CAFile = file } }
	s := newSystem(t, []gateway.Route{
		balance(oneURL, public, path("/one"), trusting(oneFile)),
		balance(otherURL, public, path("/other"), trusting(otherFile)),
		balance(oneURL, public, path("/wrong"), trusting(otherFile)),
		balance(oneURL, public, path("/none")),
	}, options{})
	for target, status := range map[string]int{"/one": 200, "/other": 200, "/wrong": 502, "/none": 502} {
		require.Equal(t, status, s.do(raw("GET "+target)).StatusCode, target)
	}
	require.Len(t, one.Requests(), 1)
	require.Len(t, other.Requests(), 1)
}
