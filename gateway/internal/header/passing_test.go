package header

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// passed returns the lines of a request's fields for an upstream.
func passed(t *testing.T, rules Rules, of Passage, lines ...string) (passed []string, isProxied bool) {
	t.Helper()
	of.From.Address, of.IsHTTP11 = netip.MustParseAddr("192.0.2.1"), true
	var f Fields
	require.NoError(t, f.Parse([]byte(strings.Join(lines, "\r\n")+"\r\n")))
	got, isProxied, err := rules.AppendPassing(nil, f, of)
	require.NoError(t, err)
	return strings.Split(strings.TrimSuffix(string(got), "\r\n"), "\r\n"), isProxied
}

// own is what the gateway says of a caller that comes without a proxy.
var own = []string{"X-Forwarded-For: 192.0.2.1", "X-Forwarded-Proto: http", "X-Real-Ip: 192.0.2.1"}

func TestWhatReachesAnUpstream(t *testing.T) {
	kept := []string{"Accept: */*", "X-Custom: 1", "X-Custom: 2"}
	for name, c := range map[string]struct {
		of   Passage
		sent []string
		want []string
	}{
		"fields of its own":         {},
		"fields for this hop":       {sent: []string{"Connection: close, X-Hop", "X-Hop: 1", "TE: trailers", "Upgrade: h2c", "Keep-Alive: 5"}},
		"who the caller is":         {sent: []string{"Authorization: Bearer a", "X-Gatehouse-Subject: 8", "x_gatehouse_subject: 8", "Remote_User: root"}},
		"another request":           {sent: []string{"X-HTTP-Method-Override: DELETE", "X-Original-URL: /admin"}},
		"where a stranger is from":  {sent: []string{"X-Real-Ip: 1.2.3.4", "X-Forwarded-Proto: https", "Forwarded: for=1", "CF-Connecting-IP: 1"}},
		"cookies of ours alone":     {sent: []string{"Cookie: __Host-gatehouse=1; gatehouse-csrf=2"}},
		"an id":                     {of: Passage{HasID: true}, sent: []string{"X-Request-Id: theirs"}},
		"a trace":                   {of: Passage{IsTraced: true}, sent: []string{"Traceparent: theirs", "Tracestate: theirs"}},
		"a handshake":               {of: Passage{OpensWebSocket: true}, sent: []string{"Sec-WebSocket-Key: k", "Sec-WebSocket-Protocol: p"}},
		"cookies beside ours":       {sent: []string{"Cookie: a=1; gatehouse=2; b=3"}, want: []string{"Cookie: a=1; b=3"}},
		"an id that is nobody's":    {sent: []string{"X-Request-Id: theirs"}, want: []string{"X-Request-Id: theirs"}},
		"what looks like ours only": {sent: []string{"X-Gateway: 1"}, want: []string{"X-Gateway: 1"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, isProxied := passed(t, Rules{}, c.of, append(c.sent, kept...)...)
			want := append(append(append([]string{}, c.want...), kept...), own...)
			require.Equal(t, want, got)
			require.False(t, isProxied)
		})
	}
}

func TestWhatAProxyIsBelieved(t *testing.T) {
	rules, err := NewRules("", []string{"Forwarded"}, nil)
	require.NoError(t, err)
	sent := []string{"X-Forwarded-For: 198.51.100.1", "X-Forwarded-Proto: https", "X_Forwarded_Host: evil", "Forwarded: for=1", "X-Client-Ip: 1"}
	got, isProxied := passed(t, rules, Passage{From: Peer{Trusted: true}}, sent...)
	require.True(t, isProxied)
	require.Equal(t, []string{
		"X-Forwarded-Proto: https", "Forwarded: for=1", "X-Forwarded-For: 198.51.100.1, 192.0.2.1", "X-Real-Ip: 192.0.2.1",
	}, got)
	got, isProxied = passed(t, rules, Passage{}, sent...)
	require.True(t, isProxied)
	require.Equal(t, own, got)
}

func TestARequestThatGoesInACircle(t *testing.T) {
	rules, err := NewRules("gatehouse", nil, nil)
	require.NoError(t, err)
	var f Fields
	require.NoError(t, f.Parse([]byte("Via: 1.1 gatehouse, 1.1 Gatehouse\r\nVia: 1.1 gatehouse (a), 1.0 gatehouse, 2 gatehouse, 1.1 other\r\n")))
	got, _, err := rules.AppendPassing(nil, f, Passage{IsHTTP11: true})
	require.NoError(t, err)
	require.Contains(t, string(got), "Via: 1.1 gatehouse\r\n", "five times are no circle")
	require.NoError(t, f.Parse([]byte("Via: 1.1 gatehouse, 1.1 gatehouse, 1.1 gatehouse\r\nVia: 1.1 gatehouse, 1.1 gatehouse, 1.1 gatehouse\r\n")))
	_, _, err = rules.AppendPassing(nil, f, Passage{IsHTTP11: true})
	require.ErrorIs(t, err, ErrLoop)
}

func TestWhatDoesNotPassOfAnAnswer(t *testing.T) {
	except := Exception{Name: "www-authenticate", Secret: []byte("secret")}
	for line, passes := range map[string]bool{
		"Location: /a": true, "Location: /?token=secret": false, "WWW-Authenticate: Basic": false, "Set-Cookie: a=gatehouse": true,
		"Set-Cookie: gatehouse=1": false, "Set-Cookie: __Host-gatehouse-csrf=1": false, "Set-Cookie: =gatehouse=1": false,
		"Set-Cookie: gatehouses=1": true,
	} {
		name, value, _ := strings.Cut(line, ": ")
		require.Equal(t, passes, except.Passes([]byte(name), []byte(value)), line)
	}
	none := Exception{}
	require.True(t, none.Passes([]byte("WWW-Authenticate"), []byte("Basic")))
}

func TestNoAllocationWherePassing(t *testing.T) {
	rules, err := NewRules("gatehouse", nil, []string{"X-Consumer-*"})
	require.NoError(t, err)
	var f Fields
	require.NoError(t, f.Parse([]byte("Host: a\r\nAccept: */*\r\nUser-Agent: b\r\nX-Forwarded-For: 1\r\nCookie: a=b\r\n")))
	of := Passage{From: Peer{Address: netip.MustParseAddr("192.0.2.1")}, IsHTTP11: true}
	dst := make([]byte, 0, 4096)
	require.Zero(t, testing.AllocsPerRun(100, func() { _, _, _ = rules.AppendPassing(dst, f, of) }))
}
