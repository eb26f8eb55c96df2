package app_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/textproto"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/http/httpguts"

	"gatehouse/gateway"
	"gatehouse/gateway/gatewaytest"
)

// FuzzUpstream answers a request with whatever bytes an upstream can send. net/http's client reads the same bytes: what
// the caller gets as a complete answer it has to read as one, with the same status and body, and the next user's request
// to that upstream is answered with its own answer, whatever the first one left behind.
func FuzzUpstream(f *testing.F) {
	for _, answer := range upstreamSeeds {
		f.Add([]byte(strings.ReplaceAll(answer, "\n", "\r\n")), true)
		f.Add([]byte(strings.ReplaceAll(answer, "\n", "\r\n")), false)
	}
	f.Add([]byte("HTTP/1.1 200 OK\nContent-Length: 2\n\nok"), true)
	f.Add([]byte("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\nok\r\n0\r\n\r\n"), true)
	f.Add([]byte("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\n"), false)

	upstream := newFuzzedUpstream(f)
	config := testConfig(upstream.URL())
	config.Routes, config.Denylist.MaxStaleness = nil, time.Minute // the machine may stand still
	for _, path := range []string{"/fuzzed", "/good"} {
		config.Routes = append(config.Routes, gateway.Route{
			Path: path, Methods: []string{"GET"}, Origin: upstream.URL(), Scope: "balance:read", Credential: "headers",
			FirstByteTimeout: fuzzPatience / 4, IdleTimeout: fuzzPatience / 4,
		})
	}
	r := start(f, config)
	a := r.register()
	first, second := r.consent(a, 7, "balance:read").access, r.consent(a, 8, "balance:read").access
	var callers [2]*fuzzedCaller
	for i, token := range []string{first, second} {
		callers[i] = &fuzzedCaller{address: r.app.Addr().String(), token: token}
		f.Cleanup(callers[i].hangUp)
	}
	f.Fuzz(func(t *testing.T, answer []byte, get bool) {
		method := "HEAD"
		if get {
			method = "GET"
		}
		want := readByClient(method, answer)
		upstream.answerWith(answer, want.stays)

		got := callers[0].ask(t, method, "/fuzzed")
		if got.status != http.StatusBadGateway && got.complete {
			require.NotEqual(t, http.StatusGatewayTimeout, got.status, "the gateway waits for more than net/http does")
			require.Equal(t, want.status, got.status)
			require.True(t, want.complete, "an answer that net/http does not read to its end looks complete")
			require.Equal(t, want.body, got.body)
		}
		requireHeader(t, want.header, got.header, got.status)

		next := callers[1].ask(t, "GET", "/good")
		require.True(t, next.complete)
		require.Equal(t, http.StatusOK, next.status)
		require.Equal(t, "for user 8", next.body, "bytes of one user's answer reach another")
	})
}

var upstreamSeeds = []string{
	"HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
	"HTTP/1.1 200 OK\nContent-Length: 2\n\nokHTTP/1.1 200 OK\nContent-Length: 4\n\nevil",
	"HTTP/1.1 200 OK\nContent-Length: 3\n\nok",
	"HTTP/1.1 200 OK\nContent-Length: 2\nContent-Length: 2\n\nok",
	"HTTP/1.1 200 OK\nContent-Length: 2\nContent-Length: 3\n\nokk",
	"HTTP/1.1 200 OK\nContent-Length: +2\n\nok",
	"HTTP/1.1 200 OK\nContent-Length: 2, 2\n\nok",
	"HTTP/1.1 200 OK\nContent-Length: \n\nok",
	"HTTP/1.1 200 OK\nTransfer-Encoding: chunked\nTrailer: X-A\n\n2\nok\n0\nX-A: b\nSet-Cookie: c\n\n",
	"HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n2\nok\n0\n\nHTTP/1.1 200 OK\nContent-Length: 4\n\nevil",
	"HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n2;x=\"y\"\nok\n0\n\n",
	"HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n2\nok\n",
	"HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n2\nokk\n0\n\n",
	"HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\nfffffffffffffffff\nok\n0\n\n",
	"HTTP/1.1 200 OK\nTransfer-Encoding: chunked\nContent-Length: 2\n\n2\nok\n0\n\n",
	"HTTP/1.1 200 OK\nTransfer-Encoding: gzip, chunked\n\n2\nok\n0\n\n",
	"HTTP/1.1 200 OK\nTransfer-Encoding: identity\nContent-Length: 2\n\nok",
	"HTTP/1.0 200 OK\nTransfer-Encoding: chunked\n\n2\nok\n0\n\n",
	"HTTP/1.0 200 OK\n\nuntil the end",
	"HTTP/1.1 200 OK\nConnection: close\n\nuntil the end",
	"HTTP/1.1 204 No Content\nContent-Length: 2\n\nok",
	"HTTP/1.1 304 Not Modified\nContent-Length: 2\nETag: \"x\"\n\n",
	"HTTP/1.1 103 Early Hints\nLink: x\n\nHTTP/1.1 200 OK\nContent-Length: 2\n\nok",
	"HTTP/1.1 103 Early Hints\nA(: b\n\nHTTP/1.1 200 OK\nX(: y\nContent-Length : 2\n\nok",
	"HTTP/1.1 100 Continue\n\nHTTP/1.1 101 Switching Protocols\nUpgrade: x\nConnection: Upgrade\n\n",
	"HTTP/1.1 401 Unauthorized\nWWW-Authenticate: Basic\nContent-Length: 0\n\n",
	"HTTP/1.1 200\nContent-Length: 2\n\nok",
	"HTTP/1.1 2000 OK\nContent-Length: 2\n\nok",
	"HTTP/2.0 200 OK\nContent-Length: 2\n\nok",
	"HTTP/1.1 200 OK\nConnection: X-Secret\nX-Secret: a\nX-Kept: b\nKeep-Alive: 5\nContent-Length: 2\n\nok",
	"HTTP/1.1 200 OK\n X: folded\nContent-Length: 2\n\nok",
	"HTTP/1.1 200 OK\nX : space\nContent-Length: 2\n\nok",
	"",
}

