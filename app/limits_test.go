package app_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/app/config"
	"gatehouse/gateway/gatewaytest"
	"gatehouse/gateway/listener"
)

// TestEachLimitHoldsWhereItIsSet sends what is just within a limit and what is just beyond.
func TestEachLimitHoldsWhereItIsSet(t *testing.T) {
	cfg := testConfig(echoUpstream(t))
	cfg.Limits.HeaderSize, cfg.Limits.HeaderCount, cfg.Limits.BodySize = 4096, 8, 1000
	cfg.Timeouts.Idle = rawIdle
	r := start(t, cfg)
	token := r.consent(r.register(), 1, "balance:read payments:send").access
	fill := func(head string, size int) string { // with a field that makes the whole of it so large
		return head + "X-Fill: " + strings.Repeat("a", size-len(head)-len("X-Fill: \r\n\r\n")) + "\r\n\r\n"
	}
	get, post := strings.Replace(getHead, "TOKEN", token, 1), strings.Replace(postHead, "TOKEN", token, 1)
	for _, test := range []struct{ name, sent, answers string }{
		{"header", fill(get, 4096), "200"},
		{"header too large", fill(get, 4097), "431"},
		{"fields", get + strings.Repeat("X-A: b\r\n", 6) + "\r\n", "200"},
		{"a field too many", get + strings.Repeat("X-A: b\r\n", 7) + "\r\n", "431"},
		{"body", post + "Content-Length: 1000\r\n\r\n" + strings.Repeat("a", 1000), "200"},
		{"body too large", post + "Content-Length: 1001\r\n\r\n" + strings.Repeat("a", 1001), "413"},
		{"chunks", post + chunked + "\r\n" + strings.Repeat("64\r\n"+strings.Repeat("a", 100)+"\r\n", 10) + "0\r\n\r\n", "200"},
		{"a chunk too many", post + chunked + "\r\n" + strings.Repeat("64\r\n"+strings.Repeat("a", 100)+"\r\n", 11) + "0\r\n\r\n", "413"},
		{"trailers", post + chunked + "\r\n0\r\n" + strings.Repeat("X-A: b\r\n", 2) + "\r\n", "200"},
		{"trailers too large", post + chunked + "\r\n0\r\n" + fill("", 4096) + "\r\n", "400"},
		{"the second request counts anew", fill(get, 4096) + fill(get, 4096) + fill(get, 4097), "200 200 431"},
	} {
		t.Run(test.name, func(t *testing.T) {
			answers, err := exchange(t, r.app.Addr().String(), test.sent, 1<<20)
			require.NoError(t, err)
			require.Equal(t, test.answers, spell(answers))
		})
	}
}

const (
	headerTimeout = time.Second
	bodyTimeout   = 4 * time.Second
	idleTimeout   = time.Second
	// dribble is how often a slow caller sends a byte, and muchDribble how often in all: for much longer than any timeout.
	dribble     = 50 * time.Millisecond
	muchDribble = 2000
)

func slowConfig(upstream string) config.Config {
	cfg := testConfig(upstream)
	cfg.Limits.BodyRate = 0
	cfg.Timeouts = listener.Timeouts{Header: headerTimeout, Body: bodyTimeout, BodyTotal: time.Hour, Write: time.Second, Idle: idleTimeout}
	return cfg
}

// trickle sends at once what begins a request, and then byte after byte. It returns how the connection ends, and when,
// counted from its begin.
func trickle(t *testing.T, address, begin, rest string) (statuses []int, lasted time.Duration, err error) {
	began := time.Now()
	c, err := gatewaytest.TryDial(t, address)
	if err != nil {
		return nil, 0, err
	}
	defer c.Close()
	ended := make(chan struct{})
	go func() {
		ticker := time.NewTicker(dribble)
		defer ticker.Stop()
		err := c.TrySend(begin)
		for i := 0; err == nil && i < len(rest); i++ {
			select {
			case <-ended:
				return
			case <-ticker.C:
				err = c.TrySend(rest[i : i+1])
			}
		}
	}()
	statuses = c.Statuses()
	close(ended)
	return statuses, time.Since(began), nil
}

