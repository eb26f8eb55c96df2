package dpop_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/keys/dpop"
)

// TestURIsAreComparedAsTheRFCSays: after syntax-based and scheme-based normalization (RFC 9449 section 4.3, RFC 3986 section 6.2).
func TestURIsAreComparedAsTheRFCSays(t *testing.T) {
	c := newClient(t, "EdDSA")
	for _, test := range []struct {
		htu, request string
		same         bool
	}{
		{"https://a.example/x", "https://a.example/x", true},
		{"https://a.example/x?q#f", "https://a.example/x?other", true},
		{"https://a.example/x#f?q", "https://a.example/x", true},
		{"HTTPS://A.Example/x", "https://a.example/x", true},
		{"https://a.example:443/x", "https://a.example/x", true},
		{"https://a.example:/x", "https://a.example/x", true},
		{"http://a.example:80/x", "http://a.example/x", true},
		{"http://a.example:443/x", "http://a.example/x", false},
		{"https://a.example:8443/x", "https://a.example:8443/x", true},
		{"https://a.example:8443/x", "https://a.example/x", false},
		{"https://[::1]:443/x", "https://[::1]/x", true},
		{"https://a.example", "https://a.example/", true},
		{"https://a.example?q", "https://a.example/", true},
		{"https://a.example/x/", "https://a.example/x", false},
		{"https://a.example/X", "https://a.example/x", false},
		{"https://a.example//x", "https://a.example/x", false},
		{"https://a.example/%7eu", "https://a.example/~u", true},
		{"https://a.example/%c3%a9", "https://a.example/%C3%A9", true},
		{"https://a.example/é", "https://a.example/%C3%A9", true},
		{"https://a.example/a%2Fb", "https://a.example/a/b", false},
		{"https://a.example/a%2fb", "https://a.example/a%2Fb", true},
		{"https://a.example/a%3Fb", "https://a.example/a?b", false},
		{"https://a.example/a%252Fb", "https://a.example/a%2Fb", false},
		{"https://a.example/b/../a", "https://a.example/a", true},
		{"https://a.example/%2e%2E/a", "https://a.example/a", true},
		{"https://a.example/./a/.", "https://a.example/a/", true},
		{"https://a.example/../../a", "https://a.example/a", true},
		{"https://a.example/a%zz", "https://a.example/a", false},
		{"https://a.example@b.example/x", "https://b.example/x", false},
		{"https://b.example\\@a.example/x", "https://a.example/x", false},
		{"https:a.example/x", "https://a.example/x", false},
		{"//a.example/x", "https://a.example/x", false},
		{"ftp://a.example/x", "ftp://a.example:21/x", false},
		{" https://a.example/x", "https://a.example/x", false},
	} {
		proof := c.proof(t, goodClaims(map[string]any{"htu": test.htu}))
		_, err := verifier().Verify(proof, dpop.Request{Method: method, URI: test.request})
		if test.same {
			require.NoError(t, err, "%s, %s", test.htu, test.request)
		} else {
			require.ErrorIs(t, err, dpop.ErrURI, "%s, %s", test.htu, test.request)
		}
	}
}
