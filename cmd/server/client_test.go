package main

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/registry"
)

func TestAClientsLife(t *testing.T) {
	onEachMigrated(t, func(t *testing.T, s site) {
		require.Equal(t, "ID  NAME  TYPE  CALLBACK  SCOPES  CREATED\n", s.ok("client", "list"))
		require.Equal(t, []map[string]any{}, s.list("client", "list"))

		created := s.object("client", "create", "--name", "My application", "--url", "https://app.example",
			"--image-url", "https://app.example/i.png", "--redirect-uri", "https://app.example/a,b",
			"--redirect-uri", "https://app.example/c", "--actor", "a person")
		id, secret := created["clientId"].(string), created["clientSecret"].(string)
		require.Len(t, secret, 43, "256 random bits")

		shown := s.object("client", "show", id)
		require.Equal(t, []string{
			"createdAt", "defaultScopes", "domain", "dpopBoundAccessTokens", "grantTypes", "id", "imageUrl", "name", "public", "redirectUris", "requirePushedAuthorizationRequests", "requiredScopes", "scopes", "updatedAt", "url",
		}, keysOf(shown))
		require.Equal(t, []any{"https://app.example/a,b", "https://app.example/c"}, shown["redirectUris"])
		all := maps.Clone(shown)
		all["clientId"], all["clientSecret"] = id, secret
		require.Equal(t, all, created, "everything that was made is told, without asking again")
		require.Equal(t, []map[string]any{shown}, s.list("client", "list"))
		for _, text := range []string{s.ok("client", "show", id), s.ok("client", "list")} {
			require.Contains(t, text, "My application")
			require.Contains(t, text, "https://app.example/c")
			require.NotContains(t, text, secret)
		}

		changed := s.object("client", "update", id, "--name", "Another", "--image-url", "", "--redirect-uri", "https://app.example/d")
		require.Equal(t, "Another", changed["name"])
		require.Empty(t, changed["imageUrl"])
		require.Equal(t, "https://app.example", changed["url"], "what is not given stays")
		require.Equal(t, []any{"https://app.example/d"}, changed["redirectUris"])
		require.Contains(t, s.ok("client", "update", id, "--domain", "https://*.app.example", "--redirect-uri", ""), "https://*.app.example")
		s.refused(2, "a domain or a redirect URI is required", "client", "update", id, "--domain", "")

		renewed := s.object("client", "secret", id, "--yes")
		require.Equal(t, keysOf(created), keysOf(renewed))
		require.NotEqual(t, secret, renewed["clientSecret"])
		printed := s.ok("client", "secret", id, "--yes")
		require.Regexp(t, `\nSecret +[A-Za-z0-9_-]{43}\n`, printed)

		require.Equal(t, map[string]any{"id": id, "delivered": true, "unconfirmed_gateways": 0.0}, s.object("client", "delete", id, "--yes"))
		s.refused(3, id, "client", "delete", id, "--yes")
		require.Empty(t, s.list("client", "list"))

		require.Equal(t, []string{
			"client.delete " + id, "client.secret " + id, "client.secret " + id, "client.update " + id, "client.update " + id,
			"client.create " + id,
		}, s.audit())
	})
}

func TestTheSecretIsShownOnceAndKeptNowhere(t *testing.T) {
	s := sqliteSite(t)
	s.ok("migrate")
	e := s.run("client", "create", "--name", "x", "--domain", "https://x.example")
	require.Zero(t, e.code)
	secret := strings.Fields(strings.SplitAfter(e.stdout, "Secret")[1])[0]
	require.Len(t, secret, 43)
	require.Equal(t, 1, strings.Count(e.stdout, secret))
	require.Empty(t, e.stderr)
	files, err := filepath.Glob(strings.TrimPrefix(s.env["GATEHOUSE_DATABASE_URL"], "sqlite:") + "*")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		require.NotContains(t, string(data), secret)
	}
}