func TestACallerHasSoMuchTimeAndNoMore(t *testing.T) {
	r := start(t, slowConfig(echoUpstream(t)))
	token := r.consent(r.register(), 1, "balance:read payments:send").access
	get, post := strings.Replace(getHead, "TOKEN", token, 1), strings.Replace(postHead, "TOKEN", token, 1)
	long := strings.Repeat("a", muchDribble)
	for _, test := range []struct {
		name, begin, rest string
		answers           string
		atLeast           time.Duration
	}{
		{"a caller that says nothing", "", "", "", headerTimeout},
		{"a byte of a header every now and then", get + "X-Slow: ", long, "408", headerTimeout},
		{"a byte of a request line every now and then", "GET /", long, "408", headerTimeout},
		{"half a header", get, "", "408", headerTimeout},
		{"a byte of the second header every now and then", get + "\r\n" + get + "X-Slow: ", long, "200 408", headerTimeout},
		{"nothing after the first request", get + "\r\n", "", "200", idleTimeout},
		{"half a body", post + "Content-Length: 10\r\n\r\nhello", "", "408", bodyTimeout},
		{"half a chunk", post + chunked + "\r\n64\r\nhello", "", "408", bodyTimeout},
		{"a body that never comes", post + "Content-Length: 10\r\n\r\n", "", "408", bodyTimeout},
		{"a body for longer than between two of its bytes", post + "Content-Length: 100\r\n\r\n", long[:100], "200", 100 * dribble},
		{"a byte of a form every now and then", "POST /oauth/token HTTP/1.1\r\nHost: h\r\nContent-Length: 2000\r\n\r\n", long, "408", bodyTimeout},
		{"trailers that never end", post + chunked + "\r\n0\r\nX-Slow: ", "", "408", bodyTimeout},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			statuses, lasted, err := trickle(t, r.app.Addr().String(), test.begin, test.rest)
			require.NoError(t, err)
			require.Equal(t, test.answers, spell(statuses))
			require.GreaterOrEqual(t, lasted, test.atLeast)
			require.Less(t, lasted, startTimeout)
		})
	}
}

// TestWhatOneRequestMayTakeIsNotTheNextOnes follows a form, which has a time to arrive as a whole, with a body that has one
// only between two of its bytes.
func TestWhatOneRequestMayTakeIsNotTheNextOnes(t *testing.T) {
	cfg := slowConfig(echoUpstream(t))
	cfg.Timeouts.Body, cfg.Timeouts.Idle = 2*time.Second, startTimeout
	r := start(t, cfg)
	token := r.consent(r.register(), 1, "payments:send").access
	const size = 60 // dribbles are longer than the time that the form had
	form := "POST /oauth/token HTTP/1.1\r\nHost: h\r\nContent-Length: 12\r\n\r\ngrant_type=x"
	head := strings.Replace(postHead, "TOKEN", token, 1) + fmt.Sprintf("Content-Length: %d\r\n\r\n", size)
	for name, pieces := range map[string][]string{"sent together": {form + head}, "one after the other": {form, head}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := r.dial()
			c.Send(pieces[0])
			refused, err := c.TryReceiveFinal(http.MethodPost)
			require.NoError(t, err)
			require.Equal(t, http.StatusBadRequest, refused.StatusCode)
			for _, piece := range pieces[1:] {
				c.Send(piece)
			}
			for range size {
				time.Sleep(dribble)
				c.Send("a")
			}
			answered, err := c.TryReceiveFinal(http.MethodPost)
			require.NoError(t, err)
			require.Equal(t, http.StatusOK, answered.StatusCode)
		})
	}
}

// TestAHeaderHasItsTimeHoweverLongOneMayPause begins the second request when the connection could rest for long.
func TestAHeaderHasItsTimeHoweverLongOneMayPause(t *testing.T) {
	cfg := slowConfig(echoUpstream(t))
	cfg.Timeouts.Idle = 2 * startTimeout
	r := start(t, cfg)
	statuses, lasted, err := trickle(t, r.app.Addr().String(), scopes, strings.Repeat("A", muchDribble))
	require.NoError(t, err)
	require.Equal(t, "200 408", spell(statuses))
	require.Less(t, lasted, startTimeout)

	statuses, lasted, err = trickle(t, r.app.Addr().String(), "", "")
	require.NoError(t, err)
	require.Empty(t, statuses, "before the first request nobody may pause")
	require.Less(t, lasted, startTimeout)
}

// TestTheTimeBetweenRequestsIsNotCutShort begins it when the deadline of the first request is only a little older.
func TestTheTimeBetweenRequestsIsNotCutShort(t *testing.T) {
	r := start(t, slowConfig(echoUpstream(t)))
	c := r.dial()
	time.Sleep(idleTimeout / 16)
	asked := time.Now()
	c.Send(scopes)
	require.Equal(t, "200", spell(c.Statuses()))
	require.GreaterOrEqual(t, time.Since(asked), idleTimeout)
}

