package gateway_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/gateway"
)

// strangersFor is how long TestNoAnswerReachesAStranger runs; a soak says how long.
func strangersFor(t *testing.T) time.Duration {
	t.Helper()
	text, ok := os.LookupEnv("GATEHOUSE_SOAK")
	if !ok {
		return 4 * time.Second
	}
	d, err := time.ParseDuration(text)
	require.NoError(t, err)
	return d
}

// strangers is an upstream of many users that does whatever an upstream should not. Every byte of an answer's body says
// whose it is, so that none can be taken for another's.
type strangers struct {
	answered, misbehaved atomic.Int64
	// busy is held by users while they wait for an answer, and by whoever needs all connections to be idle.
	busy  sync.RWMutex
	links sync.Map // that are open
}

// tooLate is how long the gateway waits.
const tooLate = 200 * time.Millisecond

// speakUnasked sends an answer on connections that are idle. It is for nobody.
func (u *strangers) speakUnasked() {
	u.busy.Lock()
	defer u.busy.Unlock()
	u.links.Range(func(l, _ any) bool {
		if rand.IntN(2) == 0 {
			u.misbehaved.Add(1)
			l.(*link).Say(answerFor("<nobody>"))
		}
		return true
	})
}

func (u *strangers) serve(l *link) {
	u.links.Store(l, nil)
	defer u.links.Delete(l)
	for l.ReadRequest() {
		_, user, _ := strings.Cut(l.Last.Target, "?")
		mark := "<" + user + ">"
		u.answered.Add(1)
		chance := rand.IntN(100)
		if chance < 40 {
			u.misbehaved.Add(1)
		}
		small, large := strings.Repeat(mark, 3), strings.Repeat(mark, 4000)
		switch {
		case chance < 4: // twice
			l.Say(answerFor(small) + answerFor(small))
		case chance < 8: // twice, and long
			l.Say(answerFor(large) + answerFor(large))
		case chance < 11: // unasked bytes
			l.Say(answerFor(small) + mark)
		case chance < 14: // longer than its length
			l.Sayf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(small), small+mark)
		case chance < 17: // cut
			l.Sayf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", 2*len(large), large)
			return
		case chance < 20: // cut in a chunk
			l.Sayf(chunkedHead+"%x\r\n%s", 2*len(large), large)
			return
		case chance < 23: // more after the last chunk
			l.Say(chunkedHead + chunked(small) + chunked(small))
		case chance < 26: // cut at once
			return
		case chance < 28:
			l.ResetOnClose()
			return
		case chance < 30: // late
			time.Sleep(time.Duration(rand.IntN(20)) * time.Millisecond)
			l.Say(answerFor(small))
		case chance < 31: // too late
			time.Sleep(tooLate * 11 / 10)
			l.Say(answerFor(small))
		case chance < 36: // a body where there is none
			l.Sayf("HTTP/1.1 204 No Content\r\nContent-Length: %d\r\n\r\n%s", len(small), small)
		case chance < 38:
			l.Sayf("HTTP/1.1 103 Early Hints\r\nX-User: %s\r\n\r\n%s", user, answerFor(small))
		case chance < 40: // before it has read the body
			l.Say(answerFor(small) + "HTTP/1.1 200 OK\r\n\r\n" + mark)
			return
		case chance < 55:
			l.Say(answerFor(large))
		case chance < 70:
			l.Say(chunkedHead + chunked(large, small))
		default:
			l.Say(answerFor(small))
		}
	}
}

