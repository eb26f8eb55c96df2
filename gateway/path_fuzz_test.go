package gateway

import (
	"bufio"
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"gatehouse/gateway/internal/credential"
	"gatehouse/gateway/internal/header"
	"gatehouse/gateway/internal/routing"
)

// fuzzedRoutes overlap wherever templates can: literals and parameters at the same place, trailing slashes, spellings
// that decode to the same or to a different literal, methods that only one of two matching templates has.
var fuzzedRoutes = []Route{
	{Path: "/", Methods: []string{"GET"}},
	{Path: "/{any}", Methods: []string{"PATCH", "GET"}},
	{Path: "/balance", Methods: []string{"GET"}},
	{Path: "/invoices", Methods: []string{"POST"}},
	{Path: "/invoices", Methods: []string{"GET", "HEAD"}},
	{Path: "/invoices/incoming", Methods: []string{"GET"}},
	{Path: "/invoices/{hash}", Methods: []string{"GET", "DELETE"}},
	{Path: "/invoices/{hash}/", Methods: []string{"PUT"}},
	{Path: "/invoices/{hash}/{part}", Methods: []string{"GET"}},
	{Path: "/invoices/incoming/{part}", Methods: []string{"POST"}},
	{Path: "/a/b/d", Methods: []string{"GET"}},
	{Path: "/a/{x}/c", Methods: []string{"GET"}},
	{Path: "/{x}/b/c/", Methods: []string{"GET"}},
	{Path: "/caf%c3%a9", Methods: []string{"OPTIONS"}},
	{Path: "/%2561", Methods: []string{"GET"}},
	{Path: "/...", Methods: []string{"GET"}},
	{Path: "/hash/{any}", Methods: []string{"GET", "DELETE"}},
	{Path: "/hash/{hash:[0-9a-f]{4}}", Methods: []string{"GET"}},
	{Path: "/hash/{number:[0-9]+}", Methods: []string{"GET", "POST"}},
	{Path: "/hash/0000", Methods: []string{"PUT"}},
	{Path: "/hash/{number:[0-9]+}/x-{part}.y", Methods: []string{"GET"}},
	{Path: "/files/{rest:.*}", Methods: []string{"GET"}},
	{Path: "/files/{rest:.*}/meta", Methods: []string{"POST"}},
	{Path: "/files/{one}", Methods: []string{"GET"}},
}

const fuzzedBase = "/v2/%C3%A9"

// FuzzPath holds routing to what an outsider would compute: the rule that the decoded, cleaned path selects is the rule
// that is applied, and the path that is forwarded selects the same one again.
func FuzzPath(f *testing.F) {
	routes := slices.Clone(fuzzedRoutes)
	for i := range routes {
		routes[i].Origin = "http://upstream.example" + fuzzedBase
		routes[i].Public, routes[i].Credential = true, credential.None
	}
	g := fuzzedGateway(f, routes)
	for _, target := range []string{
		"/", "/balance", "/%62alance", "/balance/", "/invoices/incoming", "/invoices/%69ncoming", "/invoices/%2e%2e/balance",
		"/invoices/a/", "/invoices/a//b", "/invoices/incoming/a", "/a/b/c", "/a/b/d?x=/../%2f", "/caf%C3%A9", "/caf%c3",
		"/%61", "/%2561", "/%252561", "/...", "/..%2fbalance", "/a%5cb", "/oauth", "/Oauth/token", "/client%c5%bf",
		"/hash/0000", "/hash/%30000", "/hash/00ff", "/hash/00fg", "/hash/12345", "/hash/", "/hash/1/x-a%2Ey.y", "/hash/1/x-.y",
		"/files/", "/files", "/files/a", "/files/a/b", "/files/a/meta", "/files/a/b/meta", "/files/meta", "/files//meta", "/files/%2fmeta",
		"/a;b/c", "http://h/balance", "*", "/b%00", "/\u2025/x", "/balance#x", "/a%zz",
	} {
		f.Add("GET", target)
	}
	f.Add("HEAD", "/balance")
	f.Add("HEAD", "/invoices")
	f.Add("POST", "/invoices/incoming")
	f.Add("POST", "/files/a/b/meta")
	f.Add("POST", "/hash/0000")
	f.Add("DELETE", "/hash/1234")
	f.Fuzz(func(t *testing.T, method, target string) {
		r := acquireRequest()
		defer releaseRequest(r)
		r.method = []byte(method)
		require.NoError(t, r.fields.Parse(nil))
		if err := r.target.Parse([]byte(target)); err != nil {
			require.False(t, isPlainTarget(target), "%v for a target that can be read in one way", err)
			return
		}
		u, err := url.ParseRequestURI(target)
		require.NoError(t, err)
		require.True(t, utf8.ValidString(u.Path))
		require.Equal(t, cleaned(u.Path), u.Path, "whoever cleans the path serves another")

		got, err := g.routes.Match(r.method, &r.target)
		want, found := naiveMatch(routes, method, u.Path)
		switch {
		case want >= 0:
			require.NoError(t, err)
			require.Equal(t, want, got.index)
		case found:
			require.Equal(t, http.StatusMethodNotAllowed, refusalFor(g.log, err).status)
			return
		default:
			require.ErrorIs(t, err, routing.ErrNoRoute)
			return
		}

		forwarded := readRequest(t, r.fuzzedHead(got))
		base, _ := url.PathUnescape(fuzzedBase)
		rest, ok := strings.CutPrefix(forwarded.URL.Path, base)
		require.True(t, ok, forwarded.URL.Path)
		require.Equal(t, u.Path, rest)
		again, _ := naiveMatch(routes, forwarded.Method, rest)
		require.Equal(t, want, again)
		require.Equal(t, cleaned(forwarded.URL.Path), forwarded.URL.Path)
		require.Equal(t, u.RawQuery, forwarded.URL.RawQuery)
	})
}

