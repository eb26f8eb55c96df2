package gateway_test

import (
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/gateway"
)

// misplaced are fields that decide about something when they are in a header. None may be said, or said otherwise, after
// everything was decided.
var misplaced = []string{
	"Cookie: a=b", "Set-Cookie: a=b", "Location: /", "Origin: null", "Date: now", "Age: 1", "Expires: 0", "Vary: *", "Retry-After: 1",
	"Link: </>", "Refresh: 1", "Access-Control-Allow-Origin: *", "Sec-Fetch-Site: none", "Strict-Transport-Security: max-age=0",
	"Cross-Origin-Opener-Policy: unsafe-none", "X-Frame-Options: ALLOW", "X-Content-Type-Options: sniff",
	"Authorization: Bearer x", "Cache-Control: public", "Content-Type: text/html", "Content-Encoding: gzip", "Content-Range: bytes 0-1/2",
	"Content-Length: 2", "Transfer-Encoding: chunked", "Host: other", "If-Match: *", "Pragma: x", "Range: bytes=0-1", "TE: gzip",
	"Trailer: X-Sum", "WWW-Authenticate: Basic", "Max-Forwards: 1", "Connection: close", "Keep-Alive: 5", "Upgrade: h2c", "Proxy-Status: x",
	"X-Gatehouse-Subject: 8", "x_gatehouse_subject: 8", "X-Forwarded-For: 1.2.3.4", "X-Request-Id: x",
	"b@d: x", ": x",
}

func namesOf(lines []string) string {
	names := make([]string, len(lines))
	for i, line := range lines {
		names[i], _, _ = strings.Cut(line, ":")
	}
	return strings.Join(names, ", ")
}

func TestFieldsThatAreNoTrailersOfAnswers(t *testing.T) {
	for name, body := range map[string]string{"small": "ok", "large": large[:100_000]} {
		for line, wants := range map[string]struct{ header, end string }{
			"TE: trailers": {"\r\nTrailer: X-Sum, X-Nul\r\n", "\r\n0\r\nX-Sum: 1\r\n\r\n"},
			"X: nothing":   {"", ""},
		} {
			t.Run(name+"/"+line, func(t *testing.T) {
				upstream := newUpstream(t, answering("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum, X-Nul, "+namesOf(misplaced)+"\r\n\r\n"+
					strings.TrimSuffix(chunked(body), "\r\n")+strings.Join(misplaced, "\r\n")+"\r\nX-Sum: 1\r\nX-Nul: a\x00b\r\n\r\n"))
				c := publicSystem(t, upstream, nil).dial()
				c.Send(raw("GET /balance", "Connection: close", line))
				got, err := io.ReadAll(c.Reader)
				require.NoError(t, err)
				head, rest, _ := strings.Cut(string(got), "\r\n\r\n")
				if wants.header == "" {
					require.NotContains(t, head, "Trailer")
					require.NotContains(t, rest, "X-Sum")
					require.Regexp(t, body[len(body)-2:]+"(\r\n0\r\n\r\n)?$", rest)
					return
				}
				require.Contains(t, head+"\r\n", wants.header)
				require.True(t, strings.HasSuffix(rest, wants.end), "%q", rest[max(0, len(rest)-1000):])
			})
		}
	}
}

// Some are refused by the listener when they are announced, others are dropped.
func TestFieldsThatAreNoTrailersOfRequests(t *testing.T) {
	upstream := newUpstream(t, answerAll)
	s := newSystem(t, []gateway.Route{balance(upstream.URL(), credential("headers"), methods("POST"))}, options{})
	dropped := 0
	for _, line := range misplaced {
		a := s.do(raw("POST /balance", bearer(s.token(nil)), "Transfer-Encoding: chunked", "Trailer: X-Sum, "+namesOf([]string{line})) +
			strings.TrimSuffix(chunked("ok"), "\r\n") + line + "\r\nX-Sum: 1\r\n\r\n")
		if a.StatusCode == 200 {
			dropped++
		} else {
			requireRefused(t, a, 400, "invalid_request")
		}
	}
	require.Greater(t, dropped, 10)
	require.Len(t, upstream.Requests(), dropped)
	for _, r := range upstream.Requests() {
		require.Equal(t, []string{"X-Sum"}, r.Values("Trailer"))
		require.Equal(t, []string{"X-Sum: 1"}, r.Trailers)
	}
}
