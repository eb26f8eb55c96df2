package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/authz/oauth2server/sourcetest"
	"gatehouse/registry"
)

// withRoutes is the site with routes of two scopes, so that an import can tell which scopes are left.
func (s site) withRoutes() site {
	s.Helper()
	return s.withFile(`
routes:
  - {path: /balance, methods: [GET], origin: "http://localhost:3000", scope: "balance:read", description: Read., credential: none}
  - {path: /invoices, methods: [POST], origin: "http://localhost:3000", scope: "invoices:create", description: Make., credential: none}
`)
}

// withFile has this configuration file.
func (s site) withFile(yaml string) site {
	s.Helper()
	file := filepath.Join(s.TempDir(), "config.yaml")
	require.NoError(s, os.WriteFile(file, []byte(yaml), 0o600))
	return s.with("GATEHOUSE_CONFIG", file)
}

// day is how long things live that are to live.
const day = 24 * time.Hour

// alby is a source with a client of each kind.
func alby(t *testing.T) *sourcetest.Database {
	t.Helper()
	source := sourcetest.New(t)
	for _, c := range []sourcetest.Client{
		{ID: "DbOXXA5KAQ", Secret: "dpgtgMmjAIjX0LZT6QFY", Domain: "http://localhost:9999", Name: "App", ImageURL: "https://app.example/i.png", URL: "https://app.example"},
		{ID: "09ck1j9uJS", Domain: "https://*.spa.example/deep?x#y", Name: "Public"},
		{ID: "native", Secret: "a word", Domain: "myapp://oauth", Name: "Native"},
		{ID: "oob", Secret: "a word", Domain: "urn:ietf:wg:oauth:2.0:oob", Name: "Out of band"},
		{ID: "wild", Secret: "wild one's word", Domain: "https://*.com", Name: "It's wild"},
		{ID: "bare", Secret: "a word", Domain: "localhost:8080", Name: "Bare"},
		{ID: "script", Secret: "a word", Domain: "javascript:alert(1)", Name: "Script"},
		{ID: "long", Secret: strings.Repeat("x", 73), Domain: "https://long.example", Name: "Long"},
		{ID: "nameless", Secret: "a word", Domain: "https://nameless.example", ImageURL: "javascript:x", URL: "/apps/1"},
		{ID: "deleted", Secret: "a word", Domain: "https://deleted.example", Name: "Deleted here"},
		{ID: "gone", Secret: "a word", Domain: "https://gone.example", Name: "Deleted there"},
	} {
		source.AddClient(c)
	}
	source.Exec("UPDATE oauth2_clients SET deleted_at = now() WHERE id = 'gone'")
	for i, token := range []sourcetest.Token{
		{Client: "DbOXXA5KAQ", User: "214", Scope: "balance:read account:read", Redirect: "http://localhost:9999/cb", AccessFor: 2 * time.Hour, RefreshFor: 30 * day},
		{Client: "native", User: "214", Scope: "balance:read", Redirect: "myapp://oauth/callback", AccessFor: time.Second, RefreshFor: 30 * day, Issued: time.Now().Add(-time.Hour)},
		{Client: "native", User: "215", Scope: "balance:read", Redirect: "myapp://oauth/callback", AccessFor: 185715992 * time.Second, RefreshFor: 30 * day},
		{Client: "wild", User: "214", Scope: "balance:read", Redirect: "https://wild.com/cb", AccessFor: 2 * time.Hour, RefreshFor: 30 * day},
		{Client: "DbOXXA5KAQ", Scope: "balance:read", AccessFor: 2 * time.Hour},                                                                           // of no user
		{Client: "DbOXXA5KAQ", User: "1", Scope: "balance:read", AccessFor: time.Hour, RefreshFor: 2 * time.Hour, Issued: time.Now().Add(-3 * time.Hour)}, // expired
		{Client: "nobody", User: "1", Scope: "balance:read", AccessFor: time.Hour, RefreshFor: 30 * day},
	} {
		token.Access = fmt.Sprintf("ACCESS%042d", i)
		if token.RefreshFor > 0 {
			token.Refresh = fmt.Sprintf("REFRESH%041d", i)
		}
		source.AddToken(token)
	}
	for i := range 52 { // two more than a user may have given a client
		source.AddToken(sourcetest.Token{
			Client: "09ck1j9uJS", User: "7", Scope: "balance:read", Redirect: "https://a.spa.example/cb",
			Access: fmt.Sprintf("MANYACCESS%038d", i), Refresh: fmt.Sprintf("MANYREFRESH%037d", i), AccessFor: 2 * time.Hour, RefreshFor: 30 * day,
		})
	}
	source.Refreshed(source.AddToken(sourcetest.Token{
		Client: "DbOXXA5KAQ", User: "214", Access: "OLDACCESS", Refresh: "OLDREFRESH", AccessFor: 2 * time.Hour, RefreshFor: 30 * day,
	}))
	source.Exec("UPDATE oauth2_tokens SET deleted_at = now() WHERE id = $1", source.AddToken(sourcetest.Token{
		Client: "DbOXXA5KAQ", User: "216", Access: "DELETED", Refresh: "DELETEDREFRESH", AccessFor: 2 * time.Hour, RefreshFor: 30 * day,
	}))
	source.Exec("INSERT INTO oauth2_tokens (expires_at, access, refresh, data) VALUES (now() + interval '1 hour', 'BROKEN', '', 'no json')")
	return source
}

