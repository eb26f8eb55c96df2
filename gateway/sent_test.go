package gateway_test

import (
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/denylist"
	"gatehouse/gateway"
	"gatehouse/gateway/gatewaytest"
)

// requireSent holds a refusal to what it says of the outcome of its request: "" where nothing was sent.
func requireSent(t *testing.T, a answer, outcome string) {
	t.Helper()
	var body map[string]any
	require.NoError(t, json.Unmarshal([]byte(a.Body), &body), a.Body)
	if outcome == "" {
		require.Equal(t, false, body["sent"], a.Body)
		require.NotContains(t, body, "outcome")
		return
	}
	require.Equal(t, true, body["sent"], a.Body)
	require.Equal(t, outcome, body["outcome"])
	if outcome == gateway.OutcomeUnknown {
		require.Contains(t, body["error_description"], "what became of it is not known")
	}
}

// paymentRoute is a route as payments have it, but for its patience.
func paymentRoute(origin string, change ...func(*gateway.Route)) gateway.Route {
	return balance(origin, append([]func(*gateway.Route){path("/pay"), methods("GET", "POST")}, change...)...)
}

// reading is an upstream that reads a request first.
func reading(then func(*link)) func(*link) {
	return func(l *link) {
		if l.ReadRequest() {
			then(l)
		}
	}
}

// Who has paid and does not know it pays again.
func TestAnErrorSaysWhetherTheRequestWasSent(t *testing.T) {
	within := func(timeout time.Duration) func(*gateway.Route) {
		return func(r *gateway.Route) { r.FirstByteTimeout = timeout }
	}
	for name, test := range map[string]struct {
		serve   func(*link)
		change  func(*gateway.Route)
		status  int
		outcome string
	}{
		"it did not answer":              {reading(func(l *link) { l.Hold() }), within(soon), 504, gateway.OutcomeUnknown},
		"it hung up":                     {reading(func(*link) {}), nil, 502, gateway.OutcomeUnknown},
		"it hung up in the head":         {reading(func(l *link) { l.Say("HTTP/1.1 200 OK\r\nContent-Le") }), nil, 502, gateway.OutcomeUnknown},
		"it hung up in a small body":     {reading(func(l *link) { l.Say("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npa") }), nil, 502, gateway.OutcomeUnknown},
		"it reset":                       {reading(func(l *link) { l.ResetOnClose() }), nil, 502, gateway.OutcomeUnknown},
		"its answer is no HTTP":          {answering("ICY 200 OK\r\n\r\n"), nil, 502, gateway.OutcomeUnknown},
		"it speaks another protocol":     {answering("HTTP/1.1 101 Switching Protocols\r\n\r\n"), nil, 502, gateway.OutcomeUnknown},
		"it refuses the credential":      {answering("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"), credential("headers"), 502, gateway.OutcomeUnknown},
		"it refuses lndhub's credential": {answering("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"), credential("lndhub"), 502, gateway.OutcomeUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			upstream := newUpstream(t, test.serve)
			defer upstream.Release()
			seen := make(witness, 1)
			route := paymentRoute(upstream.URL())
			if test.change != nil {
				test.change(&route)
			}
			s := newSystem(t, []gateway.Route{route}, observed(seen))
			a := s.do(withBody(`{"invoice":"lnbc1"}`, "POST /pay", bearer(s.token(nil))))
			require.Equal(t, test.status, a.StatusCode, a.Body)
			requireSent(t, a, test.outcome)
			require.Empty(t, a.Header.Get("Retry-After"))
			o := <-seen
			require.True(t, o.Sent)
			require.True(t, o.Refused)
			upstream.Only()
		})
	}
}

