package gateway_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"gatehouse/denylist"
	"gatehouse/gateway"
)

// A caller that waits with the body learns that it may send it only after it was authorized.
func TestCallersThatWaitAreAuthorizedFirst(t *testing.T) {
	upstream := newUpstream(t, answerAll)
	seen := make(witness, 10)
	s := newSystem(t, []gateway.Route{balance(upstream.URL(), methods("POST"))}, options{config: func(c *gateway.Config) {
		c.Observer, c.MaxBody = seen, 10
	}})
	const expect, length = "Expect: 100-continue", "Content-Length: 2"
	good := bearer(s.token(nil))
	for name, test := range map[string]struct {
		request  string
		denylist error
		status   int
		verdict  gateway.Verdict
	}{
		"no token":       {raw("POST /balance", length, expect), nil, 401, gateway.Missing},
		"garbage":        {raw("POST /balance", length, expect, bearer("garbage")), nil, 401, gateway.Malformed},
		"revoked":        {raw("POST /balance", length, expect, good), denylist.ErrRevoked, 401, gateway.Revoked},
		"cannot tell":    {raw("POST /balance", length, expect, good), denylist.ErrUnknown, 503, gateway.RevocationUnknown},
		"scope":          {raw("POST /balance", length, expect, bearer(s.token(map[string]any{"scope": "x"}))), nil, 403, gateway.Insufficient},
		"no route":       {raw("POST /nowhere", length, expect, good), nil, 404, gateway.Unjudged},
		"no method":      {raw("PUT /balance", length, expect, good), nil, 405, gateway.Unjudged},
		"unknown method": {raw("FETCH /balance", length, expect, good), nil, 405, gateway.Unjudged},
		"ambiguous path": {raw("POST /../balance", length, expect, good), nil, 400, gateway.Unjudged},
		"too large":      {raw("POST /balance", "Content-Length: 11", expect, good), nil, 413, gateway.Valid},
		"chunked":        {raw("POST /balance", "Transfer-Encoding: chunked", expect), nil, 401, gateway.Missing},
		"other spelling": {raw("POST /balance", length, "expect: 100-Continue"), nil, 401, gateway.Missing},
	} {
		t.Run(name, func(t *testing.T) {
			s.denylist.set(test.denylist)
			c := s.dial()
			c.Send(test.request)
			a := c.Receive("POST") // the first answer, and not 100
			require.Equal(t, test.status, a.StatusCode)
			require.Contains(t, a.Body, `"error_description"`)
			require.True(t, a.Close)
			require.True(t, c.IsClosed(), "a body that comes nevertheless is no request")
			require.Equal(t, test.verdict.String(), (<-seen).Verdict.String())
		})
	}
	require.Zero(t, upstream.Connections())

	t.Run("may send it", func(t *testing.T) {
		s.denylist.set(nil)
		asked := len(s.denylist.queries())
		for _, framing := range []struct{ line, body string }{{length, "hi"}, {"Transfer-Encoding: chunked", "2\r\nhi\r\n0\r\n\r\n"}} {
			c := s.dial()
			c.Send(raw("POST /balance", framing.line, expect, good))
			require.Equal(t, 100, c.Receive("POST").StatusCode)
			c.Send(framing.body + raw("GET /nowhere"))
			require.Equal(t, 200, c.Receive("POST").StatusCode)
			require.Equal(t, gateway.Valid, (<-seen).Verdict)
			requireRefused(t, c.Receive("GET"), 404, "not_found")
			<-seen
		}
		require.Len(t, s.denylist.queries(), asked+4, "before the body, and when it has come")
		for _, r := range upstream.Requests() {
			require.Equal(t, "hi", r.Body)
			require.Empty(t, r.Values("Expect"))
		}
	})
	t.Run("revoked meanwhile", func(t *testing.T) {
		c := s.dial()
		c.Send(raw("POST /balance", length, expect, good))
		require.Equal(t, 100, c.Receive("POST").StatusCode)
		s.denylist.set(denylist.ErrRevoked)
		before := len(upstream.Requests())
		c.Send("hi")
		requireRefused(t, c.Receive("POST"), 401, "invalid_token")
		require.Equal(t, gateway.Revoked, (<-seen).Verdict)
		require.Len(t, upstream.Requests(), before)
	})
}

// Nobody is told to continue who does not wait: without a body, or before HTTP/1.1.
func TestExpectationsThatAreIgnored(t *testing.T) {
	upstream := newUpstream(t, answerAll)
	s := publicSystem(t, upstream, nil)
	for name, request := range map[string]string{
		"no body":  raw("POST /balance", "Expect: 100-continue"),
		"length 0": raw("POST /balance", "Expect: 100-continue", "Content-Length: 0"),
		"GET":      raw("GET /balance", "Expect: 100-continue"),
		"HTTP/1.0": strings.Replace(raw("POST /balance", "Expect: 100-continue", "Content-Length: 2")+"hi", "HTTP/1.1", "HTTP/1.0", 1),
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, 200, s.do(request).StatusCode)
		})
	}
}

// net/http answers so, too.
func TestExpectationsThatNobodyKnowsAreRefused(t *testing.T) {
	upstream := newUpstream(t, answerAll)
	s := publicSystem(t, upstream, nil)
	for _, expected := range []string{"miracles", "1a0-continue", "100-continue, miracles"} {
		c := s.dial()
		c.Send(raw("POST /balance", "Expect: "+expected, "Content-Length: 2") + "hi")
		requireRefused(t, c.Receive("POST"), 417, "invalid_request")
		require.True(t, c.IsClosed())
	}
	require.Empty(t, upstream.Requests())
}

// Handlers beside the gateway decide for themselves.
func TestReservedPathsMaySendTheirBodies(t *testing.T) {
	upstream := newUpstream(t, answerAll)
	s := newSystem(t, []gateway.Route{balance(upstream.URL())}, reserved("oauth", func(ctx *fasthttp.RequestCtx) {
		body, err := gateway.ReadBody(ctx, 10)
		if err != nil {
			gateway.AnswerRefusal(ctx, err)
			return
		}
		ctx.SetBody(body)
	}))
	c := s.dial()
	c.Send(raw("POST /oauth/token", "Content-Length: 2", "Expect: 100-continue"))
	require.Equal(t, 100, c.Receive("POST").StatusCode)
	c.Send("hi")
	require.Equal(t, "hi", c.Receive("POST").Body)

	for name, test := range map[string]struct {
		body   string
		status int
	}{
		"chunked":           {chunked("h", "i"), 200},
		"too large":         {chunked("01234567890"), 413},
		"malformed":         {"2\nhi\r\n0\r\n\r\n", 400},
		"malformed trailer": {"2\r\nhi\r\n0\r\nX A: b\r\n\r\n", 400},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, test.status, s.do(raw("POST /oauth/token", "Transfer-Encoding: chunked")+test.body).StatusCode)
		})
	}
	requireRefused(t, s.do(withBody("01234567890", "POST /oauth/token")), 413, "invalid_request")
}
