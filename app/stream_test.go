package app_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/app/config"
	"gatehouse/gateway"
)

// forEachListener runs a test with callers in plain HTTP and under TLS. dial gives one.
func forEachListener(t *testing.T, upstream string, test func(t *testing.T, dial func() net.Conn)) {
	cfg := func() config.Config {
		cfg := testConfig(upstream)
		cfg.Routes = []gateway.Route{{
			Path: "/any", Methods: []string{"GET", "POST"}, Origin: upstream, Public: true, Credential: "none", MaxBody: gateway.NoLimit,
		}}
		return cfg
	}
	t.Run("plain", func(t *testing.T) {
		r := start(t, cfg())
		test(t, func() net.Conn {
			conn, err := net.Dial("tcp", r.app.Addr().String())
			require.NoError(t, err)
			return conn
		})
	})
	t.Run("TLS", func(t *testing.T) {
		cfg, pair := secured(t, cfg())
		r := start(t, cfg)
		test(t, func() net.Conn {
			conn, err := r.dialTLS(pair.trusted())
			require.NoError(t, err)
			return conn
		})
	})
}

// readHead reads the head of a request and leaves its body.
func readHead(conn net.Conn) (*bufio.Reader, bool) {
	reader := bufio.NewReader(conn)
	_, err := http.ReadRequest(reader)
	return reader, err == nil
}

// An answer to HTTP/1.0 ends with the connection, so that a cut one has to end in another way.
func TestCutAnswersToOldCallersAreSeenToBeCut(t *testing.T) {
	upstream := serveConns(t, func(conn net.Conn) {
		if _, ok := readHead(conn); ok {
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbegun\r\n")
		}
	})
	forEachListener(t, upstream, func(t *testing.T, dial func() net.Conn) {
		conn := dial()
		defer conn.Close()
		require.NoError(t, conn.SetDeadline(time.Now().Add(startTimeout)))
		_, err := io.WriteString(conn, "GET /any HTTP/1.0\r\nHost: a\r\n\r\n")
		require.NoError(t, err)
		all, err := io.ReadAll(conn)
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
		"events":    {"GET /any HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"},
		"uploading": {"POST /any HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n" + strings.Repeat("a", 100_000), ""},
	} {
		t.Run(name, func(t *testing.T) {
			reached, freed := make(chan struct{}, 1), make(chan struct{}, 1)
			upstream := serveConns(t, func(conn net.Conn) {
				reader, ok := readHead(conn)
				if !ok {
					return
				}
				_, _ = io.WriteString(conn, test.answer)
				reached <- struct{}{}
				_, _ = io.Copy(io.Discard, reader)
				freed <- struct{}{}
			})
			forEachListener(t, upstream, func(t *testing.T, dial func() net.Conn) {
				conn := dial()
				_, err := io.WriteString(conn, test.request)
				require.NoError(t, err)
				<-reached
				require.NoError(t, conn.Close())
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
	upstream := serveConns(t, func(conn net.Conn) {
		if _, ok := readHead(conn); ok {
			_, _ = io.WriteString(conn, "HTTP/1.1 413 Content Too Large\r\nContent-Length: 9\r\n\r\ntoo large")
		}
	})
	forEachListener(t, upstream, func(t *testing.T, dial func() net.Conn) {
		conn := dial()
		defer conn.Close()
		require.NoError(t, conn.SetDeadline(time.Now().Add(startTimeout)))
		go func() {
			_, _ = fmt.Fprintf(conn, "POST /any HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s", 16<<20, strings.Repeat("a", 16<<20))
		}()
		answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
		require.NoError(t, err)
		body, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		require.Equal(t, "too large", string(body))
		require.True(t, answer.Close)
	})
}
