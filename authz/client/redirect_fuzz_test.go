package client_test

import (
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/authz/client"
	"gatehouse/registry"
)

// FuzzRedirect asks for a redirect to any URI, for clients of every kind. What is allowed lies where the client's
// registration says, to net/url and to a reader that looks at nothing but the text.
func FuzzRedirect(f *testing.F) {
	for _, client := range [][2]string{
		{"https://a.example/cb", ""}, {"", "https://a.example"}, {"", "https://*.a.example"}, {"", "http://localhost:8080"},
		{"com.example.app:/cb", "https://*.b.*.example"}, {"", "http://[::1]:8080"}, {"", "https://*.co.uk"},
		{"http://127.0.0.1/cb", "https://*.*.amazonaws.com"}, {"http://[::1]:8080/cb?x=1", ""}, {"http://localhost", ""},
	} {
		for _, uri := range []string{
			"https://a.example/cb", "https://A.EXAMPLE:443/?x=1", "https://b.a.example", "https://b.c.a.example",
			"https://a.example@evil.example/", `https://evil.example\@a.example/`, "https://a.example.evil.example",
			"http://localhost:8080/x", "http://localhost:8080@evil.example", "https://a.example/#f", "com.example.app:/cb",
			"https://a.example/?code=1", "http://[::1]:8080/x", "https://a.example:0443", "//a.example", "https:a.example",
			"https://a%2eexample/", "https://*.a.example/", "https://evil.example?.a.example",
			"http://127.0.0.1:4711/cb", "http://[::1]:4711/cb?x=1", "http://localhost:4711", "http://localhost:4711@evil.example",
			"https://evil.s3.amazonaws.com",
		} {
			f.Add(client[0], client[1], uri)
		}
	}
	f.Fuzz(func(t *testing.T, registered, domain, uri string) {
		exact := registry.Client{RedirectURIs: []string{registered}}
		if client.RedirectAllowed(exact, uri) {
			if loopback := loopbackPort.ReplaceAllString(uri, "$1$2"); loopback != loopbackPort.ReplaceAllString(registered, "$1$2") {
				require.Equal(t, registered, uri)
			}
			requireRedirect(t, uri)
		}
		byDomain := registry.Client{Domain: domain}
		if !client.RedirectAllowed(byDomain, uri) {
			return
		}
		requireRedirect(t, uri)
		require.NoError(t, client.ParseDomain(domain), "a domain that cannot be registered allows nothing")
		want, have := plainOrigin.FindStringSubmatch(domain), plainOrigin.FindStringSubmatch(uri)
		require.NotNil(t, want, domain)
		require.NotNil(t, have, uri)
		require.True(t, strings.EqualFold(want[1], have[1]), "the scheme is another")
		require.Equal(t, portOf(want), portOf(have))
		require.Regexp(t, hostPattern(want[2]), have[2])
	})
}

// requireRedirect holds for every URI that an answer is sent to.
func requireRedirect(t *testing.T, uri string) {
	t.Helper()
	require.NotRegexp(t, "[^!-~]|[\"\\\\<>^`{|}#]", uri)
	u, err := url.Parse(uri)
	require.NoError(t, err)
	require.NotEmpty(t, u.Scheme)
	require.Nil(t, u.User)
	require.Empty(t, u.Fragment)
	for _, name := range []string{"code", "state", "iss", "error"} {
		require.False(t, u.Query().Has(name), "the client would take %q for the answer", name)
	}
	if u.Scheme == "http" || u.Scheme == "https" {
		require.Regexp(t, plainOrigin, uri)
		require.NotContains(t, u.Host, "@")
	}
	require.NotRegexp(t, `^(?i:javascript|data|vbscript|file|blob):`, uri)
}

// plainOrigin takes apart a URI with neither userinfo nor anything to repair: scheme, host, port.
var plainOrigin = regexp.MustCompile(`^(?i:(https?))://([A-Za-z0-9*._-]+|\[[0-9A-Fa-f:.]+\])(?::([1-9][0-9]*))?(?:[/?].*)?$`)

// loopbackPort is the port of a redirect to the user's own machine, between what must not differ.
var loopbackPort = regexp.MustCompile(`^(http://(?:127\.0\.0\.1|\[::1\]|localhost))(?::[1-9][0-9]*)?($|[/?])`)

func portOf(origin []string) string {
	switch {
	case origin[3] != "":
		return origin[3]
	case strings.EqualFold(origin[1], "https"):
		return "443"
	default:
		return "80"
	}
}

// hostPattern lets each * stand for one label.
func hostPattern(host string) string {
	labels := strings.Split(host, ".")
	for i, label := range labels {
		if label == "*" {
			labels[i] = "[^.]+"
		} else {
			labels[i] = regexp.QuoteMeta(label)
		}
	}
	return "^(?i:" + strings.Join(labels, `\.`) + ")$"
}
