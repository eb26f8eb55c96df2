package gateway_test

import (
	"errors"
	"io"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/denylist"
	"gatehouse/gateway"
)

// within is how soon what is open ends with its token. Only a denylist that cannot tell has two seconds more.
func within(end string) time.Duration {
	if end == "cannot tell" {
		return 3500 * time.Millisecond
	}
	return time.Second
}

var cutFor = map[string]string{
	"revoked": "token_revoked", "cannot tell": "token_unknown", "expired": "token_expired", "key withdrawn": "key_withdrawn",
}

func TestAnAnswerIsCutWithItsToken(t *testing.T) {
	for name := range cutFor {
		for how, test := range map[string]struct{ head, version string }{
			"chunked":      {chunkedHead + "5\r\nbegun\r\n", "HTTP/1.1"},
			"known length": {"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nbegun", "HTTP/1.1"},
			"until closed": {"HTTP/1.1 200 OK\r\n\r\nbegun", "HTTP/1.0"},
		} {
			t.Run(name+"/"+how, func(t *testing.T) {
				t.Parallel()
				upstream := newUpstream(t, func(l *link) {
					if l.ReadRequest() {
						l.Say(test.head)
						l.Hold()
					}
				})
				defer upstream.Release()
				seen := make(witness, 2)
				s, clock, ring := endable(t, []gateway.Route{balance(upstream.URL())}, seen)
				c := s.dial()
				c.Send(strings.Replace(raw("GET /balance", bearer(s.token(nil))), "HTTP/1.1", test.version, 1))
				response := c.Begin()
				begun := make([]byte, 5)
				_, err := io.ReadFull(response.Body, begun)
				require.NoError(t, err)
				time.Sleep(time.Second)
				endings(s, clock, ring)[name].happens()
				ended := time.Now()
				_, err = io.ReadAll(response.Body)
				require.Less(t, time.Since(ended), within(name))
				require.Error(t, err, "the answer looks complete")
				require.True(t, errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET), "%v", err)
				upstream.AwaitEnd(0)
				<-seen
				o := <-seen
				require.Equal(t, cutFor[name], o.Cut.String())
				require.Equal(t, gateway.NoFailure, o.Failure)
			})
		}
	}
}

// Whoever is slow to take an answer, or is given it as fast as can be, loses it as soon.
func TestAnAnswerIsCutWhoeverWaits(t *testing.T) {
	flood := func(l *link) {
		if l.ReadRequest() {
			l.Say(chunkedHead)
			for {
				if _, err := io.WriteString(l.Conn, "10000\r\n"+large[:1<<16]+"\r\n"); err != nil {
					return
				}
			}
		}
	}
	for _, secured := range []bool{false, true} {
		upstream := newUpstream(t, flood)
		seen := make(witness, 2)
		s := newSystem(t, []gateway.Route{balance(upstream.URL())}, options{secured: secured, config: func(c *gateway.Config) { c.Observer = seen }})
		for _, takes := range []bool{true, false} {
			before := upstream.Connections()
			s.denylist.set(nil)
			c := s.dial()
			c.Send(raw("GET /balance", bearer(s.token(nil))))
			response := c.Begin()
			<-seen
			ended := make(chan error, 1)
			if takes {
				go func() {
					_, err := io.Copy(io.Discard, response.Body)
					ended <- err
				}()
			}
			time.Sleep(1500 * time.Millisecond)
			s.denylist.set(denylist.ErrRevoked)
			revoked := time.Now()
			require.Equal(t, "token_revoked", (<-seen).Cut.String())
			require.Less(t, time.Since(revoked), time.Second)
			upstream.AwaitClosed(before)
			if takes {
				require.Error(t, <-ended)
			}
		}
	}
}

func TestAnUploadIsEndedWithItsToken(t *testing.T) {
	for name := range cutFor {
		for how, request := range map[string]string{
			"known length": raw("POST /balance", "Content-Length: 200000", "TOKEN") + large[:100_000],
			"chunked":      raw("POST /balance", "Transfer-Encoding: chunked", "TOKEN") + "5\r\nhello\r\n",
		} {
			t.Run(name+"/"+how, func(t *testing.T) {
				t.Parallel()
				upstream := newUpstream(t, func(l *link) { _, _ = io.Copy(io.Discard, l.Reader) })
				seen := make(witness, 2)
				s, clock, ring := endable(t, []gateway.Route{balance(upstream.URL(), methods("POST"))}, seen)
				end := endings(s, clock, ring)[name]
				c := s.dial()
				c.Send(strings.Replace(request, "TOKEN", bearer(s.token(nil)), 1))
				upstream.Conn(0)
				time.Sleep(1200 * time.Millisecond)
				end.happens()
				ended := time.Now()
				requireRefused(t, c.Receive("POST"), end.status, end.code)
				require.Less(t, time.Since(ended), within(name))
				upstream.AwaitClosed(0)
				require.True(t, c.IsClosed())
				o := <-seen
				require.Equal(t, cutFor[name], o.Cut.String())
				require.Equal(t, end.verdict.String(), o.Verdict.String())
				require.Positive(t, o.Received)
			})
		}
	}
}

