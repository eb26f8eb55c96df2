package gateway_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/gateway"
	"gatehouse/gateway/gatewaytest"
)

var allMethods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

func publicSystem(t *testing.T, u *fakeUpstream, config func(*gateway.Config), change ...func(*gateway.Route)) *system {
	t.Helper()
	change = append([]func(*gateway.Route){public, methods(allMethods...)}, change...)
	return newSystem(t, []gateway.Route{balance(u.URL(), change...)}, options{config: config})
}

func request(method string) string {
	if method == "POST" || method == "PUT" || method == "PATCH" {
		return withBody("pay 100", method+" /balance")
	}
	return raw(method + " /balance")
}

func answerTo(method string) string {
	if method == "HEAD" {
		return "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"
	}
	return okAnswer
}

func TestNothingIsSentTwice(t *testing.T) {
	breakOff := map[string]func(l *link){
		"closes":             func(*link) {},
		"resets":             (*link).ResetOnClose,
		"half a status line": func(l *link) { l.Say("HTTP/1.1 20") },
		"half a header":      func(l *link) { l.Say("HTTP/1.1 200 OK\r\nContent-") },
		"an interim answer":  func(l *link) { l.Say("HTTP/1.1 103 Early Hints\r\n\r\n") },
		"only an empty line": func(l *link) { l.Say("\r\n\r\n") },
	}
	for how, end := range breakOff {
		for _, method := range allMethods {
			t.Run(how+"/fresh/"+method, func(t *testing.T) {
				upstream := newUpstream(t, func(l *link) {
					if l.ReadRequest() {
						end(l)
					}
				})
				requireBroken(t, publicSystem(t, upstream, nil), method)
				require.Len(t, upstream.Requests(), 1)
			})
			t.Run(how+"/reused/"+method, func(t *testing.T) {
				upstream := newUpstream(t, func(l *link) {
					if l.ReadRequest() {
						l.Say(answerTo(method))
					}
					if l.ReadRequest() {
						end(l)
					}
				})
				s := publicSystem(t, upstream, nil)
				require.Equal(t, 200, s.do(request(method)).StatusCode)
				requireBroken(t, s, method)
				require.Len(t, upstream.Requests(), 2)
				require.Equal(t, 1, upstream.Connections(), "the second request went over the first one's connection")
			})
		}
	}
}

func requireBroken(t *testing.T, s *system, method string) {
	t.Helper()
	a := s.do(request(method))
	if method == "HEAD" {
		require.Equal(t, 502, a.StatusCode)
		return
	}
	requireRefused(t, a, 502, "bad_gateway")
}

func TestConnectionThatWentStaleIsReplaced(t *testing.T) {
	for _, method := range allMethods {
		t.Run(method, func(t *testing.T) {
			upstream := newUpstream(t, func(l *link) {
				if l.Number > 0 {
					for l.ReadRequest() {
						l.Say(answerTo(method))
					}
				} else if l.ReadRequest() {
					l.Say(answerTo(method)) // and hangs up
				}
			})
			s := publicSystem(t, upstream, nil)
			require.Equal(t, 200, s.do(request(method)).StatusCode)
			upstream.AwaitClosed(0)
			require.Equal(t, 200, s.do(request(method)).StatusCode)
			require.Len(t, upstream.Requests(), 2, "one each")
			require.Equal(t, 2, upstream.Connections())
		})
	}
}

