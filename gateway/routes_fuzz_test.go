package gateway

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/gateway/internal/credential"
)

// FuzzRoutes compiles two routes of anything. Either an error names the route that is wrong, or every path that a template
// stands for selects its rule and is forwarded to its origin, and no two rules have one method of one path.
func FuzzRoutes(f *testing.F) {
	add := func(path, methods, origin, scope, other string) { f.Add(path, methods, origin, scope, other) }
	add("/balance", "GET", "http://localhost:3000/v2", "balance:read", "/invoices/{hash}")
	add("/invoices/{hash}", "GET POST", "https://upstream.example", "a", "/invoices/{id}")
	add("/invoices/incoming", "GET", "http://[::1]:80/", "a", "/invoices/{id}")
	add("/{a}/b", "GET", "http://u/a%2fb", "a b", "/a/{b}")
	add("/caf%C3%A9", "OPTIONS", "http://u/caf%c3%a9", "", "/caf\u00e9")
	add("/", "HEAD", "http://u", "x", "/{a}/")
	add("/%61", "DELETE", "http://u/%61/", "x", "/a")
	add("/a%20b", "FETCH", "http://u:99999", "\"", "a%d")
	add("/{a}/{a}", "TRACE", "ftp://u", "x", "/oauth/{x}")
	add("/a//b", "get", "http://user:secret@u", "x", "/../a")
	add("/{a", "GET", "http://u?x", "x", "/{a}b")
	add("/{a:[0-9]+}/x-{b}", "GET", "http://u", "x", "/{c:.*}")
	add("/{a:(}", "GET", "http://u", "x", "/{a:x}{b:{2}}")
	add("/a?b", "GET", "http://u#x", "x", "/a;b")
	add("/{a}", "GET GET", "http://u\r\nX: y", "x", "/\x00")
	f.Fuzz(func(t *testing.T, path, methods, origin, scope, other string) {
		routes := []Route{
			{Path: path, Methods: strings.Fields(methods), Origin: origin, Scope: scope, Credential: credential.None},
			{Path: other, Methods: []string{"GET"}, Origin: "http://other.example", Scope: "other", Credential: credential.None},
		}
		g, err := New(Config{Routes: routes, Verifier: noVerifier{}, Denylist: noDenylist{}})
		require.Equal(t, err == nil, Validate(routes, Upstreams{}, nil) == nil)
		if err != nil {
			for _, problem := range leaves(err) {
				first := fmt.Sprintf("route 1 (%s %s): ", strings.Join(routes[0].Methods, ","), path)
				second := fmt.Sprintf("route 2 (GET %s): ", other)
				require.True(t, strings.HasPrefix(problem, first) || strings.HasPrefix(problem, second), "%q", problem)
			}
			return
		}
		defer func() { require.NoError(t, g.Close()) }()
		if hasPattern(path) || hasPattern(other) {
			return // what they match is for FuzzPath and TestTargetsAreMatchedAsGorillaDoes
		}
		if slices.Contains(routes[0].Methods, "GET") {
			require.NotEqual(t, shape(t, path), shape(t, other), "one method of one path has two rules")
		}
		for i, route := range routes {
			example := exampleOf(t, route.Path)
			for _, method := range route.Methods {
				requireServed(t, g, routes, i, method, example)
			}
		}
	})
}

// requireServed holds a request that a route is made for to its rule, and the rule to the route's origin. Where the other
// route's path wins, it is held to that one.
func requireServed(t *testing.T, g *Gateway, routes []Route, index int, method, target string) {
	t.Helper()
	decoded, err := url.PathUnescape(target)
	require.NoError(t, err)
	want, _ := naiveMatch(routes, method, decoded)

	r := acquireRequest()
	defer releaseRequest(r)
	r.method = []byte(method)
	require.NoError(t, r.fields.Parse(nil))
	require.NoError(t, r.target.Parse([]byte(target)), "no request can have the path %s", target)
	to, err := g.routes.Match(r.method, &r.target)
	if want < 0 {
		require.Error(t, err)
		require.NotEqual(t, shape(t, routes[0].Path), shape(t, routes[1].Path), "hidden by a path without parameters")
		return
	}
	require.NoError(t, err)
	require.Equal(t, want, to.index)
	require.Equal(t, routes[want].Scope, to.scope)
	if want != index {
		return
	}

	u, err := url.Parse(routes[want].Origin)
	require.NoError(t, err)
	require.Nil(t, u.User)
	port := map[string]string{"http": "80", "https": "443"}[u.Scheme]
	if u.Port() != "" {
		port = u.Port()
	}
	host, dialled, err := net.SplitHostPort(to.upstream.Origin().Address)
	require.NoError(t, err)
	require.Equal(t, u.Hostname(), host)
	require.Contains(t, []string{port, u.Scheme}, dialled)
	require.Equal(t, u.Scheme == "https", to.upstream.Origin().TLS)
	seen := readRequest(t, r.fuzzedHead(to))
	require.Equal(t, u.Host, seen.Host)
	require.Equal(t, strings.TrimSuffix(u.Path, "/")+decoded, seen.URL.Path)
	require.Empty(t, seen.URL.RawQuery)
	require.Equal(t, cleaned(seen.URL.Path), seen.URL.Path)
}

// shape is what two templates have in common when they stand for the same paths.
func shape(t *testing.T, template string) string {
	t.Helper()
	segments := strings.Split(template, "/")
	for i, segment := range segments {
		if strings.HasPrefix(segment, "{") {
			segments[i] = "{}"
			continue
		}
		decoded, err := url.PathUnescape(segment)
		require.NoError(t, err)
		segments[i] = decoded
	}
	return strings.Join(segments, "/")
}

// hasPattern holds for templates of which a segment is neither a literal nor a parameter alone.
func hasPattern(template string) bool {
	return slices.ContainsFunc(strings.Split(template, "/"), func(segment string) bool {
		return strings.ContainsAny(segment, "{}") && !parameterAlone.MatchString(segment)
	})
}

var parameterAlone = regexp.MustCompile(`^\{\w+\}$`)

// exampleOf is a path that a template stands for.
func exampleOf(t *testing.T, template string) string {
	t.Helper()
	segments := strings.Split(template, "/")
	for i, segment := range segments {
		if strings.HasPrefix(segment, "{") {
			segments[i] = fmt.Sprintf("value-%d", i)
		}
	}
	return strings.Join(segments, "/")
}

// leaves are the texts of all errors that were joined.
func leaves(err error) []string {
	var joined interface{ Unwrap() []error }
	if !errors.As(err, &joined) {
		return []string{err.Error()}
	}
	var texts []string
	for _, one := range joined.Unwrap() {
		if _, ok := one.(interface{ Unwrap() []error }); ok {
			texts = append(texts, leaves(one)...)
		} else {
			texts = append(texts, one.Error())
		}
	}
	return texts
}