// readAnswerOf is one answer, as far as it could be read.
type readAnswerOf struct {
	status   int
	header   http.Header
	body     string
	complete bool
	// stays is true where the connection is good for another request.
	stays bool
}

// readByClient is the answer that net/http takes out of what an upstream sent.
func readByClient(method string, sent []byte) readAnswerOf {
	for {
		reader := bufio.NewReader(bytes.NewReader(plainly(sent)))
		response, err := http.ReadResponse(reader, &http.Request{Method: method})
		if err != nil {
			return readAnswerOf{}
		}
		if response.StatusCode < 200 && response.StatusCode != http.StatusSwitchingProtocols {
			if sent, err = io.ReadAll(reader); err != nil { // it has no body: what follows is another head
				return readAnswerOf{}
			}
			continue
		}
		body, err := io.ReadAll(response.Body)
		var badTrailers textproto.ProtocolError // which the gateway leaves out
		if errors.As(err, &badTrailers) {
			err = nil
		}
		ends := response.ContentLength >= 0 || len(response.TransferEncoding) > 0 || method == "HEAD"
		return readAnswerOf{response.StatusCode, response.Header, string(body), err == nil, err == nil && ends && !response.Close}
	}
}

// plainly is an answer as the gateway reads its names: space before the colon is no part of one (RFC 9112 section 5.1),
// and a field whose name nobody understands is left out.
func plainly(sent []byte) []byte {
	head, rest, found := bytes.Cut(sent, []byte("\r\n\r\n"))
	if !found {
		return sent
	}
	var lines [][]byte
	for i, line := range bytes.Split(head, []byte("\r\n")) {
		name, value, isField := bytes.Cut(line, []byte(":"))
		if isField = isField && i > 0 && len(line) > 0 && line[0] != ' ' && line[0] != '\t'; isField {
			name = bytes.TrimRight(name, " \t")
			line = slices.Concat(name, []byte(":"), value)
		}
		if !isField || httpguts.ValidHeaderFieldName(string(name)) {
			lines = append(lines, line)
		}
	}
	return slices.Concat(bytes.Join(lines, []byte("\r\n")), []byte("\r\n\r\n"), rest)
}

// requireHeader holds the fields of an answer to those of the upstream, and to what the gateway says itself.
func requireHeader(t *testing.T, want, got http.Header, status int) {
	t.Helper()
	if status == http.StatusBadGateway || status == http.StatusGatewayTimeout {
		return // the gateway's own, or not to be told from it
	}
	for name, values := range got {
		switch name {
		case "Date", "Content-Length", "Connection", "Trailer", "X-Request-Id":
		default:
			require.Equal(t, want[name], values, name)
			for _, list := range want["Connection"] {
				for listed := range strings.SplitSeq(list, ",") {
					require.False(t, strings.EqualFold(strings.Trim(listed, " \t"), name), "%s was for this hop", name)
				}
			}
		}
	}
	require.NotContains(t, got, "Keep-Alive")
}

// fuzzedCaller keeps a connection to the gateway.
type fuzzedCaller struct {
	address, token string
	conn           *gatewaytest.Caller // nil: it hung up
}

func (c *fuzzedCaller) ask(t *testing.T, method, path string) readAnswerOf {
	t.Helper()
	if c.conn == nil {
		var err error
		c.conn, err = gatewaytest.TryDial(t, c.address)
		require.NoError(t, err)
	}
	require.NoError(t, c.conn.Conn.SetDeadline(time.Now().Add(fuzzPatience)))
	require.NoError(t, c.conn.TrySend(gatewaytest.Raw(method+" "+path, "Authorization: Bearer "+c.token)))
	answer, err := c.conn.TryReceiveFinal(method)
	require.False(t, isTimeout(err), "no answer to %s %s, or none that ends", method, path)
	if answer.Response == nil {
		c.hangUp()
		return readAnswerOf{}
	}
	if err != nil || answer.Close {
		c.hangUp()
	} else {
		require.Zero(t, c.conn.Reader.Buffered(), "more than one answer")
	}
	return readAnswerOf{answer.StatusCode, answer.Header, answer.Body, err == nil, !answer.Close}
}

func (c *fuzzedCaller) hangUp() {
	if c.conn != nil {
		c.conn.Reset()
		c.conn = nil
	}
}

// fuzzedUpstream answers /fuzzed as it is told, and everything else with the user it is for.
type fuzzedUpstream struct {
	*gatewaytest.Upstream

	mu     sync.Mutex
	answer []byte
	stays  bool
}

func newFuzzedUpstream(tb testing.TB) *fuzzedUpstream {
	tb.Helper()
	u := &fuzzedUpstream{}
	u.Upstream = gatewaytest.NewUpstream(tb, func(l *gatewaytest.Conn) {
		for l.ReadRequest() {
			if l.Last.Target != "/fuzzed" {
				l.Say(gatewaytest.WithLength("for user " + strings.Join(l.Last.Values("X-Gatehouse-Subject"), ",")))
				continue
			}
			answer, stays := u.current()
			if l.Say(string(answer)); !stays {
				return
			}
		}
	})
	u.Forget()
	return u
}

// answerWith is what the next request of /fuzzed is answered with; then the connection stays or not.
func (u *fuzzedUpstream) answerWith(answer []byte, stays bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.answer, u.stays = answer, stays
}

func (u *fuzzedUpstream) current() (answer []byte, stays bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.answer, u.stays
}
