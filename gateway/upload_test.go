package gateway_test

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/gateway"
)

// large is more than goes with a head, huge more than the buffers of sockets hold.
var (
	large = strings.Repeat("0123456789abcdef", 1<<16)
	huge  = strings.Repeat(large, 16)
)

func chunked(parts ...string) string {
	var body strings.Builder
	for _, part := range append(parts, "") {
		fmt.Fprintf(&body, "%x\r\n%s\r\n", len(part), part)
	}
	return body.String()
}

func unlimited(r *gateway.Route) { r.MaxBody = gateway.NoLimit }

func TestLargeBodiesArriveAsTheyWereSent(t *testing.T) {
	upstream := newUpstream(t, answerAll)
	s := publicSystem(t, upstream, nil, unlimited)
	for name, test := range map[string]struct {
		request, body string
		length        []string
	}{
		"known length":    {withBody(large, "POST /balance"), large, []string{fmt.Sprint(len(large))}},
		"chunked":         {raw("POST /balance", "Transfer-Encoding: chunked") + chunked(large[:1], large[1:70_000], large[70_000:]), large, nil},
		"GET with a body": {withBody(large[:100_000], "GET /balance"), large[:100_000], []string{"100000"}},
		"DELETE, chunked": {raw("DELETE /balance", "Transfer-Encoding: chunked") + chunked(large[:100_000]), large[:100_000], nil},
		"16 KiB":          {withBody(large[:16<<10], "PUT /balance"), large[:16<<10], []string{"16384"}},
		"a byte more":     {withBody(large[:16<<10+1], "PUT /balance"), large[:16<<10+1], []string{"16385"}},
	} {
		t.Run(name, func(t *testing.T) {
			before := len(upstream.Requests())
			c := s.dial()
			c.Send(test.request + raw("GET /nowhere"))
			require.Equal(t, "ok", c.Receive("POST").Body)
			requireRefused(t, c.Receive("GET"), 404, "not_found") // the caller's connection is in step
			seen := upstream.Requests()[before:]
			require.Len(t, seen, 1)
			require.True(t, test.body == seen[0].Body, "%d bytes of %d", len(seen[0].Body), len(test.body))
			require.Equal(t, test.length, seen[0].Values("Content-Length"))
			require.Equal(t, test.length == nil, len(seen[0].Values("Transfer-Encoding")) == 1)
		})
	}
	require.Equal(t, 1, upstream.Connections())
}

// parts is an upstream that tells of each part of a body when it has come.
func parts(came chan<- string) func(*link) {
	return func(l *link) {
		if _, ok := l.ReadHead(); !ok {
			return
		}
		buffer := make([]byte, 64<<10)
		for {
			n, err := l.Reader.Read(buffer)
			if err != nil {
				came <- err.Error()
				return
			}
			came <- string(buffer[:n])
		}
	}
}

func TestUploadsArePassedOnAsTheyArrive(t *testing.T) {
	t.Run("chunked", func(t *testing.T) {
		came := make(chan string, 10)
		upstream := newUpstream(t, parts(came))
		c := publicSystem(t, upstream, nil).dial()
		c.Send(raw("POST /balance", "Transfer-Encoding: chunked") + "3;ext=\"x\"\r\none\r\n")
		require.Equal(t, "3\r\none\r\n", <-came)
		c.Send("00003\r\ntwo")
		require.Equal(t, "3\r\ntwo\r\n", <-came)
		c.Send("\r\n0;last\r\n\r\n")
		require.Equal(t, "0\r\n\r\n", <-came)
	})
	t.Run("known length", func(t *testing.T) {
		came := make(chan string, 10)
		upstream := newUpstream(t, parts(came))
		c := publicSystem(t, upstream, nil).dial()
		c.Send(raw("POST /balance", "Content-Length: 30000") + strings.Repeat("a", 20_000))
		for arrived := 0; arrived < 20_000; {
			arrived += len(<-came)
		}
		c.Send(strings.Repeat("b", 10_000))
		require.Equal(t, "b", (<-came)[:1])
	})
}