func TestImportOAuth2Server(t *testing.T) {
	onEachMigrated(t, func(t *testing.T, s site) {
		source := alby(t)
		s = s.withRoutes()
		s.ok("client", "create", "--id", "deleted", "--name", "x", "--domain", "https://x.example")
		s.ok("client", "delete", "deleted", "--yes")
		before, unchanged := s.audit(), source.Checksum()

		run := func(args ...string) importRecord { return s.imports(5, source, args...) }
		planned := run("--dry-run")
		require.Equal(t, before, s.audit(), "a rehearsal changes nothing")
		require.Empty(t, s.list("client", "list"))

		done := run("--actor", "an operator")
		planned.DryRun = false
		require.Equal(t, planned, done, "and says what will be")
		require.True(t, done.Complete)
		require.Equal(t, 5, done.Clients.Taken)
		require.Equal(t, 1, done.Clients.DrawnSecrets)
		require.Equal(t, 53, done.Grants.Taken)
		require.Equal(t, 53, done.Grants.RefreshTokens)
		require.Equal(t, 52, done.Grants.AccessTokens)
		require.Equal(t, map[string]int{"09ck1j9uJS": 2}, done.Grants.OverMax)
		require.Equal(t, map[string]int{"wild": 1, "nobody": 1}, done.Grants.OfNoClient)
		require.Equal(t, 1, done.Grants.OfNoUser)
		require.Equal(t, 1, done.Grants.Unreadable)
		require.Equal(t, map[string]int{"account:read": 1}, done.UnknownScopes)
		require.Equal(t, unchanged, source.Checksum())

		why := map[string]refusedRecord{}
		for _, c := range done.Clients.NotTaken {
			why[c.ID] = c
		}
		require.Len(t, why, 5)
		require.Contains(t, why["wild"].Why, "public suffix")
		require.Contains(t, why["bare"].Why, "domain")
		require.Contains(t, why["script"].Why, "script")
		require.Contains(t, why["long"].Why, "72 bytes")
		require.Contains(t, why["deleted"].Why, "deleted here")
		require.Empty(t, why["deleted"].Command)

		shown := s.object("client", "show", "DbOXXA5KAQ")
		require.Equal(t, "App", shown["name"])
		require.Equal(t, "https://app.example/i.png", shown["imageUrl"])
		require.Equal(t, "http://localhost:9999", shown["domain"])
		require.Equal(t, false, shown["public"])
		public := s.object("client", "show", "09ck1j9uJS")
		require.Equal(t, true, public["public"])
		require.Equal(t, "https://*.spa.example", public["domain"])
		require.Equal(t, []any{"myapp://oauth", "myapp://oauth/callback"}, s.object("client", "show", "native")["redirectUris"])
		require.Equal(t, []any{"urn:ietf:wg:oauth:2.0:oob"}, s.object("client", "show", "oob")["redirectUris"])
		nameless := s.object("client", "show", "nameless")
		require.Equal(t, "nameless", nameless["name"])
		require.Empty(t, nameless["imageUrl"])
		require.Equal(t, "/apps/1", nameless["url"], "a path of the host application")
		audit := s.audit()
		require.Contains(t, audit, "client.create native")
		require.Contains(t, strings.Join(audit, "\n"), "grant.import oauth2server ")

		require.Equal(t, `gatehouse client create --id 'wild' --name 'It'\''s wild' --secret-stdin --redirect-uri 'https://wild.com/cb'`, why["wild"].Command)
		require.Zero(t, s.runWith(strings.NewReader("wild one's word\n"),
			"client", "create", "--id", "wild", "--name", "It's wild", "--secret-stdin", "--redirect-uri", "https://wild.com/cb").code)
		again := run()
		require.Equal(t, 1, again.Grants.Taken, "those of the client that was not here before")
		require.Equal(t, 53, again.Grants.Known)
		require.Equal(t, 6, again.Clients.Known)
		require.Zero(t, again.Clients.Taken)
		require.Zero(t, again.Grants.Ended)

		e := s.run("import", "oauth2server", "--from", source.URL, "--dry-run")
		require.Equal(t, 5, e.code)
		require.Contains(t, e.stderr, "clients to register, by the commands that are printed: 3", "not the one that was deleted here")
		require.Contains(t, e.stdout, "nothing was changed")
		require.Contains(t, e.stdout, "client script (Script) not taken: ")
		require.NotContains(t, e.stdout, "a word")

		source.Exec("UPDATE oauth2_clients SET deleted_at = now() WHERE id IN ('bare', 'script', 'long')")
		require.Len(t, s.imports(0, source).Clients.NotTaken, 1)
	})
}

