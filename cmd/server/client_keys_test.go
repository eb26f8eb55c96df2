package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/keys/jws/jwstest"
)

func TestAClientThatSignsWhoItIs(t *testing.T) {
	onEachMigrated(t, func(t *testing.T, s site) {
		key := jwstest.New(t, "ES256")
		write := func(name string, keys ...any) string {
			file := filepath.Join(t.TempDir(), name)
			require.NoError(t, os.WriteFile(file, []byte(jwstest.Text(t, map[string]any{"keys": keys})), 0o600))
			return file
		}
		file := write("jwks.json", key.JWK(t, map[string]any{"kid": "one"}))
		create := func(flags ...string) []string {
			return append([]string{"client", "create", "--name", "Report", "--grant-type", "client_credentials"}, flags...)
		}
		created := s.object(create("--jwks", file)...)
		require.NotContains(t, created, "clientSecret")
		require.Equal(t, false, created["public"])
		id := created["clientId"].(string)
		require.Equal(t, created["jwks"], s.object("client", "show", id)["jwks"])
		require.Contains(t, s.ok("client", "show", id), "Keys")
		s.refused(2, "a client with keys has no secret", "client", "secret", id, "--yes")

		changed := s.object("client", "update", id, "--jwks-uri", "https://report.example/jwks.json")
		require.Equal(t, "https://report.example/jwks.json", changed["jwksUri"])
		require.NotContains(t, changed, "jwks", "one takes the place of the other")
		s.refused(2, "cannot be left without its keys", "client", "update", id, "--jwks-uri", "")

		other := s.object(create()...)["clientId"].(string)
		s.ok("client", "update", other, "--jwks", file)
		s.refused(2, "a client with keys has no secret", "client", "secret", other, "--yes")
		public := s.object("client", "create", "--name", "x", "--public", "--domain", "https://x.example")["clientId"].(string)
		s.refused(2, "a public client has no keys", "client", "update", public, "--jwks", file)

		for want, flags := range map[string][]string{
			"not public":                   {"--jwks", write("private.json", jwstest.Members(t, key.Key))},
			"none of its keys can be used": {"--jwks", write("p384.json", jwstest.New(t, "ES384").JWK(t, nil))},
			"cannot be told apart":         {"--jwks", write("same.json", key.JWK(t, nil), jwstest.New(t, "ES256").JWK(t, nil))},
			"1 to 20 keys":                 {"--jwks", write("none.json")},
			"no such file":                 {"--jwks", filepath.Join(t.TempDir(), "nowhere.json")},
			"there is also a JWKS URI":     {"--jwks", file, "--jwks-uri", "https://report.example/jwks.json"},
			"begin with https://":          {"--jwks-uri", "http://report.example/jwks.json"},
			"its host is an address":       {"--jwks-uri", "https://10.0.0.1/jwks.json"},
			"a public client has no keys":  {"--jwks", file, "--public"},
		} {
			s.refused(2, want, create(flags...)...)
		}
	})
}