// TestSlowCallersStopNobody keeps hundreds of connections busy that never finish a header.
func TestSlowCallersStopNobody(t *testing.T) {
	const callers = 300
	cfg := slowConfig(echoUpstream(t))
	cfg.Limits.ConnectionsPerAddress = 0
	r := start(t, cfg)
	token := r.consent(r.register(), 1, "balance:read").access
	ends := make(chan time.Duration, callers)
	for range callers {
		go func() {
			_, lasted, err := trickle(t, r.app.Addr().String(), "GET /balance HTTP/1.1\r\nX-Slow: ", strings.Repeat("a", muchDribble))
			if err != nil {
				lasted = startTimeout
			}
			ends <- lasted
		}()
	}
	served := 0
	for longest, ended := time.Duration(0), 0; ended < callers; {
		select {
		case lasted := <-ends:
			longest = max(longest, lasted)
			if ended++; ended == callers {
				t.Logf("%d slow callers, the last for %s; %d requests of others meanwhile", callers, longest, served)
			}
			require.Less(t, lasted, startTimeout)
		default:
			require.Equal(t, http.StatusOK, r.balance(token).status)
			served++
		}
	}
	require.Positive(t, served)
	require.Eventually(t, func() bool { return r.connections() == 0 }, startTimeout, 10*time.Millisecond)
}

// connections are those on the public listener.
func (r *running) connections() float64 {
	http.DefaultTransport.(*http.Transport).CloseIdleConnections() // this process's own
	return r.scrape()["gatehouse_connections"]
}

// largeUpstream answers with so many bytes, as fast as they are taken.
func largeUpstream(t *testing.T, size int) string {
	return gatewaytest.NewUpstream(t, func(l *gatewaytest.Conn) {
		if !l.ReadRequest() {
			return
		}
		l.Sayf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n", size)
		for piece, left := make([]byte, 64<<10), size; left > 0; left -= len(piece) {
			if _, err := l.Write(piece); err != nil {
				return
			}
		}
	}).URL()
}

func TestACallerThatTakesNothingIsDisconnected(t *testing.T) {
	r := start(t, slowConfig(largeUpstream(t, 64<<20)))
	c := r.dial()
	c.Send(strings.Replace(getHead, "TOKEN", r.consent(r.register(), 1, "balance:read").access, 1) + "\r\n")
	c.ReadBytes(1)
	require.Eventually(t, func() bool { return r.connections() == 0 }, startTimeout, 10*time.Millisecond)
}

func TestACallerThatTakesLittleIsNot(t *testing.T) {
	const size = 24 << 20
	r := start(t, slowConfig(largeUpstream(t, size)))
	c := r.dial()
	c.Send(strings.Replace(getHead, "TOKEN", r.consent(r.register(), 1, "balance:read").access, 1) + "\r\n")
	response := c.Begin()
	defer response.Body.Close()
	slowly, taken := time.Now().Add(3*time.Second), int64(0)
	for time.Now().Before(slowly) { // three times as long as one may take nothing
		n, err := io.CopyN(io.Discard, response.Body, 256<<10)
		require.NoError(t, err)
		taken += n
		time.Sleep(dribble)
	}
	rest, err := io.Copy(io.Discard, response.Body)
	require.NoError(t, err)
	require.EqualValues(t, size, taken+rest)
}

func TestAnAddressHasSoManyConnectionsAndNoMore(t *testing.T) {
	cfg := testConfig(echoUpstream(t))
	cfg.Limits.ConnectionsPerAddress = 3
	cfg.Limits.Connections = 4 // those that are refused leave their place to others
	r, book := startLogged(t, cfg)
	var open []*gatewaytest.Caller
	for range 3 {
		open = append(open, r.dial())
		require.Equal(t, http.StatusOK, open[len(open)-1].Do(scopes).StatusCode)
	}
	for range 5 {
		c, err := gatewaytest.TryDial(t, r.app.Addr().String())
		if err == nil {
			_, err = c.Reader.ReadByte()
			c.Close()
		}
		require.Error(t, err)
		require.False(t, isTimeout(err), "it is closed at once")
	}
	require.EqualValues(t, 5, r.scrape()["gatehouse_connections_refused_total"])
	require.EqualValues(t, 3, r.scrape()["gatehouse_connections"])
	warned := book.lines(t, "too many connections from one address")
	require.Len(t, warned, 1, "not once for each")
	require.Equal(t, "127.0.0.1", warned[0]["address"])

	require.Equal(t, http.StatusOK, open[1].Do(scopes).StatusCode, "those that are open stay")
	open[0].Close()
	require.Eventually(t, func() bool { return r.scrape()["gatehouse_connections"] == 2 }, startTimeout, time.Millisecond)
	require.Equal(t, http.StatusOK, r.dial().Do(scopes).StatusCode)
}

func TestATrustedProxyHasAsManyConnectionsAsItLikes(t *testing.T) {
	cfg := testConfig(echoUpstream(t))
	cfg.Limits.ConnectionsPerAddress = 2
	cfg.TrustedProxies = []string{"127.0.0.1"}
	r := start(t, cfg)
	for range 10 {
		require.Equal(t, http.StatusOK, r.dial().Do(scopes).StatusCode)
	}
}