// TestNoAnswerReachesAStranger has 200 users on connections that they keep, and an upstream that answers twice, unasked,
// too much, too late or half. No byte may reach another user than the one it is for, and no request the upstream twice.
func TestNoAnswerReachesAStranger(t *testing.T) {
	const users = 200
	duration := strangersFor(t)
	behaviour := &strangers{}
	upstream := newUpstream(t, behaviour.serve)
	upstream.Forget()
	route := balance(upstream.URL(), methods("GET", "POST"), credential("headers"), func(r *gateway.Route) {
		r.FirstByteTimeout, r.IdleTimeout = tooLate, tooLate
	})
	s := newSystem(t, []gateway.Route{route}, options{config: func(c *gateway.Config) { c.Upstreams.ConnWait = patience }})
	var all sync.WaitGroup
	var sent, whole, broken atomic.Int64
	end := time.Now().Add(duration)
	all.Go(func() {
		for time.Now().Before(end) {
			time.Sleep(400 * time.Millisecond)
			behaviour.speakUnasked()
		}
	})
	for user := range users {
		c := s.dial()
		token := bearer(s.token(map[string]any{"sub": strconv.Itoa(user), "jti": strconv.Itoa(user)}))
		require.NoError(t, c.Conn.SetDeadline(end.Add(patience)))
		all.Go(func() {
			for n := 0; time.Now().Before(end) && !t.Failed(); n++ {
				if c == nil {
					c = s.dialAgain()
				}
				name := fmt.Sprintf("%d-%d", user, n)
				request := raw("GET /balance?"+name, token)
				if n%3 == 0 {
					request = withBody(strings.Repeat("b", 1+n%40_000), "POST /balance?"+name, token)
				}
				sent.Add(1)
				behaviour.busy.RLock()
				isWhole, goesOn := isOnlyFor(t, c, request, name)
				behaviour.busy.RUnlock()
				if isWhole {
					whole.Add(1)
				} else {
					broken.Add(1)
				}
				if !goesOn {
					_ = c.Conn.Close()
					c = nil
				}
			}
			if c != nil {
				_ = c.Conn.Close()
			}
		})
	}
	all.Wait()
	t.Logf("%d users in %v: %d requests, %d answered by the upstream, which misbehaved %d times on %d connections; %d whole answers, %d broken",
		users, duration, sent.Load(), behaviour.answered.Load(), behaviour.misbehaved.Load(), upstream.Connections(), whole.Load(), broken.Load())
	require.LessOrEqual(t, behaviour.answered.Load(), sent.Load(), "a request was sent twice")
	require.Positive(t, whole.Load())
	require.Positive(t, broken.Load())
}

// What an upstream says too much may come a moment after its answer. It is seen before the connection serves another user.
func TestConnectionsRestBeforeTheyServeAnotherUser(t *testing.T) {
	upstream := newUpstream(t, answerAll)
	for name, test := range map[string]struct {
		settings    gateway.Upstreams
		users       string
		connections int
	}{
		"one user":        {gateway.Upstreams{QuietPeriod: time.Hour}, "1111", 1},
		"others":          {gateway.Upstreams{QuietPeriod: time.Hour}, "1234", 4},
		"each has one":    {gateway.Upstreams{QuietPeriod: time.Hour}, "12123", 3},
		"after a rest":    {gateway.Upstreams{QuietPeriod: time.Nanosecond}, "1234", 1},
		"few are allowed": {gateway.Upstreams{QuietPeriod: time.Hour, MaxConns: 2}, "1234", 2},
		"enough are idle": {gateway.Upstreams{QuietPeriod: time.Hour, MaxIdleConns: 12}, "123456", 3},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSystem(t, []gateway.Route{balance(upstream.URL())}, options{config: func(c *gateway.Config) { c.Upstreams = test.settings }})
			before := upstream.Connections()
			for _, user := range test.users {
				require.Equal(t, 200, s.do(raw("GET /balance", bearer(s.token(map[string]any{"sub": string(user)})))).StatusCode)
			}
			require.Equal(t, test.connections, upstream.Connections()-before)
		})
	}
}

// isOnlyFor sends a request and reports whether the answer came as a whole, and whether the connection goes on. It fails
// the test when there is a byte in it that is not the user's or the gateway's.
func isOnlyFor(t *testing.T, c *call, request, name string) (isWhole, goesOn bool) {
	if _, err := io.WriteString(c.Conn, request); err != nil {
		return false, false
	}
	response, err := http.ReadResponse(c.Reader, nil)
	if err != nil {
		return false, false
	}
	body, err := io.ReadAll(response.Body)
	text := string(body)
	if response.StatusCode >= 500 {
		if !strings.HasPrefix(text, `{"status":50`) {
			t.Errorf("%s got %q", name, text)
		}
		return false, !response.Close && err == nil
	}
	mark := "<" + name + ">"
	if rest := strings.ReplaceAll(text, mark, ""); err == nil && rest != "" || !strings.HasPrefix(mark, rest) {
		t.Errorf("%s got %.200q", name, rest)
	}
	if user := response.Header.Get("X-User"); user != "" {
		t.Errorf("%s got a hint of %s", name, user)
	}
	return err == nil, err == nil && !response.Close
}