// cutUploads are bodies that are no bodies, and begin with more than goes with the head.
func cutUploads() map[string]string {
	known := raw("POST /balance", "Content-Length: 200000")
	unknown := raw("POST /balance", "Transfer-Encoding: chunked")
	begun := fmt.Sprintf("%x\r\n%s\r\n", 100_000, large[:100_000])
	return map[string]string{
		"known length":       known + large[:100_000],
		"in a small body":    raw("POST /balance", "Content-Length: 10") + "12345",
		"before the body":    raw("POST /balance", "Content-Length: 10"),
		"in a chunk":         unknown + begun + "ff\r\nabc",
		"in the first chunk": unknown + "ff\r\nabc",
		"after a chunk":      unknown + begun,
		"in a size":          unknown + begun + "f",
		"after the last":     unknown + begun + "0\r\n",
		"in the end":         unknown + begun + "0\r\n\r",
		"in a trailer":       unknown + begun + "0\r\nX-A: b\r\n",
	}
}

func TestCutUploadsNeverLookComplete(t *testing.T) {
	for name, request := range cutUploads() {
		for how, end := range map[string]func(net.Conn){
			"closed": func(c net.Conn) { _ = c.Close() },
			"half":   func(c net.Conn) { _ = c.(*net.TCPConn).CloseWrite() },
			"reset":  func(c net.Conn) { _ = c.(*net.TCPConn).SetLinger(0); _ = c.Close() },
		} {
			t.Run(name+"/"+how, func(t *testing.T) {
				ended := make(chan bool, 1)
				upstream := newUpstream(t, func(l *link) { ended <- l.ReadRequest() })
				seen := make(witness, 2)
				s := publicSystem(t, upstream, func(c *gateway.Config) { c.Observer = seen })
				c := s.dial()
				c.Send(request)
				if how == "reset" && upstreamWasCalled(request) { // a reset takes along what was not read
					require.Eventually(t, func() bool { return upstream.Connections() > 0 }, patience, time.Millisecond)
				}
				end(c.Conn)
				if upstreamWasCalled(request) {
					require.False(t, <-ended, "the upstream takes the request for complete")
				} else if how != "reset" && name != "before the body" {
					<-seen
				}
				require.Empty(t, upstream.Requests())
			})
		}
	}
}

// upstreamWasCalled tells for a cut request whether its beginning is passed on.
func upstreamWasCalled(request string) bool {
	return len(request) > 100_000 || strings.Contains(request, "ff\r\nabc")
}

func TestMalformedUploadsAreRefused(t *testing.T) {
	begun := fmt.Sprintf("%x\r\n%s\r\n", 100_000, large[:100_000])
	for name, rest := range map[string]string{
		"no size":                  "\r\n",
		"not a number":             "zz\r\nab\r\n0\r\n\r\n",
		"a sign":                   "+2\r\nab\r\n0\r\n\r\n",
		"0x":                       "0x2\r\nab\r\n0\r\n\r\n",
		"too many digits":          "00000000000000002\r\nab\r\n0\r\n\r\n",
		"overflow":                 "8000000000000000\r\nab\r\n0\r\n\r\n",
		"bare LF after the size":   "2\nab\r\n0\r\n\r\n",
		"bare CR in an extension":  "2;a\rb\r\nab\r\n0\r\n\r\n",
		"NUL in an extension":      "2;a\x00b\r\nab\r\n0\r\n\r\n",
		"an extension too long":    "2;" + strings.Repeat("a", 5000) + "\r\nab\r\n0\r\n\r\n",
		"longer than its size":     "2\r\nabc\r\n0\r\n\r\n",
		"shorter than its size":    "4\r\nab\r\n0\r\n\r\n",
		"bare LF after the data":   "2\r\nab\n0\r\n\r\n",
		"no CR after the data":     "2\r\nabc\n0\r\n\r\n",
		"no LF after the data":     "2\r\nab\rc0\r\n\r\n",
		"no LF after the size":     "2\rcab\r\n0\r\n\r\n",
		"no LF after a trailer":    "0\r\nX-A: b\rc\r\n\r\n",
		"no LF at the end":         "0\r\n\rc",
		"bare LF at the end":       "0\r\n\n",
		"a trailer without a name": "0\r\n: a\r\n\r\n",
		"a trailer with a space":   "0\r\nX A: b\r\n\r\n",
		"a trailer continued":      "0\r\nX-A: b\r\n c\r\n\r\n",
		"no colon in a trailer":    "0\r\nX-A\r\n\r\n",
		"too many trailers":        "0\r\n" + strings.Repeat("X-A: b\r\n", 3000) + "\r\n",
		"nothing but framing":      strings.Repeat("1;"+strings.Repeat("a", 100)+"\r\na\r\n", 1000) + "0\r\n\r\n",
	} {
		for where, before := range map[string]string{"at once": "", "later": begun} {
			t.Run(name+"/"+where, func(t *testing.T) {
				ended := make(chan bool, 1)
				upstream := newUpstream(t, func(l *link) { ended <- l.ReadRequest() })
				s := publicSystem(t, upstream, nil)
				c := s.dial()
				c.Send(raw("POST /balance", "Transfer-Encoding: chunked") + before + rest)
				requireRefused(t, c.Receive("POST"), 400, "invalid_request")
				_, err := c.Reader.ReadByte()
				require.Error(t, err, "the connection is closed")
				if upstream.Connections() > 0 {
					require.False(t, <-ended, "the upstream takes the request for complete")
				}
				require.Empty(t, upstream.Requests())
			})
		}
	}
}

