package main

import (
	"bufio"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// tokenCounter is a proxy to the upstream that counts the tokens that come by.
func tokenCounter(t *testing.T) (target string, count func() map[string]int) {
	t.Helper()
	up, err := startUpstream(t.Context())
	require.NoError(t, err)
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: up.address})
	var mu sync.Mutex
	seen := map[string]int{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		seen[r.Header.Get("Authorization")]++
		mu.Unlock()
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL + "/balance", func() map[string]int {
		mu.Lock()
		defer mu.Unlock()
		return maps.Clone(seen)
	}
}

func TestFreshTokensAreUsedOnceEach(t *testing.T) {
	target, count := tokenCounter(t)
	l, err := newLoad(target, bearers([]string{"a", "b", "c", "d", "e"}), true, 2)
	require.NoError(t, err)
	defer l.close()
	require.ErrorIs(t, l.run(t.Context(), time.Minute), errRanOut)
	require.Eventually(t, func() bool { return len(count()) == 5 }, 10*time.Second, time.Millisecond)
	for token, times := range count() {
		require.Equal(t, 1, times, token)
	}
}

func TestOtherTokensComeInTurn(t *testing.T) {
	target, count := tokenCounter(t)
	l, err := newLoad(target, bearers([]string{"a", "b", "c"}), false, 2)
	require.NoError(t, err)
	defer l.close()
	for l.answered < 20 { // it can be called again to go on
		require.NoError(t, l.run(t.Context(), time.Millisecond))
	}
	require.Equal(t, l.answered, l.latencies.TotalCount())
	for _, times := range count() {
		require.InDelta(t, float64(l.sent)/3, times, 2)
	}
}

func TestPercentilesAreThoseOfTheAnswers(t *testing.T) {
	const answers = 30
	requests, began := 0, time.Now()
	var slowest atomic.Int64
	target := rawServer(t, func() string {
		if requests++; requests%10 == 0 && requests <= answers { // more than one of a hundred, and fewer than a half
			// As long as all before it together, and so longer than half of them, however slow the machine is.
			slow := max(50*time.Millisecond, time.Since(began))
			slowest.Store(int64(slow))
			time.Sleep(slow)
		}
		return string(upstreamAnswer)
	})
	l, err := newLoad(target, nil, false, 1)
	require.NoError(t, err)
	defer l.close()
	for l.answered < answers {
		require.NoError(t, l.run(t.Context(), time.Millisecond))
	}
	m, err := conclude(window{}, window{at: time.Time{}.Add(time.Second), answered: l.answered, used: time.Second}, l.latencies)
	require.NoError(t, err)
	require.Less(t, m.p50, time.Duration(slowest.Load()))
	require.GreaterOrEqual(t, m.p99, time.Duration(slowest.Load()))
	require.InDelta(t, float64(l.answered), m.rate, 1e-6)
	require.Equal(t, time.Second/time.Duration(l.answered), m.perRequest)
}

func TestAnyOtherAnswerEndsTheLoad(t *testing.T) {
	for name, answer := range map[string]string{
		"401":           "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n",
		"was closed":    "",
		"longer":        "HTTP/1.1 200 OK\r\n\r\n" + string(make([]byte, 20<<10)),
		"HTTP/1.0 200 ": "HTTP/1.0 200 OK\r\n\r\n" + upstreamBody,
	} {
		t.Run(name, func(t *testing.T) {
			l, err := newLoad(rawServer(t, func() string { return answer }), nil, false, 1)
			require.NoError(t, err)
			defer l.close()
			require.ErrorContains(t, l.run(t.Context(), time.Minute), name)
		})
	}
}

func TestAnswersInPiecesAndChunksAreUnderstood(t *testing.T) {
	head := "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n30\r\n"
	for n := range len(head) {
		complete, err := isAnswered(append(make([]byte, 0, 1024), head[:n]...))
		require.NoError(t, err)
		require.False(t, complete)
	}
	complete, err := isAnswered(append(make([]byte, 0, 1024), head+upstreamBody+"\r\n0\r\n\r\n"...))
	require.NoError(t, err)
	require.True(t, complete)
}

// rawServer answers each request with the text, and closes the connection instead when there is none.
func rawServer(t *testing.T, answer func() string) (target string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = ln.Close() })
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = conn.Close() }()
				for reader := bufio.NewReader(conn); ; {
					if _, err := http.ReadRequest(reader); err != nil {
						return
					}
					text := answer()
					if _, err := io.WriteString(conn, text); err != nil || text == "" {
						return
					}
				}
			}()
		}
	}()
	return "http://" + ln.Addr().String() + "/"
}
