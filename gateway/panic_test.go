package gateway_test

import (
	"context"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"gatehouse/denylist"
	"gatehouse/gateway"
)

// moody is a part of the gateway's surroundings that panics when it is told to.
type moody struct {
	in     atomic.Value // string: what panics
	served atomic.Int64 // how many requests the observer was told of
}

func (m *moody) at(what string) {
	if m.in.Load() == what {
		panic("a mistake in " + what)
	}
}

func (m *moody) now() time.Time {
	m.at("the credential")
	return now
}

// moodyDenylist is one that panics.
type moodyDenylist struct {
	*fakeDenylist
	mood *moody
}

func (d moodyDenylist) Check(ctx context.Context, q denylist.Query) error {
	d.mood.at("the denylist")
	return d.fakeDenylist.Check(ctx, q)
}

// moodyObserver is one that panics.
type moodyObserver struct{ mood *moody }

func (o moodyObserver) Begin(*fasthttp.RequestCtx) []byte {
	o.mood.at("the begin")
	return []byte("the-one")
}
func (o moodyObserver) Served(*fasthttp.RequestCtx, *gateway.Observation) {
	o.mood.at("the end")
	o.mood.served.Add(1)
}
func (o moodyObserver) Streamed(*fasthttp.RequestCtx, gateway.AnswerEnd) {
	o.mood.at("the stream's end")
}

// moodyTracer panics when an exchange has ended or was handed over.
type moodyTracer struct{ mood *moody }

func (t moodyTracer) Start(*fasthttp.RequestCtx, int) gateway.Span { return t }
func (moodyTracer) AppendHeader(dst []byte) []byte                 { return dst }
func (t moodyTracer) End(int, gateway.Failure)                     { t.mood.at("the tracer") }

// moodyConn is a caller's connection that panics: once where it is written to, and where it is looked at.
type moodyConn struct {
	net.Conn
	mood *moody
}

func (c moodyConn) Write(p []byte) (int, error) {
	if c.mood.in.CompareAndSwap("the write", "") {
		panic("a mistake in the write")
	}
	return c.Conn.Write(p)
}

func (c moodyConn) NetConn() net.Conn {
	c.mood.at("the look")
	return c.Conn
}

func moodySystem(t *testing.T, u *fakeUpstream, change ...func(*options)) (*system, *moody) {
	mood := &moody{}
	mood.in.Store("")
	opts := options{config: func(c *gateway.Config) {
		c.Denylist = moodyDenylist{c.Denylist.(*fakeDenylist), mood}
		c.Observer, c.Tracer = moodyObserver{mood}, moodyTracer{mood}
		c.Now = mood.now
		c.CORS = gateway.CORS{Origins: []string{"https://app.example"}}
		c.Upstreams.MaxConns, c.Upstreams.ConnWait = 1, time.Millisecond
	}}
	for _, f := range change {
		f(&opts)
	}
	if opts.bare {
		opts.conn = func(c net.Conn) net.Conn { return moodyConn{c, mood} }
	}
	s := newSystem(t, []gateway.Route{
		balance(u.URL(), methods("GET", "POST"), credential("lndhub"), webSocket),
		balance(u.URL(), path("/public"), public, methods("GET", "POST"), webSocket),
	}, opts)
	return s, mood
}

// A mistake in one request is its own: it gets a 500, the log says where, and everything goes on.
func TestAMistakeEndsOneRequest(t *testing.T) {
	upstream := newUpstream(t, answerAll)
	s, mood := moodySystem(t, upstream)
	token := bearer(s.token(nil))
	body := "Content-Length: 2"
	for name, test := range map[string]struct{ in, request, route string }{
		"denylist":               {"the denylist", raw("GET /balance", token), "/balance"},
		"denylist, with a body":  {"the denylist", withBody("hi", "POST /balance", token), "/balance"},
		"denylist, behind a 100": {"the denylist", raw("POST /balance", token, body, "Expect: 100-continue"), "/balance"},
		"credential":             {"the credential", raw("GET /balance", token), "/balance"},
		"credential, 100":        {"the credential", raw("POST /balance", token, body, "Expect: 100-continue"), "/balance"},
		"begin":                  {"the begin", raw("GET /balance", token), ""},
		"begin of a preflight":   {"the begin", raw("OPTIONS /balance", "Origin: https://app.example", "Access-Control-Request-Method: GET"), ""},
		"begin, 100":             {"the begin", raw("POST /balance", token, body, "Expect: 100-continue"), ""},
		"begin of what is none":  {"the begin", "GET /balance HTTP/1.1\r\nno field\r\n\r\n", ""},
		"unknown method":         {"the end", raw("FETCH /balance", token), ""},
		"end":                    {"the end", raw("GET /balance", token), "/balance"},
		"end of a preflight":     {"the end", raw("OPTIONS /balance", "Origin: https://app.example", "Access-Control-Request-Method: GET"), ""},
		"end of a refused 100":   {"the end", raw("POST /balance", body, "Expect: 100-continue"), ""},
		"tracer":                 {"the tracer", raw("GET /balance", token), "/balance"},
		"tracer, large body":     {"the tracer", withBody(large[:100_000], "POST /balance", token), "/balance"},
	} {
		t.Run(name, func(t *testing.T) {
			s.log.Reset()
			mood.in.Store(test.in)
			served := mood.served.Load()
			requireRefused(t, s.do(test.request), 500, "server_error")
			mood.in.Store("")
			if test.in != "the begin" && test.in != "the end" {
				require.Equal(t, served+1, mood.served.Load(), "it is counted and logged as every request is")
			}
			logged := s.log.String()
			require.Contains(t, logged, "a mistake in "+test.in)
			require.Contains(t, logged, "panic_test.go:", "the stack")
			require.NotContains(t, logged, s.token(nil))
			if test.in != "the begin" {
				require.Contains(t, logged, "request_id=the-one")
			}
			if test.route != "" {
				require.Regexp(t, `route="[A-Z,]+ `+test.route+`"`, logged)
			}
			require.Equal(t, 200, s.do(raw("GET /balance", token)).StatusCode, "the upstream's one place is free")
		})
	}
}