func TestUnaskedAnswerReachesNobody(t *testing.T) {
	for how, push := range map[string]func(l *link, pushed chan struct{}){
		"in the same segment": func(l *link, pushed chan struct{}) {
			l.Say(answerFor("first") + answerFor("nobody"))
			close(pushed)
		},
		"later": func(l *link, pushed chan struct{}) {
			l.Say(answerFor("first"))
			go func() {
				l.Hold()
				l.Say(answerFor("nobody"))
				close(pushed)
			}()
		},
		"one byte later": func(l *link, pushed chan struct{}) {
			l.Say(answerFor("first"))
			go func() {
				l.Hold()
				l.Say("H")
				close(pushed)
			}()
		},
		"a body where there is none": func(l *link, pushed chan struct{}) {
			l.Say("HTTP/1.1 204 No Content\r\nContent-Length: 6\r\n\r\nnobody")
			close(pushed)
		},
	} {
		t.Run(how, func(t *testing.T) {
			pushed := make(chan struct{})
			upstream := newUpstream(t, func(l *link) {
				for l.ReadRequest() {
					if l.Number == 0 {
						push(l, pushed)
					} else {
						l.Say(answerFor("second"))
					}
				}
			})
			s := publicSystem(t, upstream, nil)
			require.NotContains(t, s.do(raw("GET /balance")).Body, "nobody")
			upstream.Release()
			<-pushed
			require.Equal(t, "second", s.do(withBody("pay 100", "POST /balance")).Body)
			require.Len(t, upstream.Requests(), 2)
			upstream.AwaitClosed(0)
		})
	}
}

func TestEveryCallerGetsTheirOwnAnswer(t *testing.T) {
	upstream := newUpstream(t, func(l *link) {
		for l.ReadRequest() {
			_, user, _ := strings.Cut(l.Last.Target, "?")
			l.Say(answerFor(user))
		}
	})
	s := publicSystem(t, upstream, func(c *gateway.Config) { c.Upstreams.MaxConns, c.Upstreams.ConnWait = 4, patience })
	var callers sync.WaitGroup
	for user := range 20 {
		c := s.dial()
		callers.Go(func() {
			for n := range 50 {
				want := fmt.Sprintf("user-%d-%d", user, n)
				c.Send(raw("GET /balance?" + want))
				if got := c.Receive("GET").Body; got != want {
					t.Errorf("got the answer of %q, want %q", got, want)
					return
				}
			}
		})
	}
	callers.Wait()
	require.LessOrEqual(t, upstream.Connections(), 4)
}

