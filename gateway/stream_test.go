package gateway_test

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/gateway"
)

const eventsHead = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\n"

// eventLatency is what an event may take. Each is sent when the one before has come, so that what waits for anything but
// the machine does so each time, and the median tells.
const eventLatency = 50 * time.Millisecond

func TestEventsArriveAsTheyAreSent(t *testing.T) {
	for name, test := range map[string]struct{ head, format, end string }{
		"chunked":      {eventsHead + "Transfer-Encoding: chunked\r\n\r\n", "%x\r\n%s\r\n", "0\r\n\r\n"},
		"until closed": {eventsHead + "\r\n", "%[2]s", ""},
	} {
		for _, version := range []string{"HTTP/1.1", "HTTP/1.0"} {
			t.Run(name+"/"+version, func(t *testing.T) {
				next := make(chan time.Time)
				upstream := newUpstream(t, func(l *link) {
					if !l.ReadRequest() {
						return
					}
					l.Say(test.head)
					for range next {
						event := fmt.Sprintf("data: %d\n\n", time.Now().UnixNano())
						l.Sayf(test.format, len(event), event)
					}
					l.Say(test.end)
				})
				c := publicSystem(t, upstream, nil).dial()
				c.Send(strings.Replace(raw("GET /balance", "Connection: keep-alive"), "HTTP/1.1", version, 1))
				response := c.Begin() // the head is there before the first event
				require.Equal(t, "text/event-stream", response.Header.Get("Content-Type"))
				require.Empty(t, response.Header.Get("Content-Length"))
				if version == "HTTP/1.0" {
					require.Empty(t, response.TransferEncoding)
					require.True(t, response.Close)
				} else {
					require.Equal(t, []string{"chunked"}, response.TransferEncoding)
				}
				var took []time.Duration
				for range 20 {
					next <- time.Now()
					buffer := make([]byte, 100)
					n, err := response.Body.Read(buffer)
					require.NoError(t, err)
					sent, err := strconv.ParseInt(strings.TrimPrefix(strings.TrimSpace(string(buffer[:n])), "data: "), 10, 64)
					require.NoError(t, err, "%q", buffer[:n])
					took = append(took, time.Since(time.Unix(0, sent)))
				}
				close(next)
				rest, err := io.ReadAll(response.Body)
				require.NoError(t, err)
				require.Empty(t, rest)
				slices.Sort(took)
				t.Logf("an event took %v, %v at most", took[len(took)/2], took[len(took)-1])
				require.Less(t, took[len(took)/2], eventLatency)
			})
		}
	}
}

func TestLargeAnswersArriveAsTheyWereSent(t *testing.T) {
	many := make([]string, 3000)
	for i := range many {
		many[i] = large[i : i+1+i%977]
	}
	for name, test := range map[string]struct{ reply, body string }{
		"known length":  {answerFor(large), large},
		"16 KiB":        {answerFor(large[:16<<10]), large[:16<<10]},
		"a byte more":   {answerFor(large[:16<<10+1]), large[:16<<10+1]},
		"one chunk":     {chunkedHead + chunked(large), large},
		"many chunks":   {chunkedHead + chunked(many...), strings.Join(many, "")},
		"until closed":  {"HTTP/1.1 200 OK\r\n\r\n" + large, large},
		"from HTTP/1.0": {"HTTP/1.0 200 OK\r\n\r\n" + large, large},
	} {
		for _, version := range []string{"HTTP/1.1", "HTTP/1.0"} {
			t.Run(name+"/"+version, func(t *testing.T) {
				endsByClosing := strings.HasPrefix(name, "until") || strings.HasPrefix(name, "from")
				upstream := newUpstream(t, func(l *link) {
					for l.ReadRequest() {
						l.Say(strings.Replace(test.reply, "\r\n", "\r\nX-A: kept\r\n", 1))
						if endsByClosing {
							return
						}
					}
				})
				s := publicSystem(t, upstream, nil)
				for range 2 {
					c := s.dial()
					c.Send(strings.Replace(raw("GET /balance"), "HTTP/1.1", version, 1))
					a := c.Receive("GET")
					require.True(t, test.body == a.Body, "%d bytes of %d", len(a.Body), len(test.body))
					require.Equal(t, []string{"kept"}, a.Header["X-A"])
					if version == "HTTP/1.0" {
						require.Empty(t, a.TransferEncoding)
						require.True(t, c.IsClosed())
						continue
					}
					c.Send(raw("GET /nowhere"))
					requireRefused(t, c.Receive("GET"), 404, "not_found") // the caller's connection is in step
				}
				if !endsByClosing {
					require.Equal(t, 1, upstream.Connections(), "the connection was used again")
				}
			})
		}
	}
}