// imports runs an import that ends with the exit code.
func (s site) imports(code int, source *sourcetest.Database, args ...string) importRecord {
	s.Helper()
	e := s.run(append([]string{"import", "oauth2server", "--from", source.URL, "--json"}, args...)...)
	require.Equal(s, code, e.code, e.stderr)
	return decode[importRecord](s.T, e.stdout)
}

// TestImportOfATokenThatWasRefreshedMeanwhile: it has one successor, there.
func TestImportOfATokenThatWasRefreshedMeanwhile(t *testing.T) {
	s := sqliteSite(t).withRoutes()
	s.ok("migrate")
	source := sourcetest.New(t)
	source.AddClient(sourcetest.Client{ID: "app", Secret: "a word", Domain: "https://app.example", Name: "App"})
	source.AddClient(sourcetest.Client{ID: "bare", Secret: "a word", Domain: "localhost:8080", Name: "Bare"})
	source.AddToken(sourcetest.Token{Client: "bare", User: "1", Redirect: "localhost:8080/app", Access: "B", AccessFor: time.Hour})
	token := sourcetest.Token{Client: "app", User: "1", Scope: "balance:read", Access: "A1", Refresh: "R1", AccessFor: time.Hour, RefreshFor: 30 * day}
	first := source.AddToken(token)
	takenBack := sourcetest.Token{Client: "app", User: "2", Scope: "balance:read", Access: "C1", Refresh: "S1", AccessFor: time.Hour, RefreshFor: 30 * day}
	second := source.AddToken(takenBack)
	run := func() importRecord { return s.imports(5, source) }
	report := run()
	require.Equal(t, 2, report.Grants.Taken)
	require.Equal(t, "gatehouse client create --id 'bare' --name 'Bare' --secret-stdin --redirect-uri 'https://…'", report.Clients.NotTaken[0].Command)
	source.Refreshed(first)
	token.Access, token.Refresh = "A2", "R2"
	source.AddToken(token)
	s.ok("revoke", "--user", "2", "--yes")
	source.Refreshed(second)
	takenBack.Access, takenBack.Refresh = "C2", "S2"
	source.AddToken(takenBack)
	report = run()
	require.Equal(t, 1, report.Grants.Taken)
	require.Equal(t, 1, report.Grants.Ended)
	require.Equal(t, map[string]int{"app": 1}, report.Grants.TakenBack)
	require.Zero(t, run().Grants.Ended)
	require.Contains(t, s.run("import", "oauth2server", "--from", source.URL).stdout,
		"client app: 1 grants not taken, what their users allowed it was taken back here: it has to ask them again")
}

