package gateway

import (
	"bytes"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/gateway/internal/credential"
	"gatehouse/gateway/internal/header"
	"gatehouse/keys"
)

var fuzzedClaims = &keys.Claims{Subject: "7", ClientID: "app", ID: "token-1", GrantID: "grant-1", Scopes: []string{"a", "b"}}

// ends are the fields that never pass, as an upstream reads their names: without regard to case and with every other
// character taken for a hyphen.
var ends = []string{
	"Connection", "Keep-Alive", "Te", "Trailer", "Upgrade", "Expect", "Http2-Settings", "Proxy", "Proxy-Authorization",
	"Proxy-Connection", "X-Http-Method-Override", "X-Original-Url", "X-Rewrite-Url", "Remote-User", "X-Remote-User",
	"X-Forwarded-User", "X-Auth-Request-User", "Client-Cert", "Ssl-Client-Verify",
}

// FuzzRequestHead holds what reaches an upstream, whatever the caller sends, to what net/http reads of it: one request with one
// Host and one framing, nothing for this hop, nothing that the caller listed in Connection, and no word about who the
// caller is but the gateway's own, once.
func FuzzRequestHead(f *testing.F) {
	for _, block := range []string{
		"Host: a\r\nAccept: */*\r\n",
		"Host: a\r\nAuthorization: Bearer stolen\r\nX-Gatehouse-Subject: 8\r\nx_gatehouse_subject: 8\r\n",
		"Host: a\r\nConnection: x-a, host, authorization, x-forwarded-for\r\nX-A: 1\r\nx-a: 2\r\nX-B: 3\r\n",
		"Connection: keep-alive ,\tX-A\r\nConnection: close\r\nX-A: 1\r\nHost: a\r\n",
		"Host: a\r\nConnection: x-gatehouse-subject, content-length, traceparent\r\nTE: trailers\r\n",
		"Host: a\r\nX-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Proto: https\r\nForwarded: for=1\r\nX_Forwarded_For: 5\r\n",
		"Host: a\r\nTransfer-Encoding: chunked\r\nTransfer_Encoding: chunked\r\n",
		"Host: a\r\nContent-Length: 5\r\nContent_Length: 7\r\nExpect: 100-continue\r\n",
		"Host: a\r\nX-Request-Id: mine\r\nTraceparent: 00-1-2-3\r\n",
		"Host: a\r\nX~Gatehouse~Scope: all\r\nREMOTE_USER: root\r\nProxy: http://evil\r\n",
		"Host: a b\r\nUpgrade: h2c\r\nHTTP2-Settings: AAA\r\nConnection: Upgrade, HTTP2-Settings\r\n",
	} {
		for index := range uint8(4) {
			f.Add([]byte(block), index, index%2 == 0, uint16(index)*5)
		}
	}
	var routes []Route
	for _, name := range []string{credential.LNDHub, credential.Forward, credential.Headers, credential.None} {
		routes = append(routes, Route{
			Path: "/" + name, Methods: []string{"GET", "POST"}, Origin: "http://upstream.example:8080", Credential: name, Public: true,
		})
	}
	g := fuzzedGateway(f, routes)
	f.Fuzz(func(t *testing.T, block []byte, index uint8, trusted bool, bodySize uint16) {
		r := acquireRequest()
		defer releaseRequest(r)
		if r.fields.Parse(block) != nil {
			return
		}
		sent := make(http.Header)
		for _, f := range r.fields {
			sent.Add(string(f.Name), string(f.Value))
		}
		method := []string{"GET", "POST"}[bodySize%2]
		route := routes[int(index)%len(routes)]
		r.method = []byte(method)
		require.NoError(t, r.target.Parse([]byte(route.Path)))
		to, err := g.routes.Match(r.method, &r.target)
		require.NoError(t, err)
		r.credential, err = to.credential.Append(r.credential, fuzzedClaims, []byte("own.token"))
		require.NoError(t, err)
		if index&4 != 0 {
			r.id, r.trace = []byte("own-id"), append(r.trace, "Traceparent: own\r\n"...)
		}

		r.isHTTP11, r.body.size = true, int64(bodySize)
		_ = r.appendHead(to, header.Peer{Address: netip.MustParseAddr("192.0.2.1"), Trusted: trusted})
		require.NotContains(t, strings.ReplaceAll(string(r.head), "\r\n", ""), "\n", "a line of its own")
		require.NotContains(t, strings.ReplaceAll(string(r.head), "\r\n", ""), "\r")
		require.Equal(t, 1, bytes.Count(r.head, []byte("\r\nHost: ")))
		seen := readRequest(t, r.head)
		require.Equal(t, "upstream.example:8080", seen.Host)
		require.Equal(t, route.Path, seen.RequestURI)
		require.Equal(t, method, seen.Method)
		require.Equal(t, int64(bodySize), seen.ContentLength)
		require.Empty(t, seen.TransferEncoding)
		require.False(t, seen.Close)

		requireOwnWord(t, seen.Header, route.Credential)
		requireOrigin(t, seen.Header, sent, trusted)
		if index&4 != 0 {
			require.Equal(t, []string{"own-id"}, seen.Header["X-Request-Id"])
			require.Equal(t, []string{"own"}, seen.Header["Traceparent"])
		}
		if r.takesTrailers() {
			require.Equal(t, []string{"trailers"}, seen.Header["Te"])
			require.Equal(t, []string{"TE"}, seen.Header["Connection"])
		}
		own := map[string]bool{
			"X-Request-Id": index&4 != 0, "Traceparent": index&4 != 0, "Te": r.takesTrailers(), "Connection": r.takesTrailers(),
		}
		for name := range seen.Header {
			if strings.HasPrefix(name, "X-Gatehouse-") || strings.HasPrefix(name, "X-Forwarded-") || name == "X-Real-Ip" ||
				name == "Authorization" || name == "Content-Length" || own[name] {
				continue
			}
			require.NotContains(t, ends, spelledPlainly(name))
			require.Equal(t, sent[name], seen.Header[name], "a field passes as it was sent, or not at all")
			for _, list := range sent["Connection"] {
				for listed := range strings.SplitSeq(list, ",") {
					isFromProxy := trusted && slices.Contains(ofProxies, name)
					require.False(t, !isFromProxy && strings.EqualFold(strings.Trim(listed, " \t"), name), "%s was listed in Connection", name)
				}
			}
		}
	})
}