func TestBrokenAnswersAreNotPassedOn(t *testing.T) {
	for name, reply := range map[string]string{
		"status 000":          "HTTP/1.1 000 secret\r\nContent-Length: 0\r\n\r\n",
		"status 600":          "HTTP/1.1 600 secret\r\nContent-Length: 0\r\n\r\n",
		"signed status":       "HTTP/1.1 +20 secret\r\nContent-Length: 0\r\n\r\n",
		"no status":           "HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
		"two spaces":          "HTTP/1.1  200 secret\r\nContent-Length: 0\r\n\r\n",
		"HTTP/2.0":            "HTTP/2.0 200 secret\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.2":            "HTTP/1.2 200 secret\r\nContent-Length: 0\r\n\r\n",
		"http/1.1":            "http/1.1 200 secret\r\nContent-Length: 0\r\n\r\n",
		"an empty line first": "\r\n" + okAnswer,
		"continued line":      "HTTP/1.1 200 OK\r\nX-A: 1\r\n Content-Length: 6\r\nContent-Length: 6\r\n\r\nsecret",
		"CR in a line":        "HTTP/1.1 200 OK\r\nX-A: 1\rX-B: secret\r\nContent-Length: 0\r\n\r\n",
		"LF in a line":        "HTTP/1.1 200 OK\r\nX-A: 1\nX-B: secret\r\nContent-Length: 0\r\n\r\n",
		"NUL in a line":       "HTTP/1.1 200 OK\r\nX-A: secret\x00\r\nContent-Length: 0\r\n\r\n",
		"too many lines":      "HTTP/1.1 200 OK\r\n" + strings.Repeat("X-A: secret\r\n", 2000) + "Content-Length: 0\r\n\r\n",
		"cut body":            "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nsecret",
		"no body":             "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n",
		"bad chunk":           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nsecret\r\n0\r\n\r\n",
		"chunk too long":      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nsecret\r\n0\r\n\r\n",
		"unknown encoding":    "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nsecret",
		"two lengths":         "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nContent-Length: 7\r\n\r\nsecret",
		"length and chunks":   "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nsecret\r\n0\r\n\r\n",
		"chunks and length":   "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n6\r\nsecret\r\n0\r\n\r\n",
		"chunked twice":       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nsecret\r\n0\r\n\r\n",
		"gzip, chunked":       "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n6\r\nsecret\r\n0\r\n\r\n",
		"identity":            "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\nsecret",
		"chunked in HTTP/1.0": "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nsecret\r\n0\r\n\r\n",
		"list of lengths":     "HTTP/1.1 200 OK\r\nContent-Length: 6, 6\r\n\r\nsecret",
		"signed length":       "HTTP/1.1 200 OK\r\nContent-Length: +6\r\n\r\nsecret",
		"no length at all":    "HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\nsecret",
		"endless length":      "HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551622\r\n\r\nsecret",
		"a space in a length": "HTTP/1.1 200 OK\r\nContent-Length : 6\r\nContent-Length: 7\r\n\r\nsecret!",
		"negative length":     "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nsecret",
		"not HTTP":            "SSH-2.0-secret\r\n\r\n",
		"bad status":          "HTTP/1.1 20x secret\r\n\r\n",
		"status below 100":    "HTTP/1.1 099 secret\r\nContent-Length: 0\r\n\r\n" + okAnswer,
		"changed protocols":   "HTTP/1.1 101 Switching Protocols\r\nUpgrade: secret\r\nConnection: upgrade\r\n\r\n" + okAnswer,
		"interim without end": strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 9) + okAnswer,
		"header too long":     "HTTP/1.1 200 OK\r\nX-Secret: " + strings.Repeat("x", 20<<10) + "\r\nContent-Length: 0\r\n\r\n",
		"bad header":          "HTTP/1.1 200 OK\r\nsecret\r\nContent-Length: 0\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			upstream := newUpstream(t, func(l *link) {
				if l.ReadRequest() {
					l.Say(reply)
				}
			})
			s := publicSystem(t, upstream, nil)
			a := s.do(raw("GET /balance"))
			requireRefused(t, a, 502, "bad_gateway")
			require.Empty(t, a.Header.Get("Upgrade"))
			require.NotContains(t, s.log.String(), "secret", "an answer belongs to a user, not in a log")
			upstream.Only()
		})
	}
}

func TestUpstreamThatCannotBeReached(t *testing.T) {
	s := newSystem(t, []gateway.Route{balance("http://"+gatewaytest.Unreachable(t), public)}, options{config: func(c *gateway.Config) {
		c.Upstreams.MaxConns, c.Upstreams.ConnWait = 1, time.Millisecond
	}})
	for range 3 {
		requireRefused(t, s.do(raw("GET /balance")), 502, "bad_gateway")
	}
}

func TestSlowUpstream(t *testing.T) {
	for name, begin := range map[string]string{
		"says nothing":        "",
		"stops in the header": "HTTP/1.1 200 OK\r\nConte",
		"stops after header":  "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
		"stops in the body":   "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab",
		"stops after interim": "HTTP/1.1 102 Processing\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			inTime(t, soon/2, func(timeout time.Duration) bool {
				upstream := newUpstream(t, func(l *link) {
					if l.ReadRequest() {
						l.Say(begin)
						l.ReadRequest() // until the gateway hangs up
					}
				})
				s := publicSystem(t, upstream, nil, func(r *gateway.Route) { r.Timeout = timeout })
				requireRefused(t, s.do(raw("GET /balance")), 504, "gateway_timeout")
				if len(upstream.Requests()) == 0 {
					return false
				}
				upstream.AwaitClosed(0)
				upstream.Only()
				return true
			})
		})
	}
}

