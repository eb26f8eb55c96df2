package app_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/app/config"
	"gatehouse/gateway"
	"gatehouse/gateway/gatewaytest"
)

// forEachListener runs a test with callers in plain HTTP and under TLS. dial gives one.
func forEachListener(t *testing.T, upstream string, test func(t *testing.T, dial func() *gatewaytest.Caller)) {
	cfg := func() config.Config {
		cfg := testConfig(upstream)
		cfg.Routes = []gateway.Route{{
			Path: "/any", Methods: []string{"GET", "POST"}, Origin: upstream, Public: true, Credential: "none", MaxBody: gateway.NoLimit,
		}}
		return cfg
	}
	t.Run("plain", func(t *testing.T) {
		test(t, start(t, cfg()).dial)
	})
	t.Run("TLS", func(t *testing.T) {
		cfg, pair := secured(t, cfg())
		r := start(t, cfg)
		test(t, func() *gatewaytest.Caller { return r.dialTLS(pair.Trusted()) })
	})
}

// An answer to HTTP/1.0 ends with the connection, so that a cut one has to end in another way.
func TestCutAnswersToOldCallersAreSeenToBeCut(t *testing.T) {
	upstream := gatewaytest.NewUpstream(t, func(l *gatewaytest.Conn) {
		if l.ReadRequest() {
			l.Say(gatewaytest.ChunkedHead + "5\r\nbegun\r\n")
		}
	})
	forEachListener(t, upstream.URL(), func(t *testing.T, dial func() *gatewaytest.Caller) {
		c := dial()
		c.Send("GET /any HTTP/1.0\r\nHost: a\r\n\r\n")
		all, err := io.ReadAll(c.Reader)
		require.Error(t, err, "the answer looks complete: %q", all)
		require.True(t, errors.Is(err, syscall.ECONNRESET) || errors.Is(err, io.ErrUnexpectedEOF), "%v", err)
		if len(all) > 0 { // a reset may take it along
			require.True(t, bytes.HasPrefix(all, []byte("HTTP/1.1 200 OK\r\n")))
		}
	})
}

func TestCallersThatGoAwayFreeTheirUpstreams(t *testing.T) {
	for name, test := range map[string]struct{ request, answer string }{
		"waiting":   {"GET /any HTTP/1.1\r\nHost: a\r\n\r\n", ""},
		"events":    {"GET /any HTTP/1.1\r\nHost: a\r\n\r\n", gatewaytest.ChunkedHead},
		"uploading": {"POST /any HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n" + strings.Repeat("a", 100_000), ""},
	} {
		t.Run(name, func(t *testing.T) {
			reached, freed := make(chan struct{}, 1), make(chan struct{}, 1)
			upstream := gatewaytest.NewUpstream(t, func(l *gatewaytest.Conn) {
				if _, ok := l.ReadHead(); !ok {
					return
				}
				l.Say(test.answer)
				reached <- struct{}{}
				_, _ = io.Copy(io.Discard, l.Reader)
				freed <- struct{}{}
			})
			forEachListener(t, upstream.URL(), func(t *testing.T, dial func() *gatewaytest.Caller) {
				c := dial()
				c.Send(test.request)
				<-reached
				c.Close()
				select {
				case <-freed:
				case <-time.After(startTimeout):
					require.Fail(t, "the upstream's connection stays open")
				}
			})
		})
	}
}

// An upstream that refuses an upload is heard, however much the caller still has to send.
func TestEarlyAnswersReachCallersWhoSend(t *testing.T) {
	upstream := gatewaytest.NewUpstream(t, func(l *gatewaytest.Conn) {
		if _, ok := l.ReadHead(); ok {
			l.Say("HTTP/1.1 413 Content Too Large\r\nContent-Length: 9\r\n\r\ntoo large")
		}
	})
	forEachListener(t, upstream.URL(), func(t *testing.T, dial func() *gatewaytest.Caller) {
		c := dial()
		go func() { _ = c.TrySend(gatewaytest.RawWithBody(strings.Repeat("a", 16<<20), "POST /any")) }()
		answer := c.Receive(http.MethodPost)
		require.Equal(t, "too large", answer.Body)
		require.True(t, answer.Close)
	})
}