func TestAClientWithAnIDAndASecretThatSomeoneChose(t *testing.T) {
	s := sqliteSite(t)
	s.ok("migrate")
	create := []string{"client", "create", "--id", "wallet", "--secret-stdin", "--name", "x", "--domain", "https://x.example"}
	e := s.runWith(strings.NewReader("correct horse\n"), append(create, "--json")...)
	require.Zero(t, e.code, e.stderr)
	require.NotContains(t, decode[map[string]any](t, e.stdout), "clientSecret", "it is not repeated")

	e = s.runWith(strings.NewReader("battery staple"), create...)
	require.Equal(t, 1, e.code)
	require.Contains(t, e.stderr, "exists already")
	e = s.runWith(strings.NewReader("\n"), create...)
	require.Equal(t, 2, e.code)
	require.Contains(t, e.stderr, "no secret on standard input")
	require.Len(t, s.list("client", "list"), 1)
}

func TestScopesAreThoseOfTheRoutes(t *testing.T) {
	s := sqliteSite(t)
	s.ok("migrate")
	file := filepath.Join(t.TempDir(), "config.yaml")
	require.NoError(t, os.WriteFile(file, []byte("routes: [{path: /balance, scope: balance:read}, {path: /pay, scope: payments:send}]\n"), 0o600))
	s = s.with("GATEHOUSE_CONFIG", file)
	id := s.object("client", "create", "--name", "x", "--domain", "https://x.example", "--scope", "balance:read")["clientId"].(string)
	require.Equal(t, []any{"balance:read"}, s.object("client", "show", id)["scopes"])
	s.refused(2, `no route has the scope "other"`, "client", "update", id, "--scope", "balance:read,other")
	changed := s.object("client", "update", id, "--scope", "balance:read,payments:send")
	require.Equal(t, []any{"balance:read", "payments:send"}, changed["scopes"])
	require.Empty(t, s.object("client", "update", id, "--scope", "")["scopes"])

	s.refused(2, "default scope", "client", "create", "--name", "y", "--domain", "https://y.example", "--scope", "balance:read", "--default-scope", "payments:send")
	id = s.object("client", "create", "--name", "y", "--domain", "https://y.example", "--default-scope", "balance:read")["clientId"].(string)
	require.Equal(t, []any{"balance:read"}, s.object("client", "show", id)["defaultScopes"])
	require.Equal(t, []any{"payments:send"}, s.object("client", "update", id, "--default-scope", "payments:send")["defaultScopes"])
	require.Empty(t, s.object("client", "update", id, "--default-scope", "")["defaultScopes"])

	s.refused(2, "required scope", "client", "create", "--name", "z", "--domain", "https://z.example", "--scope", "balance:read", "--required-scope", "payments:send")
	id = s.object("client", "create", "--name", "z", "--domain", "https://z.example", "--required-scope", "balance:read")["clientId"].(string)
	require.Equal(t, []any{"balance:read"}, s.object("client", "show", id)["requiredScopes"])
	require.Equal(t, []any{"payments:send"}, s.object("client", "update", id, "--required-scope", "payments:send")["requiredScopes"])
	s.refused(2, "required scope", "client", "update", id, "--scope", "balance:read")
	require.Empty(t, s.object("client", "update", id, "--required-scope", "")["requiredScopes"])

	require.Equal(t, false, s.object("client", "show", id)["dpopBoundAccessTokens"])
	id = s.object("client", "create", "--name", "d", "--domain", "https://d.example", "--dpop-bound")["clientId"].(string)
	require.Equal(t, true, s.object("client", "show", id)["dpopBoundAccessTokens"])
	require.Contains(t, s.ok("client", "show", id), "all access tokens are bound to a key")
	require.Equal(t, true, s.object("client", "update", id, "--name", "e")["dpopBoundAccessTokens"], "what is not given stays")
	require.Equal(t, false, s.object("client", "update", id, "--dpop-bound=false")["dpopBoundAccessTokens"])
}