// requireOwnWord holds what says who the caller is to be the gateway's, each once.
func requireOwnWord(t *testing.T, seen http.Header, name string) {
	t.Helper()
	own := http.Header{}
	switch name {
	case credential.Headers:
		own.Set("X-Gatehouse-Subject", "7")
		own.Set("X-Gatehouse-Client", "app")
		own.Set("X-Gatehouse-Scope", "a b")
		own.Set("X-Gatehouse-Token-Id", "token-1")
		own.Set("X-Gatehouse-Grant", "grant-1")
	case credential.Forward:
		own.Set("Authorization", "Bearer own.token")
	case credential.LNDHub:
		require.Len(t, seen["Authorization"], 1)
		require.Regexp(t, `^Bearer eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9\.[\w-]+\.[\w-]{43}$`, seen.Get("Authorization"))
		own["Authorization"] = seen["Authorization"]
	}
	said := http.Header{}
	for name, values := range seen {
		if plain := spelledPlainly(name); plain == "Authorization" || strings.HasPrefix(plain+"-", "X-Gatehouse-") {
			said[name] = values
		}
	}
	require.Equal(t, own, said)
}

// requireOrigin holds what says where the caller comes from to be the gateway's, or a trusted proxy's.
func requireOrigin(t *testing.T, seen, sent http.Header, trusted bool) {
	t.Helper()
	require.Len(t, seen["X-Forwarded-For"], 1)
	chain := strings.Split(seen.Get("X-Forwarded-For"), ", ")
	require.Equal(t, "192.0.2.1", chain[len(chain)-1])
	if trusted {
		return
	}
	require.Len(t, chain, 1)
	want := http.Header{"X-Forwarded-For": {"192.0.2.1"}, "X-Forwarded-Proto": {"http"}, "X-Real-Ip": {"192.0.2.1"}}
	if host := sent.Get("Host"); host != "" {
		want.Set("X-Forwarded-Host", host)
	}
	said := http.Header{}
	for name, values := range seen {
		if plain := spelledPlainly(name); strings.HasPrefix(plain, "X-Forwarded") || slices.Contains(addresses, plain) {
			said[name] = values
		}
	}
	require.Equal(t, want, said)
}

// addresses are fields that upstreams take for the caller's address, or for the name that the caller used.
var addresses = []string{"Forwarded", "X-Real-Ip", "Client-Ip", "X-Client-Ip", "True-Client-Ip", "X-Host", "X-Original-Host"}

// ofProxies are believed of a trusted proxy, which may not take them back in Connection.
var ofProxies = []string{"X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Real-Ip"}

// spelledPlainly is the name as CGI, WSGI and PHP compare it.
func spelledPlainly(name string) string {
	return http.CanonicalHeaderKey(strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, name))
}
