package gateway_test

import (
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/gateway"
)

// An upstream may reset the connection whenever it likes: the caller never gets an answer that looks complete, and the
// request is never sent again.
func TestResetsAtEachStage(t *testing.T) {
	for stage, test := range map[string]struct {
		serve    func(l *link)
		requests int
		status   int // 200: the answer is cut
	}{
		"on connect":         {func(*link) {}, 0, 502},
		"in the request":     {func(l *link) { _, _ = l.ReadBytes(10) }, 0, 502},
		"after the request":  {func(l *link) { l.ReadRequest() }, 1, 502},
		"in the status line": {func(l *link) { l.ReadRequest(); l.Say("HTTP/1.1 2") }, 1, 502},
		"in the head":        {func(l *link) { l.ReadRequest(); l.Say("HTTP/1.1 200 OK\r\nX-A: b") }, 1, 502},
		"after hints":        {func(l *link) { l.ReadRequest(); l.Say("HTTP/1.1 103 Early Hints\r\n\r\n") }, 1, 502},
		"in a small body":    {func(l *link) { l.ReadRequest(); l.Say("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab") }, 1, 502},
		"after the head":     {func(l *link) { l.ReadRequest(); l.Say(chunkedHead) }, 1, 200},
		"in a chunk":         {func(l *link) { l.ReadRequest(); l.Say(chunkedHead + "5\r\nab") }, 1, 200},
		"in a large body":    {func(l *link) { l.ReadRequest(); l.Say(answerFor(large)[:50_000]) }, 1, 200},
		"until closed":       {func(l *link) { l.ReadRequest(); l.Say("HTTP/1.1 200 OK\r\n\r\nab") }, 1, 200},
	} {
		for _, method := range []string{"GET", "POST"} {
			t.Run(stage+"/"+method, func(t *testing.T) {
				upstream := newUpstream(t, func(l *link) {
					test.serve(l)
					l.ResetOnClose()
				})
				s := publicSystem(t, upstream, nil)
				c := s.dial()
				c.Send(request(method))
				if test.status == 502 {
					requireRefused(t, c.Receive(method), 502, "bad_gateway")
				} else {
					_, err := io.Copy(io.Discard, c.Begin().Body)
					require.Error(t, err, "the answer looks complete")
				}
				require.Equal(t, 1, upstream.Connections())
				require.Len(t, upstream.Requests(), test.requests)
			})
		}
	}
}

// What an upstream sends before it was asked is nobody's answer.
func TestUpstreamThatSpeaksFirst(t *testing.T) {
	upstream := newUpstream(t, func(l *link) {
		if l.Number == 0 {
			l.Say(answerFor("nobody"))
		}
		for l.ReadRequest() {
			l.Say(answerFor("somebody"))
		}
	})
	// The very first answer cannot be told from one that was asked for: the request was on its way.
	s := publicSystem(t, upstream, nil)
	require.Regexp(t, "nobody|somebody", s.do(raw("GET /balance")).Body)
	for range 3 {
		require.Equal(t, "somebody", s.do(raw("GET /balance")).Body)
	}
	require.Len(t, upstream.Requests(), 4)
}

// A 101 that nobody asked for is no answer, and neither are fields of hints.
func TestInterimAnswers(t *testing.T) {
	const hints = "HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\nContent-Length: 3\r\n\r\n"
	for name, test := range map[string]struct {
		reply  string
		status int
	}{
		"100":               {"HTTP/1.1 100 Continue\r\n\r\n" + okAnswer, 200},
		"103":               {hints + okAnswer, 200},
		"several":           {hints + "HTTP/1.1 102 Processing\r\n\r\n" + hints + okAnswer, 200},
		"101":               {"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n" + okAnswer, 502},
		"103 before chunks": {hints + chunkedHead + "2\r\nok\r\n0\r\n\r\n", 200},
		"103 and no end":    {hints, 502},
	} {
		t.Run(name, func(t *testing.T) {
			upstream := newUpstream(t, func(l *link) {
				if l.ReadRequest() {
					l.Say(test.reply)
				}
			})
			a := publicSystem(t, upstream, nil).do(raw("GET /balance"))
			require.Equal(t, test.status, a.StatusCode)
			require.Empty(t, a.Header["Link"])
			if test.status == 200 {
				require.Equal(t, "ok", a.Body)
			}
			upstream.Only()
		})
	}
}

// Nobody hears of a caller's answer who asks after it on the same connection of the upstream's.
func TestAnswersWithoutBodies(t *testing.T) {
	for name, test := range map[string]struct{ method, reply string }{
		"HEAD":               {"HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"},
		"HEAD, chunked":      {"HEAD", chunkedHead},
		"HEAD, until closed": {"HEAD", "HTTP/1.1 200 OK\r\n\r\n"},
		"204":                {"GET", "HTTP/1.1 204 No Content\r\n\r\n"},
		"304":                {"GET", "HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\n"},
		"304, a length":      {"GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"},
		"304, chunked":       {"GET", "HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n"},
		"nothing":            {"GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"},
		"no chunks":          {"GET", chunkedHead + "0\r\n\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			upstream := newUpstream(t, answering(test.reply))
			s := publicSystem(t, upstream, nil, func(r *gateway.Route) { r.FirstByteTimeout = time.Second })
			c := s.dial()
			for range 3 {
				c.Send(raw(test.method + " /balance"))
				response, err := http.ReadResponse(c.Reader, &http.Request{Method: test.method})
				require.NoError(t, err)
				body, err := io.ReadAll(response.Body)
				require.NoError(t, err)
				require.Empty(t, body)
			}
			if name != "HEAD, until closed" {
				require.Equal(t, 1, upstream.Connections())
			}
		})
	}
}