// TestImportFromAnEmptiedSource does not take back what an earlier run has taken, unless the operator says so.
func TestImportFromAnEmptiedSource(t *testing.T) {
	s := sqliteSite(t).withRoutes()
	s.ok("migrate")
	source := sourcetest.New(t)
	source.Fill(2, 20)
	require.Equal(t, 20, decode[importRecord](t, s.ok("import", "oauth2server", "--from", source.URL, "--json")).Grants.Taken)
	source.Exec("DELETE FROM oauth2_tokens")
	for _, rehearse := range []string{"--dry-run=false", "--dry-run"} {
		e := s.run("import", "oauth2server", "--from", source.URL, rehearse)
		require.NotZero(t, e.code)
		require.Contains(t, e.stderr, "20 gone, 0 live")
		require.Contains(t, e.stderr, "--end-missing")
	}
	require.NotContains(t, strings.Join(s.audit(), "\n"), "grant.end")
	done := decode[importRecord](t, s.ok("import", "oauth2server", "--from", source.URL, "--end-missing", "--json"))
	require.Equal(t, 20, done.Grants.Ended)
	require.Contains(t, strings.Join(s.audit(), "\n"), "grant.end")
}

// TestImportGoesOnAfterKill: whatever a run that was killed has done, the next completes it.
func TestImportGoesOnAfterKill(t *testing.T) {
	onEachMigrated(t, func(t *testing.T, s site) {
		s = s.withRoutes()
		source := sourcetest.New(t)
		const clients, tokens = 60, 12_000
		source.Fill(clients, tokens)
		target, err := registry.Open(t.Context(), s.env["GATEHOUSE_DATABASE_URL"])
		require.NoError(t, err)
		defer func() { require.NoError(t, target.Close()) }()
		newest := func() string {
			page, err := target.Audit(t.Context(), registry.AuditRecord{}, 1)
			if err != nil || len(page) == 0 {
				return ""
			}
			return page[0].Action
		}
		for _, reached := range []string{"client.create", "grant.import"} {
			command := s.command(context.WithoutCancel(t.Context()), "import", "oauth2server", "--from", source.URL)
			require.NoError(t, command.Start())
			require.Eventually(t, func() bool { return newest() == reached }, 3*patience, time.Millisecond)
			require.NoError(t, command.Process.Kill())
			_ = command.Wait()
		}
		done := decode[importRecord](t, s.ok("import", "oauth2server", "--from", source.URL, "--json"))
		require.Equal(t, clients, done.Clients.Taken+done.Clients.Known)
		require.Equal(t, tokens, done.Grants.Taken+done.Grants.Known)
		require.Positive(t, done.Clients.Known)
		require.Positive(t, done.Grants.Taken, "the run was killed in the middle")
		require.Positive(t, done.Grants.Known)
		require.Len(t, s.list("client", "list"), clients)
		require.Equal(t, tokens, decode[importRecord](t, s.ok("import", "oauth2server", "--from", source.URL, "--json")).Grants.Known)
	})
}

// TestImportWithinOneDatabase: with the environment of oauth2server, its database is Gatehouse's, too.
func TestImportWithinOneDatabase(t *testing.T) {
	source := sourcetest.New(t)
	source.Fill(3, 30)
	unchanged := source.Checksum()
	s := sqliteSite(t).withRoutes().with("GATEHOUSE_DATABASE_URL", source.URL)
	s.ok("migrate")
	done := decode[importRecord](t, s.ok("import", "oauth2server", "--from", source.URL, "--json"))
	require.Equal(t, 3, done.Clients.Taken)
	require.Equal(t, 30, done.Grants.Taken)
	require.Equal(t, unchanged, source.Checksum())
}

func TestImportRefuses(t *testing.T) {
	s := sqliteSite(t).withRoutes()
	s.refused(2, "--from is required", "import", "oauth2server")
	s.refused(1, "gatehouse migrate", "import", "oauth2server", "--from", "postgres://user:hidden@"+nowhere+"/x")
	s.ok("migrate")
	e := s.run("import", "oauth2server", "--from", "postgres://user:hidden@"+nowhere+"/x")
	require.Equal(t, 1, e.code)
	require.Contains(t, e.stderr, "database of oauth2server")
	require.NotContains(t, e.stderr, "hidden")

	source := sourcetest.New(t)
	s.ok("import", "oauth2server", "--from", source.URL)
	require.Contains(t, s.with("OAUTH2SERVER_DATABASE_URI", source.URL).ok("import", "oauth2server"), "clients")
	source.Exec("DROP TABLE client_meta_data")
	s.refused(1, "no table client_meta_data", "import", "oauth2server", "--from", source.URL)
	source.Exec("ALTER TABLE oauth2_tokens DROP COLUMN refresh")
	s.refused(1, "oauth2server", "import", "oauth2server", "--from", source.URL)
}