// naiveMatch looks at every route in turn. It returns the route's index, or -1 and whether the path belongs to a route
// with other methods.
func naiveMatch(routes []Route, method, decoded string) (index int, found bool) {
	have := strings.Split(decoded, "/")[1:]
	if routing.IsReserved([]byte(have[0])) {
		return -1, false
	}
	best := ""
	for _, route := range routes {
		if s := shapeOf(route.Path, have, routes); s != "" && (best == "" || s < best) {
			best = s
		}
	}
	if best == "" {
		return -1, false
	}
	for _, name := range []string{method, map[string]string{"HEAD": "GET"}[method]} {
		for i, route := range routes {
			if name != "" && shapeOf(route.Path, have, routes) == best && slices.Contains(route.Methods, name) {
				return i, true
			}
		}
	}
	return -1, true
}

// shapeOf writes a template that matches as one letter for each segment, literals before patterns, parameters and rests, and
// a pattern with the number of the first route that has it. It is empty when the template does not match.
func shapeOf(template string, have []string, routes []Route) string {
	want := strings.Split(template[1:], "/")
	var shape strings.Builder
	for i, segment := range want {
		if i >= len(have) {
			return ""
		}
		first := slices.IndexFunc(routes, func(r Route) bool { return strings.Contains(r.Path+"/", "/"+segment+"/") })
		literal, err := url.PathUnescape(segment)
		switch {
		case strings.Contains(segment, ":.*}"):
			tail := strings.Join(want[i:], "/")
			first := slices.IndexFunc(routes, func(r Route) bool { return strings.HasSuffix(r.Path, "/"+tail) })
			tail = strings.ReplaceAll(tail, "{rest:.*}", ".*")
			if !regexp.MustCompile("^(?:" + tail + ")$").MatchString(strings.Join(have[i:], "/")) {
				return ""
			}
			fmt.Fprintf(&shape, "r%03d", first)
			return shape.String()
		case strings.HasPrefix(segment, "{") && !strings.Contains(segment, ":"):
			if have[i] == "" {
				return ""
			}
			shape.WriteByte('q')
		case strings.Contains(segment, "{"):
			within := regexp.MustCompile(`\{\w+:?([^{}]*(?:\{\d+\})?)\}`).ReplaceAllStringFunc(segment, func(param string) string {
				_, pattern, found := strings.Cut(strings.Trim(param, "{"), ":")
				if !found {
					return "[^/]+"
				}
				return strings.TrimSuffix(pattern, "}")
			})
			if !regexp.MustCompile("^(?:" + within + ")$").MatchString(have[i]) {
				return ""
			}
			fmt.Fprintf(&shape, "p%03d", first)
		case err == nil && literal == have[i]:
			shape.WriteByte('l')
		default:
			return ""
		}
	}
	if len(want) != len(have) {
		return ""
	}
	return shape.String()
}

// cleaned is path.Clean that leaves a trailing slash.
func cleaned(decoded string) string {
	clean := path.Clean(decoded)
	if strings.HasSuffix(decoded, "/") && clean != "/" {
		clean += "/"
	}
	return clean
}

// isPlainTarget holds for targets that nobody could misread and that therefore have to pass.
func isPlainTarget(target string) bool {
	decoded, _, _ := strings.Cut(target, "?")
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_~./?=&"
	return strings.HasPrefix(target, "/") && strings.Trim(target, plain) == "" && cleaned(decoded) == decoded
}

func fuzzedGateway(tb testing.TB, routes []Route) *Gateway {
	tb.Helper()
	g, err := New(Config{Routes: routes, Verifier: noVerifier{}, Denylist: noDenylist{}, JWTSecret: []byte("secret")})
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, g.Close()) })
	return g
}

// fuzzedHead is the head that the upstream gets of a request without a body.
func (r *request) fuzzedHead(to *rule) []byte {
	_ = r.appendHead(to, header.Peer{})
	return r.head
}

// readRequest parses a head as an upstream would, and holds it to be one request.
func readRequest(t *testing.T, head []byte) *http.Request {
	t.Helper()
	reader := bufio.NewReader(bytes.NewReader(head))
	parsed, err := http.ReadRequest(reader)
	require.NoError(t, err, "%q", head)
	require.Zero(t, reader.Buffered(), "more than one request: %q", head)
	return parsed
}
