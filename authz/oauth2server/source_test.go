package oauth2server_test

import (
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"gatehouse/authz/oauth2server"
	"gatehouse/authz/oauth2server/sourcetest"
	"gatehouse/registry/registrytest"
)

func open(t *testing.T, url string) *oauth2server.Source {
	t.Helper()
	source, err := oauth2server.Open(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, source.Close()) })
	return source
}

// tokensOf is everything that lives, by its access token or else its refresh token.
func tokensOf(t *testing.T, source *oauth2server.Source, at time.Time) (map[string]oauth2server.Token, int) {
	t.Helper()
	found := map[string]oauth2server.Token{}
	unreadable, err := source.Tokens(t.Context(), at, func(page []oauth2server.Token) error {
		for _, token := range page {
			found[token.Key] = token
		}
		return nil
	})
	require.NoError(t, err)
	return found, unreadable
}

// TestTheSourceCannotBeChanged, also by a mistake of ours.
func TestTheSourceCannotBeChanged(t *testing.T) {
	database := sourcetest.New(t)
	database.AddClient(sourcetest.Client{ID: "app", Domain: "https://app.example", Name: "App"})
	before := database.Checksum()
	source := open(t, database.URL)
	err := source.Exec(t.Context(), "UPDATE oauth2_clients SET secret = ''")
	var refused *pgconn.PgError
	require.True(t, errors.As(err, &refused), err)
	require.Equal(t, "25006", refused.Code, "read_only_sql_transaction")
	require.Equal(t, before, database.Checksum())
}

func TestWhatLivesIsRead(t *testing.T) {
	database := sourcetest.New(t)
	now := time.Now().UTC().Truncate(time.Microsecond)
	add := func(token sourcetest.Token) int64 {
		token.Client, token.User, token.Issued = "app", "1", now.Add(-time.Hour)
		return database.AddToken(token)
	}
	add(sourcetest.Token{Access: "A1", Refresh: "R1", AccessFor: 2 * time.Hour, RefreshFor: 48 * time.Hour, Scope: "a  b", Redirect: "https://app.example/cb"})
	add(sourcetest.Token{Access: "A2", Refresh: "R2", AccessFor: time.Minute, RefreshFor: 48 * time.Hour})   // only the refresh token lives
	add(sourcetest.Token{Access: "A3", AccessFor: 2 * time.Hour})                                            // implicit
	add(sourcetest.Token{Access: "A4", Refresh: "R4", AccessFor: time.Minute, RefreshFor: 30 * time.Minute}) // expired
	add(sourcetest.Token{Access: "A5", Refresh: "R5", AccessFor: 5 * 8760 * time.Hour, RefreshFor: time.Hour})
	database.Refreshed(add(sourcetest.Token{Access: "A6", Refresh: "R6", AccessFor: 2 * time.Hour, RefreshFor: 48 * time.Hour}))
	half := add(sourcetest.Token{Access: "A7", Refresh: "R7", AccessFor: 2 * time.Hour, RefreshFor: 48 * time.Hour})
	database.Exec("UPDATE oauth2_tokens SET access = '' WHERE id = $1", half)
	never := add(sourcetest.Token{Access: "A8", Refresh: "R8", AccessFor: 2 * time.Hour, RefreshFor: 48 * time.Hour})
	database.Exec(`UPDATE oauth2_tokens SET data = jsonb_set(jsonb_set(data::jsonb, '{AccessExpiresIn}', '0'), '{RefreshExpiresIn}', '0')::text WHERE id = $1`, never)
	database.Exec("INSERT INTO oauth2_tokens (expires_at, access, data) VALUES ($1, 'A9', '')", now.Add(time.Hour))
	old := add(sourcetest.Token{Access: "A10", Refresh: "R10", AccessFor: 2 * time.Hour, RefreshFor: 48 * time.Hour})
	database.Exec("UPDATE oauth2_tokens SET client_id = NULL, user_id = NULL, scope = NULL, redirect_uri = NULL, created_at = NULL WHERE id = $1", old)

	short := add(sourcetest.Token{Access: "A11", Refresh: "R11", AccessFor: 2 * time.Hour, RefreshFor: 48 * time.Hour})
	database.Exec(`UPDATE oauth2_tokens SET data = jsonb_set(data::jsonb, '{RefreshExpiresIn}', '5400000000000')::text WHERE id = $1`, short)

	found, unreadable := tokensOf(t, open(t, database.URL), now)
	require.Equal(t, 1, unreadable)
	require.Len(t, found, 8)
	require.Equal(t, oauth2server.Token{
		Key: "R1", ClientID: "app", UserID: "1", RedirectURI: "https://app.example/cb", Scopes: []string{"a", "b"}, CreatedAt: now.Add(-time.Hour),
		Access: "A1", AccessIssuedAt: now.Add(-time.Hour), AccessExpiresAt: now.Add(time.Hour), AccessLifespan: 2 * time.Hour,
		Refresh: "R1", RefreshIssuedAt: now.Add(-time.Hour), RefreshExpiresAt: now.Add(47 * time.Hour),
	}, found["R1"])
	require.Empty(t, found["R2"].Access)
	require.Equal(t, "R2", found["R2"].Refresh)
	require.Empty(t, found["A3"].Refresh)
	require.Equal(t, now.Add(5*8760*time.Hour-time.Hour), found["R5"].RefreshExpiresAt, "a refresh token lives as long as its access token, there")
	require.Empty(t, found["R7"].Access)
	require.Equal(t, now.Add(47*time.Hour), found["R8"].AccessExpiresAt, "its row is removed then")
	require.Equal(t, now.Add(47*time.Hour), found["R8"].RefreshExpiresAt)
	require.Equal(t, now.Add(30*time.Minute), found["R11"].AccessExpiresAt, "an access token ends with its refresh token, there")
	require.Equal(t, "1", found["R10"].UserID, "a row from before there were columns")
}