// Waiting for a CR that never comes would keep the caller until the timeout.
func TestAnswerWithoutCarriageReturnsIsRefusedAtOnce(t *testing.T) {
	for name, reply := range map[string]string{
		"status line": "HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
		"a field":     "HTTP/1.1 200 OK\r\nContent-Length: 2\n\r\nok",
		"the end":     "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\nok",
		"interim":     "HTTP/1.1 100 Continue\n\n" + okAnswer,
		"a trailer":   "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\n",
	} {
		t.Run(name, func(t *testing.T) {
			upstream := newUpstream(t, answering(reply))
			s := publicSystem(t, upstream, nil)
			requireRefused(t, s.do(raw("GET /balance")), 502, "bad_gateway")
			upstream.AwaitClosed(0)
			upstream.Only()
		})
	}
}

func TestConnectionLimit(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	upstream := newUpstream(t, func(l *link) {
		for l.ReadRequest() {
			entered <- struct{}{}
			<-leave
			l.Say(okAnswer)
		}
	})
	t.Run("waits in vain", func(t *testing.T) {
		s := publicSystem(t, upstream, func(c *gateway.Config) {
			c.Upstreams.MaxConns, c.Upstreams.ConnWait = 1, 50*time.Millisecond
		})
		first := s.dial()
		first.Send(raw("GET /balance"))
		<-entered
		a := s.do(withBody("pay 100", "POST /balance"))
		requireRefused(t, a, 503, "temporarily_unavailable")
		require.Equal(t, "1", a.Header.Get("Retry-After"))
		upstream.Only()
		leave <- struct{}{}
		require.Equal(t, 200, first.Receive("GET").StatusCode)
	})
	t.Run("gets its turn", func(t *testing.T) {
		s := publicSystem(t, upstream, func(c *gateway.Config) {
			c.Upstreams.MaxConns, c.Upstreams.ConnWait = 1, patience
		})
		var callers sync.WaitGroup
		before := upstream.Connections()
		for range 5 {
			c := s.dial()
			callers.Go(func() {
				c.Send(raw("GET /balance"))
				c.Receive("GET")
			})
		}
		for range 5 {
			<-entered
			leave <- struct{}{}
		}
		callers.Wait()
		require.Equal(t, before+1, upstream.Connections())
	})
}