// TestAConnectionThatIsResetGivesItsPlaceBack cuts answers that only the end of the connection could end.
func TestAConnectionThatIsResetGivesItsPlaceBack(t *testing.T) {
	upstream := gatewaytest.NewUpstream(t, func(l *gatewaytest.Conn) {
		if l.ReadRequest() {
			l.Say(gatewaytest.ChunkedHead + "5\r\nbegun\r\n")
		}
	})
	r := start(t, testConfig(upstream.URL()))
	head := strings.Replace(getHead, "TOKEN", r.consent(r.register(), 1, "balance:read").access, 1)
	for range 3 {
		c := r.dial()
		c.Send(strings.Replace(head, "HTTP/1.1", "HTTP/1.0", 1) + "\r\n")
		_, err := io.ReadAll(c.Reader)
		require.ErrorIs(t, err, syscall.ECONNRESET)
		c.Close()
	}
	require.Eventually(t, func() bool { return r.connections() == 0 }, startTimeout, time.Millisecond)
}

func TestWhoStaysAfterItsAnswerHoldsNoPlace(t *testing.T) {
	r := start(t, testConfig(echoUpstream(t)))
	c := r.dial()
	c.Send(forgedHead + "Content-Length: 3000000\r\n\r\n" + strings.Repeat("a", 64<<10)) // and says no more
	_, err := io.Copy(io.Discard, c.Reader)
	require.NoError(t, err)
	require.Eventually(t, func() bool { return r.connections() == 0 }, startTimeout, time.Millisecond)
}

// isToldWhileItSends reads an answer, and the end behind it, while it sends megabytes.
func (r *running) isToldWhileItSends(status int) {
	r.t.Helper()
	c := r.dial()
	written := make(chan struct{})
	go func() {
		defer close(written)
		c.SendPieces(forgedHead+"Content-Length: 3000000\r\n\r\n"+strings.Repeat("a", 3_000_000), 64<<10)
	}()
	require.Equal(r.t, status, c.Receive(http.MethodPost).StatusCode)
	require.True(r.t, c.IsClosed())
	c.Close()
	<-written
}

// TestAnAnswerReachesWhoIsStillSending is about how the connection ends: with a reset, an answer could be lost on its way.
func TestAnAnswerReachesWhoIsStillSending(t *testing.T) {
	r := start(t, testConfig(echoUpstream(t)))
	for range 20 {
		r.isToldWhileItSends(http.StatusUnauthorized)
	}
	require.Eventually(t, func() bool { return r.connections() == 0 }, startTimeout, time.Millisecond, "each gives its place back")
}

// TestABodyHasATimeAltogether sends a byte now and then, as often as is asked for, and never comes to an end.
func TestABodyHasATimeAltogether(t *testing.T) {
	cfg := slowConfig(echoUpstream(t))
	cfg.Timeouts.BodyTotal = 2 * bodyTimeout
	r := start(t, cfg)
	token := r.consent(r.register(), 1, "payments:send").access
	head := strings.Replace(postHead, "TOKEN", token, 1)
	for name, test := range map[string]struct{ begin, rest string }{
		"known length": {head + "Content-Length: 2000\r\n\r\n", strings.Repeat("a", muchDribble)},
		"chunked":      {head + chunked + "\r\n", strings.Repeat("1\r\na\r\n", muchDribble/6)},
		"the second request": {"GET /oauth/scopes HTTP/1.1\r\nHost: h\r\n\r\n" + head + "Content-Length: 2000\r\n\r\n",
			strings.Repeat("a", muchDribble)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			statuses, lasted, err := trickle(t, r.app.Addr().String(), test.begin, test.rest)
			require.NoError(t, err)
			require.Contains(t, spell(statuses), "408")
			require.GreaterOrEqual(t, lasted, cfg.Timeouts.BodyTotal)
			require.Less(t, lasted, startTimeout)
		})
	}
}

// TestABodyHasALeastRate sends a byte now and then: each comes in time, and all of them too slowly.
func TestABodyHasALeastRate(t *testing.T) {
	cfg := slowConfig(echoUpstream(t))
	cfg.Limits.BodyRate = 100_000
	r := start(t, cfg)
	token := r.consent(r.register(), 1, "payments:send").access
	head := strings.Replace(postHead, "TOKEN", token, 1)
	statuses, lasted, err := trickle(t, r.app.Addr().String(), head+"Content-Length: 2000\r\n\r\n", strings.Repeat("a", muchDribble))
	require.NoError(t, err)
	require.Contains(t, spell(statuses), "408")
	require.Less(t, lasted, startTimeout)
}