func TestChunkedBodyThatGrowsTooLarge(t *testing.T) {
	ended := make(chan bool, 1)
	upstream := newUpstream(t, func(l *link) { ended <- l.ReadRequest() })
	s := publicSystem(t, upstream, nil, func(r *gateway.Route) { r.MaxBody = 150_000 })
	c := s.dial()
	c.Send(raw("POST /balance", "Transfer-Encoding: chunked") + chunked(large[:100_000], large[:50_001]))
	requireRefused(t, c.Receive("POST"), 413, "invalid_request")
	require.False(t, <-ended, "the upstream takes the request for complete")
	require.Empty(t, upstream.Requests())
}

func TestRoutesHaveTheirOwnLimitOfBodies(t *testing.T) {
	upstream := newUpstream(t, answerAll)
	post := methods("POST")
	s := newSystem(t, []gateway.Route{
		balance(upstream.URL(), public, post),
		balance(upstream.URL(), public, post, path("/small"), func(r *gateway.Route) { r.MaxBody = 5 }),
		balance(upstream.URL(), public, post, path("/any"), unlimited),
	}, options{config: func(c *gateway.Config) { c.MaxBody = 10 }})
	for target, sizes := range map[string]map[int]int{
		"/balance": {10: 200, 11: 413}, "/small": {5: 200, 6: 413}, "/any": {11: 200, 1 << 20: 200},
	} {
		for size, status := range sizes {
			require.Equal(t, status, s.do(withBody(large[:size], "POST "+target)).StatusCode, "%s %d", target, size)
			c := s.dial()
			c.Send(raw("POST "+target, "Transfer-Encoding: chunked") + chunked(large[:size]))
			require.Equal(t, status, c.Receive("POST").StatusCode, "%s %d, chunked", target, size)
		}
	}
	for _, r := range upstream.Requests() {
		require.True(t, strings.HasPrefix(large, r.Body))
	}
	require.Len(t, upstream.Requests(), 8)
}

// An upstream may answer before it has read the request, and need not read on.
func TestEarlyAnswers(t *testing.T) {
	const tooLarge = "HTTP/1.1 413 Content Too Large\r\nContent-Length: 9\r\n\r\ntoo large"
	stream := "HTTP/1.1 413 Content Too Large\r\nTransfer-Encoding: chunked\r\n\r\n3\r\ntoo\r\n"
	for name, serve := range map[string]func(l *link){
		"and closes":        func(l *link) { l.Say(tooLarge) },
		"and reads no more": func(l *link) { l.Say(tooLarge); l.Hold() },
		"and resets": func(l *link) {
			l.Say(tooLarge)
			l.ResetOnClose()
		},
		"as it likes": func(l *link) {
			l.Say(stream)
			time.Sleep(10 * time.Millisecond)
			l.Say("6\r\n large\r\n0\r\n\r\n")
			l.Hold()
		},
		"and reads on": func(l *link) {
			l.Say(tooLarge)
			_, _ = io.Copy(io.Discard, l.Reader)
		},
	} {
		for framing, request := range map[string]string{
			"known":   withBody(huge, "POST /balance"),
			"chunked": raw("POST /balance", "Transfer-Encoding: chunked") + chunked(huge),
		} {
			t.Run(name+"/"+framing, func(t *testing.T) {
				upstream := newUpstream(t, func(l *link) {
					if _, ok := l.ReadHead(); ok {
						serve(l)
					}
				})
				defer upstream.Release()
				s := publicSystem(t, upstream, nil, unlimited)
				c := s.dial()
				go func() { _, _ = io.WriteString(c.Conn, request) }()
				a := c.Receive("POST")
				require.Equal(t, 413, a.StatusCode)
				require.Equal(t, "too large", a.Body)
				require.True(t, a.Close, "what is left of the body is no request")
				_, err := c.Reader.ReadByte()
				require.Error(t, err)
				upstream.AwaitEnd(0)
				require.Equal(t, 413, s.do(raw("GET /balance")).StatusCode)
				require.Equal(t, 2, upstream.Connections(), "the connection is not used again")
			})
		}
	}
}