// An upload to which the upstream answers meanwhile has no other answer any more.
func TestAnUploadWhoseAnswerHasBegunIsCut(t *testing.T) {
	upstream := newUpstream(t, func(l *link) {
		if _, ok := l.ReadHead(); ok {
			l.Say(chunkedHead + "5\r\nbegun\r\n")
			_, _ = io.Copy(io.Discard, l.Reader)
		}
	})
	seen := make(witness, 2)
	s := newSystem(t, []gateway.Route{balance(upstream.URL(), methods("POST"))}, observed(seen))
	c := s.dial()
	c.Send(raw("POST /balance", "Transfer-Encoding: chunked", bearer(s.token(nil))) + "5\r\nhello\r\n")
	response := c.Begin()
	for range 6 {
		time.Sleep(200 * time.Millisecond)
		c.Send("5\r\nhello\r\n")
	}
	s.denylist.set(denylist.ErrRevoked)
	body, err := io.ReadAll(response.Body)
	require.Equal(t, "begun", string(body))
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	upstream.AwaitClosed(0)
	<-seen
	o := <-seen
	require.Equal(t, "token_revoked", o.Cut.String())
	require.Equal(t, 35, o.Received)
}

// What became of a request that may have changed something only its answer tells. A question can be asked again.
func TestARequestThatWasSentGetsItsAnswer(t *testing.T) {
	for method, status := range map[string]int{"POST": 200, "DELETE": 200, "GET": 401} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			upstream := newUpstream(t, func(l *link) {
				if l.ReadRequest() {
					l.Hold()
					l.Say(okAnswer)
				}
			})
			s := newSystem(t, []gateway.Route{balance(upstream.URL(), methods(method))}, options{})
			c := s.dial()
			c.Send(strings.Replace(request(method), "\r\n", "\r\n"+bearer(s.token(nil))+"\r\n", 1))
			upstream.Only()
			s.denylist.set(denylist.ErrRevoked)
			time.AfterFunc(1500*time.Millisecond, func() { upstream.Release() })
			require.Equal(t, status, c.Receive(method).StatusCode)
		})
	}
}

// What is over soon is asked about once.
func TestWhatIsOverSoonIsNotWatched(t *testing.T) {
	upstream := newUpstream(t, func(l *link) {
		for l.ReadRequest() {
			l.Say(chunkedHead)
			l.Say("2\r\nok\r\n")
			time.Sleep(20 * time.Millisecond)
			l.Say("0\r\n\r\n")
		}
	})
	s := newSystem(t, []gateway.Route{balance(upstream.URL(), methods("GET", "POST"))}, options{})
	token := bearer(s.token(nil))
	for range 10 {
		require.Equal(t, "ok", s.do(raw("GET /balance", token)).Body)
		require.Equal(t, "ok", s.do(withBody("pay", "POST /balance", token)).Body)
	}
	require.Len(t, s.denylist.queries(), 20)
}

// Who has no token can lose none, and where the route says so nobody is cut because the denylist is down.
func TestWhatOutlivesADenylistThatIsDown(t *testing.T) {
	upstream := newUpstream(t, func(l *link) {
		if l.ReadRequest() {
			l.Say(chunkedHead + "5\r\nbegun\r\n")
			time.Sleep(4 * time.Second)
			l.Say("0\r\n\r\n")
		}
	})
	s := newSystem(t, []gateway.Route{
		balance(upstream.URL(), public),
		balance(upstream.URL(), path("/lenient"), func(r *gateway.Route) { r.OnUnavailable = gateway.Allow }),
	}, options{})
	for name, request := range map[string]string{
		"public": raw("GET /balance"), "lenient": raw("GET /lenient", bearer(s.token(nil))),
	} {
		t.Run(name, func(t *testing.T) {
			s.denylist.set(nil)
			c := s.dial()
			c.Send(request)
			response := c.Begin()
			s.denylist.set(denylist.ErrUnknown)
			body, err := io.ReadAll(response.Body)
			require.NoError(t, err)
			require.Equal(t, "begun", string(body))
		})
	}
}