// TestTokensComeInPages, the newest first.
func TestTokensComeInPages(t *testing.T) {
	database := sourcetest.New(t)
	database.Fill(1, 2500)
	source, last, count := open(t, database.URL), "", 0
	_, err := source.Tokens(t.Context(), time.Now(), func(page []oauth2server.Token) error {
		require.LessOrEqual(t, len(page), 1000)
		for _, token := range page {
			user, err := strconv.Atoi(token.UserID)
			require.NoError(t, err)
			require.Equal(t, (2499-count)/3, user)
			count++
		}
		last = page[len(page)-1].UserID
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, 2500, count)
	require.Equal(t, "0", last)
	stop := errors.New("enough")
	_, err = source.Tokens(t.Context(), time.Now(), func([]oauth2server.Token) error { return stop })
	require.Equal(t, stop, err)
}

// TestClientsAreReadAsOAuth2ServerReadsThem: what counts is in data.
func TestClientsAreReadAsOAuth2ServerReadsThem(t *testing.T) {
	database := sourcetest.New(t)
	database.AddClient(sourcetest.Client{ID: "app", Secret: "there", Domain: "https://app.example", Name: "First", ImageURL: "i", URL: "u"})
	database.Exec("UPDATE oauth2_clients SET secret = 'not this', domain = 'nor this'")
	database.Exec("INSERT INTO client_meta_data (client_id, name) VALUES ('app', 'Second')")
	database.Exec("INSERT INTO oauth2_clients (id, secret, domain, data) VALUES ('old', 's', 'https://*.com', 'no json')")
	for _, uri := range []string{"https://a.com/cb", "https://a.b.com/cb", "http://a.com/cb", "https://evil.example/cb", "https://a.com/cb"} {
		database.AddToken(sourcetest.Token{Client: "old", User: "1", Redirect: uri, Access: uri, AccessFor: time.Hour})
		database.AddToken(sourcetest.Token{Client: "app", User: "1", Redirect: uri, Access: uri, AccessFor: time.Hour})
	}
	for uri, issued := range map[string]time.Time{
		"https://a.com/0": time.Now().Add(-2 * time.Hour), // has expired
		"https://z.com/0": time.Now(),
	} {
		database.AddToken(sourcetest.Token{Client: "old", User: "1", Redirect: uri, Access: uri, AccessFor: time.Hour, Issued: issued})
	}
	database.Refreshed(database.AddToken(sourcetest.Token{Client: "old", User: "1", Redirect: "https://a.com/1", Access: "A1", AccessFor: time.Hour}))
	clients, err := open(t, database.URL).Clients(t.Context(), time.Now())
	require.NoError(t, err)
	require.Len(t, clients, 2)
	redirects := clients[1].Redirects
	require.Len(t, redirects, 4)
	require.ElementsMatch(t, []string{"https://a.com/cb", "https://z.com/0"}, redirects[:2], "tokens that live come first")
	require.Equal(t, "https://a.com/1", redirects[2], "then the latest")
	created := clients[0].CreatedAt
	require.WithinDuration(t, time.Now(), created, time.Hour)
	require.Equal(t, []oauth2server.Client{
		{ID: "app", Secret: "there", Domain: "https://app.example", Name: "First", ImageURL: "i", URL: "u", CreatedAt: created},
		{ID: "old", Secret: "s", Domain: "https://*.com", Redirects: redirects},
	}, clients)
}

func TestASourceHasAName(t *testing.T) {
	first, second := sourcetest.New(t), sourcetest.New(t)
	name := open(t, first.URL).Name()
	require.Equal(t, name, open(t, first.URL+"&application_name=x").Name(), "the same under another address")
	require.NotEqual(t, name, open(t, second.URL).Name())
	_, err := oauth2server.Open(t.Context(), registrytest.PostgresDatabase(t))
	require.ErrorIs(t, err, oauth2server.ErrNotOAuth2Server)
}