// An answer to a request whose body has not come yet is passed on at once.
func TestEarlyAnswerToACallerWhoWaits(t *testing.T) {
	upstream := newUpstream(t, func(l *link) {
		if _, ok := l.ReadHead(); ok {
			l.Say("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")
			_, _ = io.Copy(io.Discard, l.Reader)
		}
	})
	c := publicSystem(t, upstream, nil).dial()
	began := time.Now()
	c.Send(raw("POST /balance", "Transfer-Encoding: chunked") + "3\r\none\r\n")
	a := c.Receive("POST")
	t.Logf("%v", time.Since(began))
	require.Equal(t, "no", a.Body)
	require.True(t, a.Close)
	upstream.AwaitEnd(0)
}

// Both ways at once: each part comes back before the next is sent.
func TestUpstreamThatAnswersWhileItReads(t *testing.T) {
	upstream := newUpstream(t, func(l *link) {
		if _, ok := l.ReadHead(); !ok {
			return
		}
		l.Say(chunkedHead)
		for {
			data, ok := l.ReadChunk()
			if !ok {
				return
			}
			if data == "" {
				l.Say("0\r\n\r\n")
				return
			}
			l.Sayf("%x\r\n%s\r\n", len(data), data)
		}
	})
	c := publicSystem(t, upstream, nil).dial()
	c.Send(raw("POST /balance", "Transfer-Encoding: chunked") + "3\r\n000\r\n")
	response := c.Begin()
	for n := range 100 {
		got := make([]byte, 3)
		_, err := io.ReadFull(response.Body, got)
		require.NoError(t, err)
		require.Equal(t, fmt.Sprintf("%03d", n), string(got))
		if n < 99 {
			c.Send(fmt.Sprintf("3\r\n%03d\r\n", n+1))
		}
	}
	c.Send("0\r\n\r\n")
	rest, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.Empty(t, rest)
	require.True(t, c.IsClosed())
}

func TestUpstreamThatReadsNothing(t *testing.T) {
	upstream := newUpstream(t, func(l *link) {
		if _, ok := l.ReadHead(); ok {
			l.Hold()
		}
	})
	defer upstream.Release()
	s := publicSystem(t, upstream, nil, unlimited, func(r *gateway.Route) { r.IdleTimeout = 300 * time.Millisecond })
	c := s.dial()
	go func() { _, _ = io.WriteString(c.Conn, withBody(huge, "POST /balance")) }()
	requireRefused(t, c.Receive("POST"), 504, "gateway_timeout")
}

func TestUpstreamThatBreaksOffAnUpload(t *testing.T) {
	for name, end := range map[string]func(*link){"closes": func(*link) {}, "resets": (*link).ResetOnClose} {
		t.Run(name, func(t *testing.T) {
			upstream := newUpstream(t, func(l *link) {
				if _, ok := l.ReadHead(); ok {
					end(l)
				}
			})
			s := publicSystem(t, upstream, nil, unlimited)
			c := s.dial()
			go func() { _, _ = io.WriteString(c.Conn, withBody(huge, "POST /balance")) }()
			requireRefused(t, c.Receive("POST"), 502, "bad_gateway")
			require.Equal(t, 1, upstream.Connections(), "nothing is sent again")
		})
	}
}