// What was handed over to others already, a stream, an upload or a WebSocket, ends with the request.
func TestAMistakeLeavesNothingBehind(t *testing.T) {
	early := func(l *link) {
		for {
			r, ok := l.ReadHead()
			if !ok {
				return
			}
			if r.Method == "GET" && len(r.Values("Upgrade")) > 0 {
				l.Say(switching())
				_, _ = io.Copy(io.Discard, l.Reader)
				return
			}
			if r.Method == "GET" {
				l.Say(okAnswer)
				continue
			}
			l.Say(chunkedHead + "5\r\nbegun\r\n") // while the upload goes on
			_, _ = io.Copy(io.Discard, l.Reader)
			return
		}
	}
	for _, in := range []string{"the tracer", "the end", "the stream's end"} {
		for name, request := range map[string]string{
			"upload":    raw("POST /public", "Transfer-Encoding: chunked") + "5\r\nhello\r\n",
			"WebSocket": handshake("/public"),
		} {
			if in == "the stream's end" && name == "WebSocket" {
				continue
			}
			t.Run(in+"/"+name, func(t *testing.T) {
				upstream := newUpstream(t, early)
				s, mood := moodySystem(t, upstream)
				mood.in.Store(in)
				c := s.dial()
				c.Send(request)
				if in == "the stream's end" {
					response := c.Begin()
					c.CloseWrite()
					_, err := io.ReadAll(response.Body)
					require.Error(t, err)
					upstream.AwaitClosed(0)
					logged := s.log.awaitLine(t, "a mistake in "+in)
					require.Contains(t, logged, "request_id=the-one")
					require.Contains(t, logged, "panic_test.go:", "the stack")
				} else {
					requireRefused(t, c.Receive("POST"), 500, "server_error")
				}
				upstream.AwaitClosed(0)
				require.Zero(t, s.gateway.WebSockets())
				mood.in.Store("")
				for range 3 {
					require.Equal(t, "ok", s.do(raw("GET /public")).Body)
				}
			})
		}
	}
}

// bare serves connections that can panic.
func bare(o *options) { o.bare = true }

// A mistake in the middle of an answer cuts it. What has come of it is sent.
func TestAMistakeInAStreamCutsIt(t *testing.T) {
	upstream := newUpstream(t, func(l *link) {
		for l.ReadRequest() {
			if l.Last.Target == "/public?stream" {
				l.Say(chunkedHead + "5\r\nbegun\r\n")
				l.Hold()
			}
			l.Say(okAnswer)
		}
	})
	defer upstream.Release()
	s, mood := moodySystem(t, upstream, bare)
	mood.in.Store("the write")
	c := s.dial()
	c.Send(raw("GET /public?stream"))
	body, err := io.ReadAll(c.Begin().Body)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.Equal(t, "begun", string(body))
	upstream.AwaitEnd(0)
	logged := s.log.awaitLine(t, "a mistake in the write")
	require.Contains(t, logged, "request_id=the-one")
	require.Regexp(t, `route="[A-Z,]+ /public"`, logged)
	require.Equal(t, 200, s.do(raw("GET /public")).StatusCode, "the upstream's one place is free")
}