func TestAnswersLongerThanTheySay(t *testing.T) {
	for name, reply := range map[string]string{
		"small":             "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirstnobody",
		"large":             "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + strings.Repeat("f", 100_000) + answerFor("nobody"),
		"chunked":           chunkedHead + "5\r\nfirst\r\n0\r\n\r\nnobody",
		"chunked and large": chunkedHead + chunked(strings.Repeat("f", 100_000)) + answerFor("nobody"),
	} {
		t.Run(name, func(t *testing.T) {
			upstream := newUpstream(t, func(l *link) {
				for l.ReadRequest() {
					if l.Number == 0 {
						l.Say(reply)
					} else {
						l.Say(answerFor("second"))
					}
				}
			})
			s := publicSystem(t, upstream, nil)
			a := s.do(raw("GET /balance"))
			require.Regexp(t, "^f", a.Body)
			require.NotContains(t, a.Body, "nobody")
			require.Equal(t, "second", s.do(raw("GET /balance")).Body)
			require.Len(t, upstream.Requests(), 2)
		})
	}
}

// An answer that never ends is the caller's to end, or the route's timeout's.
func TestAnswerWithoutEnd(t *testing.T) {
	upstream := newUpstream(t, func(l *link) {
		if !l.ReadRequest() {
			return
		}
		l.Say("HTTP/1.1 200 OK\r\n\r\n")
		for {
			if _, err := l.Conn.Write([]byte(large[:1<<16])); err != nil {
				return
			}
		}
	})
	for _, version := range []string{"HTTP/1.1", "HTTP/1.0"} {
		inTime(t, soon, func(timeout time.Duration) bool {
			before := upstream.Connections()
			c := publicSystem(t, upstream, nil, func(r *gateway.Route) { r.Timeout = timeout }).dial()
			c.Send(strings.Replace(raw("GET /balance"), "HTTP/1.1", version, 1))
			response := c.Begin()
			_, err := io.Copy(io.Discard, response.Body)
			if response.StatusCode == 504 {
				return false // before it began
			}
			require.Equal(t, 200, response.StatusCode)
			require.Error(t, err, "the answer looks complete")
			upstream.AwaitClosed(before)
			return true
		})
	}
}

func TestTrailersOfAnswers(t *testing.T) {
	const reply = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum, X-Gatehouse-A, Set-Cookie, content-length\r\n" +
		"Trailer: X-Absent\r\nX-Sum: header\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\nX-Sum: 2\r\nX-Unasked: 3\r\nX-Gatehouse-A: 4\r\n" +
		"Set-Cookie: a=b\r\nContent-Length: 5\r\nb@d\r\n\r\n"
	upstream := newUpstream(t, answering(reply))
	s := publicSystem(t, upstream, nil)
	t.Run("asked for", func(t *testing.T) {
		c := s.dial()
		c.Send(raw("GET /balance", "TE: gzip, trailers") + raw("GET /nowhere"))
		response := c.Begin()
		require.Equal(t, http.Header{"X-Sum": nil, "X-Absent": nil}, response.Trailer)
		body, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		require.Equal(t, "ok", string(body))
		require.Equal(t, http.Header{"X-Sum": {"1", "2"}, "X-Absent": nil}, response.Trailer)
		requireRefused(t, c.Receive("GET"), 404, "not_found")
		require.Equal(t, []string{"trailers"}, upstream.Only().Values("TE"))
		require.Equal(t, []string{"TE"}, upstream.Only().Values("Connection"))
	})
	t.Run("not asked for", func(t *testing.T) {
		c := s.dial()
		c.Send(raw("GET /balance") + raw("GET /nowhere"))
		a := c.Receive("GET")
		require.Empty(t, a.Trailer)
		require.Equal(t, "ok", a.Body)
		require.Equal(t, []string{"header"}, a.Header["X-Sum"])
		requireRefused(t, c.Receive("GET"), 404, "not_found")
	})
	t.Run("HTTP/1.0", func(t *testing.T) {
		c := s.dial()
		c.Send(strings.Replace(raw("GET /balance", "TE: trailers"), "HTTP/1.1", "HTTP/1.0", 1))
		a := c.Receive("GET")
		require.Empty(t, a.Trailer)
		require.Equal(t, "ok", a.Body)
	})
	require.Equal(t, 1, upstream.Connections())
}

func TestTrailersOfRequests(t *testing.T) {
	const announced = "X-Sum, X-Gatehouse-Subject, Authorization, X_Gatehouse_Subject, Cookie, X-Forwarded-For, Content-Type"
	const sent = "X-Sum: 1\r\nX-Unasked: 2\r\nX-Gatehouse-Subject: 8\r\nX_Gatehouse_Subject: 8\r\n\r\n"
	upstream := newUpstream(t, answerAll)
	s := newSystem(t, []gateway.Route{balance(upstream.URL(), credential("headers"), methods("POST"))}, options{})
	for name, body := range map[string]string{"small": "ok", "large": large[:100_000]} {
		t.Run(name, func(t *testing.T) {
			before := len(upstream.Requests())
			request := raw("POST /balance", bearer(s.token(nil)), "Transfer-Encoding: chunked", "X-Announced: "+announced, "Trailer: X-Sum") +
				strings.TrimSuffix(chunked(body), "\r\n") + sent
			require.Equal(t, 200, s.do(request).StatusCode)
			seen := upstream.Requests()[before]
			require.Equal(t, []string{"X-Sum"}, seen.Values("Trailer"))
			require.Equal(t, []string{"X-Sum: 1"}, seen.Trailers)
			require.Equal(t, []string{"7"}, seen.Values("X-Gatehouse-Subject"))
			require.Empty(t, seen.Values("X-Sum"))
		})
	}
}