func TestAnErrorSaysThatTheRequestWasNotSent(t *testing.T) {
	full := newUpstream(t, reading(func(l *link) { l.Hold() }))
	defer full.Release()
	mute := newUpstream(t, func(l *link) { l.Hold() }) // in TLS
	defer mute.Release()
	seen := make(witness, 4)
	s := newSystem(t, []gateway.Route{
		paymentRoute("http://" + gatewaytest.Unreachable(t)),
		paymentRoute("https://localhost:"+mute.Port(), path("/mute"), func(r *gateway.Route) { r.ConnectTimeout = soon }),
		paymentRoute(full.URL(), path("/full"), func(r *gateway.Route) { r.MaxConns, r.MaxConnsPerUser, r.ConnWait = 1, 1, time.Millisecond }),
		paymentRoute(full.URL(), path("/share"), func(r *gateway.Route) { r.MaxConns, r.MaxConnsPerUser, r.ConnWait = 2, 1, time.Millisecond }),
	}, observed(seen))
	token := bearer(s.token(nil))
	for _, target := range []string{"/full", "/share"} {
		s.dial().Send(withBody("{}", "POST "+target, token))
	}
	require.Eventually(t, func() bool { return len(full.Requests()) == 2 }, patience, time.Millisecond)
	for request, status := range map[string]int{
		withBody("{}", "POST /pay", token):                                         502,
		withBody("{}", "POST /mute", token):                                        504,
		withBody("{}", "POST /full", bearer(s.token(map[string]any{"sub": "8"}))):  503,
		withBody("{}", "POST /share", token):                                       429,
		withBody("{}", "POST /pay"):                                                401,
		withBody("{}", "POST /pay", bearer(s.token(map[string]any{"scope": "x"}))): 403,
		withBody("{}", "PUT /pay", token):                                          405,
		withBody("{}", "POST /nowhere", token):                                     404,
		withBody("{}", "POST /a//b", token):                                        400,
	} {
		a := s.do(request)
		require.Equal(t, status, a.StatusCode, a.Body)
		requireSent(t, a, "")
		require.Equal(t, status == 503 || status == 429, a.Header.Get("Retry-After") != "", status)
		require.False(t, (<-seen).Sent)
	}
	require.Len(t, full.Requests(), 2)
}

// A request that was sent and is ended with its token is told so with its 401: its client is about to refresh and to send it
// again.
func TestARequestThatIsEndedWithItsTokenSaysThatItWasSent(t *testing.T) {
	begun := make(chan struct{}, 1)
	upstream := newUpstream(t, func(l *link) {
		if _, ok := l.ReadHead(); ok {
			begun <- struct{}{}
			_, _ = io.Copy(io.Discard, l.Reader)
		}
	})
	for name, request := range map[string]string{
		"it waits":       raw("GET /pay", "TOKEN"),
		"it is uploaded": raw("POST /pay", "Transfer-Encoding: chunked", "TOKEN") + "5\r\nhello\r\n",
	} {
		for cause, status := range map[error]int{denylist.ErrRevoked: 401, denylist.ErrUnknown: 503} {
			t.Run(name+"/"+cause.Error(), func(t *testing.T) {
				seen := make(witness, 1)
				s := newSystem(t, []gateway.Route{paymentRoute(upstream.URL())}, observed(seen))
				c := s.dial()
				c.Send(strings.Replace(request, "TOKEN", bearer(s.token(nil)), 1))
				<-begun
				s.denylist.set(cause)
				a := c.Receive("POST")
				require.Equal(t, status, a.StatusCode, a.Body)
				requireSent(t, a, gateway.OutcomeUnknown)
				isQuestion := strings.HasPrefix(request, "GET")
				require.Equal(t, status == 503 && isQuestion, a.Header.Get("Retry-After") != "", "what may have paid is not to be tried again")
				require.True(t, (<-seen).Sent)
			})
		}
	}
}

// A caller who breaks off the body has had its beginning sent.
func TestABadBodySaysWhetherItsBeginningWasSent(t *testing.T) {
	begun := make(chan struct{}, 1)
	upstream := newUpstream(t, func(l *link) {
		if _, ok := l.ReadHead(); ok {
			begun <- struct{}{}
			_, _ = io.Copy(io.Discard, l.Reader)
		}
	})
	s := newSystem(t, []gateway.Route{paymentRoute(upstream.URL())}, options{})
	chunked := raw("POST /pay", "Transfer-Encoding: chunked", bearer(s.token(nil)))
	a := s.do(chunked + "x\r\n")
	require.Equal(t, 400, a.StatusCode, a.Body)
	requireSent(t, a, "")
	require.Zero(t, upstream.Connections())

	c := s.dial()
	c.Send(chunked + "5\r\nhello\r\n")
	<-begun
	c.Send("x\r\n")
	a = c.Receive("POST")
	require.Equal(t, 400, a.StatusCode, a.Body)
	requireSent(t, a, gateway.OutcomeUnknown)
}
