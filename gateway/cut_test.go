package gateway_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/gateway"
)

// requireCut reads an answer of which begun arrives, and that visibly ends there.
func requireCut(t *testing.T, c *call, begun string) {
	t.Helper()
	response, err := http.ReadResponse(c.Reader, nil)
	require.NoError(t, err, "a caller that gets no answer at all may send its request again")
	require.Equal(t, 200, response.StatusCode)
	body, err := io.ReadAll(response.Body)
	require.Equal(t, begun, string(body))
	require.Error(t, err, "the answer looks complete")
	require.True(t, errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET), "%v", err)
	_, err = c.Reader.ReadByte()
	require.Error(t, err, "the connection is closed")
}

// cutAnswers are the beginnings of answers that are passed on as they arrive, and what arrives of them.
var cutAnswers = map[string]struct{ reply, begun string }{
	"a known length":           {"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nbegun", "begun"},
	"a known length, at once":  {"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", ""},
	"no chunk":                 {chunkedHead, ""},
	"in the middle of a chunk": {chunkedHead + "a\r\nbegun", "begun"},
	"at the end of a chunk":    {chunkedHead + "5\r\nbegun", "begun"},
	"between chunks":           {chunkedHead + "5\r\nbegun\r\n", "begun"},
	"in a size":                {chunkedHead + "5\r\nbegun\r\n1", "begun"},
	"in the last chunk":        {chunkedHead + "5\r\nbegun\r\n0\r\n", "begun"},
	"in the end":               {chunkedHead + "5\r\nbegun\r\n0\r\n\r", "begun"},
	"in a trailer":             {chunkedHead + "5\r\nbegun\r\n0\r\nX-A: b\r\n", "begun"},
}

func TestCutAnswersNeverLookComplete(t *testing.T) {
	for name, test := range cutAnswers {
		for how, end := range map[string]func(l *link){
			"ends":   func(*link) {},
			"stalls": func(l *link) { l.Hold() },
			"resets": (*link).ResetOnClose,
		} {
			for _, version := range []string{"HTTP/1.1", "HTTP/1.0"} {
				t.Run(name+"/"+how+"/"+version, func(t *testing.T) {
					upstream := newUpstream(t, func(l *link) {
						if l.ReadRequest() {
							l.Say(test.reply)
							end(l)
						}
					})
					defer upstream.Release()
					seen := make(witness, 2)
					s := publicSystem(t, upstream, func(c *gateway.Config) { c.Observer = seen }, func(r *gateway.Route) {
						r.IdleTimeout = 200 * time.Millisecond
					})
					c := s.dial()
					c.Send(strings.Replace(raw("GET /balance"), "HTTP/1.1", version, 1))
					requireCut(t, c, test.begun)
					require.Equal(t, gateway.NoFailure, (<-seen).Failure)
					want := gateway.BrokeOff
					if how == "stalls" {
						want = gateway.TooSlow
					}
					require.Equal(t, want.String(), (<-seen).Failure.String())
					upstream.Only()
				})
			}
		}
	}
}

// What came before the mistake is passed on, the head above all, though all of it came at once.
func TestAnswersThatGoWrongBeginNevertheless(t *testing.T) {
	upstream := newUpstream(t, answering("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n5\r\nbegun\r\nzz\r\n"))
	c := publicSystem(t, upstream, nil).dial()
	c.Send(raw("GET /balance", "TE: trailers"))
	requireCut(t, c, "begun")
	upstream.AwaitEnd(0)
}