func TestAnswersAreCopied(t *testing.T) {
	for name, test := range map[string]struct {
		method, reply string
		status        int
		body          string
		header        map[string][]string // nil: absent
	}{
		"plain": {"GET", "HTTP/1.1 201 Made Up\r\nContent-Type: a/b\r\nServer: upstream\r\nX-A: 1\r\nX-A: 2\r\nContent-Encoding: br\r\nContent-Length: 2\r\n\r\nok",
			201, "ok", map[string][]string{
				"Content-Type": {"a/b"}, "Server": {"upstream"}, "X-A": {"1", "2"}, "Content-Encoding": {"br"}, "Content-Length": {"2"}}},
		"nothing is added": {"GET", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
			200, "ok", map[string][]string{"Content-Type": nil, "Server": nil}},
		"cookies": {"GET", "HTTP/1.1 200 OK\r\nSet-Cookie: a=1; Path=/; HttpOnly\r\nSet-Cookie: b=2\r\nSet-Cookie: a=3\r\nContent-Length: 0\r\n\r\n",
			200, "", map[string][]string{"Set-Cookie": {"a=1; Path=/; HttpOnly", "b=2", "a=3"}}},
		"cookies of the authorization server": {"GET", "HTTP/1.1 200 OK\r\nSet-Cookie: gatehouse=x\r\nSet-Cookie: =gatehouse=x\r\nSet-Cookie: __Host-gatehouse=x; Path=/\r\nset-cookie: gatehouse-browser=\r\nSet-Cookie: gatehouses=1\r\nContent-Length: 0\r\n\r\n",
			200, "", map[string][]string{"Set-Cookie": {"gatehouses=1"}}},
		"hop by hop": {"GET", "HTTP/1.1 200 OK\r\nConnection: x-hop, close\r\nX-Hop: 1\r\nKeep-Alive: 5\r\nProxy-Authenticate: Basic\r\nProxy-X: 1\r\nTE: x\r\nTrailer: X-T\r\nUpgrade: h2\r\nX-End: 1\r\nContent-Length: 0\r\n\r\n",
			200, "", map[string][]string{"X-Hop": nil, "Keep-Alive": nil, "Proxy-Authenticate": nil, "Proxy-X": nil,
				"Te": nil, "Trailer": nil, "Upgrade": nil, "Connection": nil, "X-End": {"1"}}},
		"chunked": {"GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n",
			200, "ok", map[string][]string{"Content-Length": {"2"}, "Transfer-Encoding": nil}},
		"trailers": {"GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n2\r\nok\r\n0\r\nX-T: 1\r\nAccess-Control-Allow-Origin: *\r\n\r\n",
			200, "ok", map[string][]string{"X-T": nil, "Access-Control-Allow-Origin": nil}},
		"announced trailers": {"GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: Content-Type, content-length, b@d,\r\nTrailer: X-T\r\nContent-Type: a/b\r\n\r\n2\r\nok\r\n0\r\nContent-Type: c/d\r\nb@d\r\n\r\n",
			200, "ok", map[string][]string{"Trailer": nil, "Content-Type": {"a/b"}}},
		"announced, not sent": {"GET", "HTTP/1.1 200 OK\r\nTrailer: Content-Type\r\nContent-Length: 2\r\n\r\nok", 200, "ok", map[string][]string{"Trailer": nil}},
		"two lists of hop by hop": {"GET", "HTTP/1.1 200 OK\r\nConnection: x-a\r\nX-A: 1\r\nX-B: 2\r\nX-C: 3\r\nConnection: close, X-B\r\nContent-Length: 0\r\n\r\n",
			200, "", map[string][]string{"X-A": nil, "X-B": nil, "X-C": {"3"}, "Connection": nil}},
		"odd spaces":        {"GET", "HTTP/1.1 200\r\nX-A : \t 1 \r\nX B: 2\r\nContent-Length\t:2\r\n\r\nok", 200, "ok", map[string][]string{"X-A": {"1"}, "X B": nil}},
		"same length twice": {"GET", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok", 200, "ok", map[string][]string{"Content-Length": {"2"}}},
		"until closed":      {"GET", "HTTP/1.1 200 OK\r\n\r\nok", 200, "ok", map[string][]string{"Content-Length": nil, "Connection": nil}},
		"HTTP/1.0":          {"GET", "HTTP/1.0 200 OK\r\n\r\nok", 200, "ok", nil},
		"interim":           {"GET", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + okAnswer, 200, "ok", map[string][]string{"Link": nil}},
		"no content":        {"DELETE", "HTTP/1.1 204 No Content\r\nX-A: 1\r\n\r\n", 204, "", map[string][]string{"X-A": {"1"}, "Content-Length": nil}},
		"not modified":      {"GET", "HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\nContent-Length: 99\r\n\r\n", 304, "", map[string][]string{"Etag": {`"x"`}}},
		"HEAD":              {"HEAD", "HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nContent-Length: 12345\r\n\r\n", 200, "", map[string][]string{"Content-Length": {"12345"}, "Content-Type": {"a/b"}}},
		"HEAD, chunked":     {"HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", 200, "", map[string][]string{"Content-Length": nil}},
		"HEAD, no length":   {"HEAD", "HTTP/1.1 200 OK\r\n\r\n", 200, "", map[string][]string{"Content-Length": nil}},
		"empty":             {"GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, "", map[string][]string{"Content-Length": {"0"}}},
		"redirect":          {"GET", "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n", 302, "", map[string][]string{"Location": {"/elsewhere"}}},
		"error":             {"GET", "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: X\r\nContent-Length: 3\r\n\r\nbad", 401, "bad", map[string][]string{"Www-Authenticate": {"X"}}},
		"binary":            {"GET", "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n\x00\xff\r\n\r\n", 200, "\x00\xff\r\n\r\n", nil},
	} {
		t.Run(name, func(t *testing.T) {
			upstream := newUpstream(t, func(l *link) {
				if l.ReadRequest() {
					l.Say(test.reply)
				}
			})
			s := publicSystem(t, upstream, nil)
			c := s.dial()
			c.Send(request(test.method) + raw("GET /nowhere"))
			a := c.Receive(test.method)
			require.Equal(t, test.status, a.StatusCode)
			require.Equal(t, test.body, a.Body)
			for name, values := range test.header {
				require.Equal(t, values, a.Header[name], name)
			}
			require.Len(t, a.Header["Date"], 1)
			requireRefused(t, c.Receive("GET"), 404, "not_found") // the caller's connection is in step
		})
	}
}

func TestConnectionsAreReused(t *testing.T) {
	for name, reply := range map[string]string{
		"length":  okAnswer,
		"chunked": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-T: 1\r\n\r\n",
		"empty":   "HTTP/1.1 204 No Content\r\n\r\n",
		"interim": "HTTP/1.1 103 Early Hints\r\n\r\n" + okAnswer,
	} {
		t.Run(name, func(t *testing.T) {
			upstream := newUpstream(t, answering(reply))
			s := newSystem(t, []gateway.Route{
				balance(upstream.URL(), public), balance(upstream.URL()+"/v2", public, path("/other")),
			}, options{})
			c := s.dial() // the next request is read when the upstream's connection has been given back
			for range 3 {
				for _, request := range []string{raw("GET /balance"), raw("GET /other")} {
					c.Send(request)
					c.Receive("GET")
				}
			}
			require.Len(t, upstream.Requests(), 6)
			require.Equal(t, 1, upstream.Connections())
		})
	}
}

func TestConnectionsThatAreNotReused(t *testing.T) {
	for name, reply := range map[string]string{
		"close":              "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
		"close among others": "HTTP/1.1 200 OK\r\nConnection: x, Close\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.0":           "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n",
		"close, and large":   "HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(large),
	} {
		t.Run(name, func(t *testing.T) {
			upstream := newUpstream(t, answering(reply))
			s := publicSystem(t, upstream, nil)
			for range 2 {
				require.Equal(t, 200, s.do(raw("GET /balance")).StatusCode)
			}
			require.Equal(t, 2, upstream.Connections())
		})
	}
}

func TestIdleConnectionsAreClosed(t *testing.T) {
	upstream := newUpstream(t, answerAll)
	s := publicSystem(t, upstream, func(c *gateway.Config) { c.Upstreams.KeepIdle = 20 * time.Millisecond })
	require.Equal(t, 200, s.do(raw("GET /balance")).StatusCode)
	upstream.AwaitClosed(0)
}

func TestIdleConnectionsAreFew(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	upstream := newUpstream(t, func(l *link) {
		for l.ReadRequest() {
			entered <- struct{}{}
			<-leave
			l.Say(okAnswer)
		}
	})
	s := publicSystem(t, upstream, func(c *gateway.Config) { c.Upstreams.MaxIdleConns = 1 })
	first, second := s.dial(), s.dial()
	for _, c := range []*call{first, second} {
		c.Send(raw("GET /balance"))
		<-entered
	}
	close(leave)
	first.Receive("GET")
	second.Receive("GET")
	select {
	case <-upstream.Closed(0):
	case <-upstream.Closed(1):
	case <-time.After(patience):
		require.Fail(t, "both connections are kept")
	}
}

func TestCloseKeepsNoConnection(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	upstream := newUpstream(t, func(l *link) {
		for l.ReadRequest() {
			if strings.HasSuffix(l.Last.Target, "?wait") {
				entered <- struct{}{}
				<-leave
			}
			l.Say(okAnswer)
		}
	})
	s := publicSystem(t, upstream, nil)
	waiting := s.dial()
	waiting.Send(raw("GET /balance?wait"))
	<-entered
	require.Equal(t, 200, s.do(raw("GET /balance")).StatusCode)

	require.NoError(t, s.gateway.Close())
	upstream.AwaitClosed(1)
	close(leave)
	require.Equal(t, 200, waiting.Receive("GET").StatusCode, "a request that is under way ends well")
	upstream.AwaitClosed(0)
}
