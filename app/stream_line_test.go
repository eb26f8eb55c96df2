package app_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/app/config"
	"gatehouse/gateway/gatewaytest"
)

// lineOf waits for the access line of the request with that id.
func (b *logBook) lineOf(t *testing.T, id string) (line map[string]any) {
	t.Helper()
	require.Eventually(t, func() bool {
		for _, line = range b.requests(t) {
			if line["request_id"] == id {
				return true
			}
		}
		return false
	}, startTimeout, time.Millisecond)
	return line
}

// The line of an answer that is passed on as it arrives is written at its end, with what was sent, and says why it was cut;
// so does that of an upload.
func TestTheLineOfAStreamSaysHowItEnded(t *testing.T) {
	begun := make(chan struct{}) // an answer that breaks off before its caller has any of it is a 502
	upstream := gatewaytest.NewUpstream(t, func(c *gatewaytest.Conn) {
		r, ok := c.ReadHead()
		for ; ok && strings.HasSuffix(r.Target, "whole"); r, ok = c.ReadHead() { // the connection is good for the next request
			c.Say(gatewaytest.ChunkedHead + "5\r\nbegun\r\n")
			time.Sleep(50 * time.Millisecond)
			c.Say("5\r\nended\r\n0\r\n\r\n")
		}
		switch {
		case !ok:
		case strings.HasSuffix(r.Target, "broken"):
			c.Say(gatewaytest.ChunkedHead + "5\r\nbegun\r\n")
			<-begun
		case strings.HasSuffix(r.Target, "upload"):
			_, _ = io.Copy(io.Discard, c.Reader)
		default:
			c.Say(gatewaytest.ChunkedHead + "5\r\nbegun\r\n")
			c.Hold()
		}
	})
	defer upstream.Release()
	cfg := testConfig(upstream.URL())
	cfg.Routes[0].Methods = []string{"GET", "POST"}
	r, book := startLogged(t, cfg)
	a := r.register()
	given := r.consent(a, 1, "balance:read")
	require.Equal(t, http.StatusUnauthorized, r.balance("garbage").status)
	head := func(line, id string) string {
		return line + " HTTP/1.1\r\nHost: h\r\nX-Request-Id: " + id + "\r\nAuthorization: Bearer " + given.access + "\r\n"
	}
	ended := func(id string) {
		answer := r.send(head("GET /balance?"+id, id) + "\r\n").Begin()
		if id == "broken" {
			close(begun)
		}
		_, err := io.Copy(io.Discard, answer.Body)
		if id == "whole" {
			require.NoError(t, err)
		} else {
			require.Error(t, err)
		}
	}
	ended("whole")
	ended("broken")
	gone := r.send(head("GET /balance?gone", "gone") + "\r\n")
	gone.Begin()
	gone.Close()

	stream := r.send(head("GET /balance?stream", "stream") + "\r\n")
	stream.Begin()
	upload := r.send(head("POST /balance?upload", "upload") + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
	time.Sleep(1100 * time.Millisecond)
	require.Equal(t, http.StatusOK, r.form("/oauth/revoke", url.Values{"token": {given.refresh}}, a.id, a.secret).status)
	require.Equal(t, http.StatusUnauthorized, upload.Receive("POST").StatusCode)

	for id, want := range map[string]map[string]any{
		"whole":  {"status": 200., "bytes_in": 0., "bytes_out": 10., "cut": nil, "route": "/balance", "subject": "1"},
		"broken": {"status": 200., "bytes_out": 5., "cut": "broke_off"},
		"gone":   {"status": 200., "bytes_out": 5., "cut": "abandoned"},
		"stream": {"status": 200., "bytes_out": 5., "cut": "token_revoked", "client": a.id},
		"upload": {"status": 401., "bytes_in": 5., "cut": "token_revoked", "subject": "1"},
	} {
		line := book.lineOf(t, id)
		for key, value := range want {
			require.Equal(t, value, line[key], "%s of %s: %v", key, id, line)
		}
	}
	require.GreaterOrEqual(t, book.lineOf(t, "stream")["duration_ms"], 1000.)
	require.GreaterOrEqual(t, book.lineOf(t, "whole")["duration_ms"], 50.)
	seen := r.scrape()
	require.EqualValues(t, 2, seen[`gatehouse_token_cuts_total{reason="token_revoked",route="/balance"}`])
	require.EqualValues(t, 1, seen[`gatehouse_upstream_errors_total{kind="broke_off",route="/balance"}`])
	require.EqualValues(t, 1, seen[`gatehouse_upstream_errors_total{kind="abandoned",route="/balance"}`])
}

// send makes a raw request on a connection of its own.
func (r *running) send(request string) *gatewaytest.Caller {
	r.t.Helper()
	c := r.dial()
	c.Send(request)
	return c
}

// A gateway on its own has no endpoint of the authorization server's, and so nothing that a page could be let use.
func TestAGatewayOnItsOwnAnswersForItsRoutesAlone(t *testing.T) {
	cfg := corsConfig(t, ownPage)
	cfg.RedisURL = privateRedis(t)
	authz := startRole(t, cfg, config.AuthzOnly)
	authz.awaitReady()
	r := startRole(t, gatewayConfig(cfg, authz), config.GatewayOnly)
	r.awaitReady()
	require.Equal(t, http.StatusNoContent, authz.preflight("/oauth/token", ownPage, "POST").status)
	require.Equal(t, http.StatusNoContent, r.preflight("/balance", ownPage, "GET").status)
	for _, path := range []string{"/oauth/token", "/.well-known/jwks.json"} {
		a := r.preflight(path, ownPage, "POST")
		require.Equal(t, http.StatusNotFound, a.status)
		require.NotContains(t, a.header, "Access-Control-Allow-Origin")
		require.NotContains(t, a.header, "Access-Control-Allow-Methods")
	}
}
