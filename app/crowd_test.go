package app_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// staySilent connects and waits until it is disconnected, so many times, and counts how often it was.
func (r *running) staySilent(ctx context.Context, dialer *net.Dialer, rounds int, disconnected *atomic.Int64) {
	for range rounds {
		conn, err := dialer.DialContext(ctx, "tcp", r.app.Addr().String())
		if err != nil {
			return
		}
		unwatch := context.AfterFunc(ctx, func() { _ = conn.Close() })
		_, _ = io.Copy(io.Discard, conn)
		if unwatch() {
			disconnected.Add(1)
		}
		_ = conn.Close()
	}
}

// TestSilentPeersUnderTLSKeepNobodyFromBeingAccepted takes all places again and again, from several addresses. The peers
// never say a word and never hang up.
func TestSilentPeersUnderTLSKeepNobodyFromBeingAccepted(t *testing.T) {
	cfg, pair := secured(t, testConfig(echoUpstream(t)))
	cfg.Limits.Connections, cfg.Limits.ConnectionsPerAddress = 64, 16
	cfg.Timeouts.Header = 200 * time.Millisecond
	r := start(t, cfg)
	ctx, leave := context.WithTimeout(t.Context(), 2*startTimeout)
	defer leave()
	var peers sync.WaitGroup
	var accepted atomic.Int64
	const addresses, each, rounds = 12, 16, 10
	for i := range addresses * each {
		from := &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(2+i%addresses))}
		peers.Go(func() { r.staySilent(ctx, &net.Dialer{LocalAddr: from}, rounds, &accepted) })
	}
	time.Sleep(cfg.Timeouts.Header) // the places are taken
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: pair.Trusted(), DisableKeepAlives: true}, Timeout: startTimeout}
	for range 5 {
		response, err := client.Get("https://" + r.app.Addr().String() + "/oauth/scopes")
		require.NoError(t, err, "whoever waits is accepted in its turn")
		require.Equal(t, http.StatusOK, response.StatusCode)
		require.NoError(t, response.Body.Close())
	}
	peers.Wait()
	require.EqualValues(t, addresses*each*rounds, accepted.Load(), "each was disconnected in its turn")
}

// TestEachSilentPeerIsDisconnectedInItsTurn gives each place to a silent peer again and again. Now and then a place is free before
// the server is done with the peer who had it; whoever comes then is not waited for where connections are accepted.
func TestEachSilentPeerIsDisconnectedInItsTurn(t *testing.T) {
	cfg, _ := secured(t, testConfig(echoUpstream(t)))
	cfg.Limits.Connections = 4
	cfg.Timeouts.Header = 2 * time.Millisecond
	r := start(t, cfg)
	ctx, leave := context.WithTimeout(t.Context(), 2*startTimeout)
	defer leave()
	var peers sync.WaitGroup
	var ended atomic.Int64
	const atOnce, rounds = 32, 100
	for range atOnce {
		peers.Go(func() { r.staySilent(ctx, &net.Dialer{}, rounds, &ended) })
	}
	peers.Wait()
	require.EqualValues(t, atOnce*rounds, ended.Load())
}

// TestWhoeverWaitsForAPlaceIsAnswered has more callers than places, each with many short connections.
func TestWhoeverWaitsForAPlaceIsAnswered(t *testing.T) {
	cfg := testConfig(echoUpstream(t))
	cfg.Limits.Connections = 2
	r := start(t, cfg)
	const callers, each = 32, 200
	var all sync.WaitGroup
	var statuses [600]atomic.Int64
	for range callers {
		all.Go(func() {
			for range each {
				conn, err := net.Dial("tcp", r.app.Addr().String())
				if err != nil {
					continue
				}
				_ = conn.SetDeadline(time.Now().Add(startTimeout))
				_, _ = io.WriteString(conn, "GET /oauth/scopes HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
				response, err := http.ReadResponse(bufio.NewReader(conn), nil)
				if err == nil {
					_, err = io.Copy(io.Discard, response.Body)
				}
				if err == nil {
					statuses[response.StatusCode].Add(1)
				}
				_ = conn.Close()
			}
		})
	}
	all.Wait()
	require.EqualValues(t, callers*each, statuses[http.StatusOK].Load(), "503: %d", statuses[http.StatusServiceUnavailable].Load())
}