// A mistake while an answer is waited for leaves neither a connection nor a token that is watched.
func TestAMistakeWhileAnAnswerIsWaitedFor(t *testing.T) {
	upstream := newUpstream(t, func(l *link) {
		if l.ReadRequest() {
			l.Hold()
		}
	})
	defer upstream.Release()
	s, mood := moodySystem(t, upstream, bare)
	asked := func(jti string) (times int) {
		for _, q := range s.denylist.queries() {
			if q.TokenID == jti {
				times++
			}
		}
		return times
	}
	waits := func(jti string) *call {
		before := asked(jti)
		c := s.dial()
		c.Send(raw("GET /balance", bearer(s.token(map[string]any{"jti": jti}))))
		require.Eventually(t, func() bool { return asked(jti) > before+2 }, patience, time.Millisecond, "it is watched")
		return c
	}
	first := waits("first")
	mood.in.Store("the look")
	requireRefused(t, first.Receive("GET"), 500, "server_error")
	mood.in.Store("")
	upstream.AwaitEnd(0)
	before := asked("first")
	waits("second") // in the one place, and asked about again and again
	require.Equal(t, before, asked("first"))
}

// A mistake in the second look at a token comes when the upstream's place is taken already.
func TestAMistakeInTheSecondLookGivesThePlaceBack(t *testing.T) {
	upstream := newUpstream(t, func(l *link) {
		for l.ReadRequest() {
			if l.Last.Target == "/public?slow" {
				l.Hold()
			}
			l.Say(okAnswer)
		}
	})
	s, mood := moodySystem(t, upstream, func(o *options) {
		usual := o.config
		o.config = func(c *gateway.Config) { usual(c); c.Upstreams.ConnWait = patience }
	})
	first, second := s.dial(), s.dial()
	first.Send(raw("GET /public?slow"))
	upstream.Only()
	second.Send(raw("GET /balance", bearer(s.token(nil))))
	require.Eventually(t, func() bool { return len(s.denylist.queries()) == 1 }, patience, time.Millisecond)
	time.Sleep(100 * time.Millisecond) // it has waited for its place
	mood.in.Store("the denylist")
	upstream.Release()
	require.Equal(t, 200, first.Receive("GET").StatusCode)
	requireRefused(t, second.Receive("GET"), 500, "server_error")
	mood.in.Store("")
	require.Equal(t, 200, s.do(raw("GET /public")).StatusCode)
}

// A request's body is read from a stream that the server uses for the next request again. After a mistake nobody reads from
// another's.
func TestAMistakeLeavesNoUploadThatReadsOn(t *testing.T) {
	upstream := newUpstream(t, func(l *link) {
		if _, ok := l.ReadHead(); ok {
			l.Say(chunkedHead + "5\r\nbegun\r\n")
			_, _ = io.Copy(io.Discard, l.Reader)
		}
	})
	reader := newUpstream(t, answerAll)
	mood := &moody{}
	s := newSystem(t, []gateway.Route{
		balance(upstream.URL(), public, methods("POST")), balance(reader.URL(), path("/reader"), public, methods("POST")),
	}, options{config: func(c *gateway.Config) { c.Observer, c.Tracer = moodyObserver{mood}, moodyTracer{mood} }})
	for n := range 30 {
		mood.in.Store("the tracer")
		c := s.dial()
		c.Send(raw("POST /balance", "Content-Length: 100000") + strings.Repeat("a", 20_000))
		requireRefused(t, c.Receive("POST"), 500, "server_error")
		mood.in.Store("")
		require.Equal(t, 200, s.do(withBody(strings.Repeat("b", 100_000), "POST /reader")).StatusCode)
		require.Equal(t, strings.Repeat("b", 100_000), reader.Requests()[n].Body)
	}
}

// A mistake in the watch ends nothing for the moment, and what it leaves unknown for too long is cut.
func TestAMistakeInTheWatch(t *testing.T) {
	upstream := newUpstream(t, func(l *link) {
		if l.ReadRequest() {
			l.Say(chunkedHead + "5\r\nbegun\r\n")
			l.Hold()
			l.Say("0\r\n\r\n")
		}
	})
	s, mood := moodySystem(t, upstream)
	c := s.dial()
	c.Send(raw("GET /balance", bearer(s.token(nil))))
	response := c.Begin()
	time.Sleep(time.Second)
	mood.in.Store("the denylist")
	began := time.Now()
	_, err := io.ReadAll(response.Body)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.Greater(t, time.Since(began), 1500*time.Millisecond)
	upstream.AwaitEnd(0)
	mood.in.Store("")

	upstream.Release()
	c = s.dial()
	c.Send(raw("GET /balance", bearer(s.token(nil))))
	body, err := io.ReadAll(c.Begin().Body)
	require.NoError(t, err)
	require.Equal(t, "begun", string(body))
	require.Contains(t, s.log.String(), "a mistake in the denylist")
}