func TestClientsThatCannotBe(t *testing.T) {
	onEachMigrated(t, func(t *testing.T, s site) {
		e := s.run("client", "create", "--url", "ftp://x", "--image-url", "data:,x", "--domain", "app:/", "--redirect-uri", "javascript:x",
			"--grant-type", "password")
		require.Equal(t, 2, e.code)
		for _, problem := range []string{
			"name is required", "URL:", "image URL:", "domain:", `redirect URI "javascript:x":`, `grant type "password":`,
		} {
			require.Contains(t, e.stderr, problem, "all problems at once")
		}
		require.NotRegexp(t, "imageUrl|redirectUris|grantTypes", e.stderr, "those are fields of the admin API")
		for _, arguments := range []string{"show nobody", "update nobody --name x", "secret nobody --yes", "delete nobody --yes"} {
			s.refused(3, `client "nobody": not found`, append([]string{"client"}, strings.Fields(arguments)...)...)
		}
		s.refused(2, "UTF-8", "client", "show", "\xff")
		id := s.object("client", "create", "--name", "x", "--public", "--domain", "https://x.example")["clientId"].(string)
		s.refused(2, "a public client has no secret", "client", "secret", id, "--yes")
		require.Equal(t, []string{"client.create " + id}, s.audit())
	})
}

func TestNamesCannotTakeOverTheTerminal(t *testing.T) {
	s := sqliteSite(t)
	s.ok("migrate")
	s.refused(2, "invisible", "client", "create", "--name", "a\x1b[2Jb", "--domain", "https://x.example")
	before, err := registry.Open(t.Context(), s.env["GATEHOUSE_DATABASE_URL"]) // as it was registered before that was refused
	require.NoError(t, err)
	require.NoError(t, before.By("a person").CreateClient(t.Context(), registry.Client{ID: "x", Name: "a\x1b[2Jb", Domain: "https://x.example"}))
	require.NoError(t, before.Close())
	for _, arguments := range [][]string{{"client", "list"}, {"audit", "list"}} {
		text := s.ok(arguments...)
		require.NotContains(t, text, "\x1b")
		require.Contains(t, text, "a\uFFFD[2Jb")
	}
}

func TestAnOperatorSeesWhichClientsHaveRegisteredThemselves(t *testing.T) {
	s := sqliteSite(t)
	s.ok("migrate")
	id := s.object("client", "create", "--name", "Ours", "--domain", "https://x.example")["clientId"].(string)
	stored, err := registry.Open(t.Context(), s.env["GATEHOUSE_DATABASE_URL"])
	require.NoError(t, err)
	self := registry.Client{ID: "self", Name: "Theirs", RedirectURIs: []string{"http://127.0.0.1/"}, Fingerprint: "f", KeptUntil: time.Now().Add(time.Hour), SigningAlg: "ES256"}
	require.NoError(t, stored.Register(t.Context(), self, registry.Registration{TokenHash: "h"}, 1))
	require.NoError(t, stored.Close())

	shown := s.object("client", "show", "self")
	require.Equal(t, shown["createdAt"], shown["registeredItselfAt"])
	require.NotContains(t, s.object("client", "show", id), "registeredItselfAt")
	require.Regexp(t, `\nself +Theirs +registered itself `, s.ok("client", "list"))
	require.Regexp(t, `\nKept unused until +\d`, s.ok("client", "show", "self"))
	require.NotContains(t, s.ok("client", "show", id), "Kept unused")
	require.Regexp(t, `\nSigns with +ES256\n`, s.ok("client", "show", "self"))
	require.NotContains(t, s.ok("client", "show", id), "Signs with")
	s.refused(2, "has registered itself", "client", "update", "self", "--name", "Ours")
	s.ok("revoke", "--client", "self", "--yes")
	require.Regexp(t, `\nself +Theirs +disabled `, s.ok("client", "list"))
}
