package document_test

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/authz/client"
	"gatehouse/authz/client/document"
	"gatehouse/keys/jws/jwstest"
)

func TestADocumentIsAClient(t *testing.T) {
	w := newWorld(t, nil)
	w.answer = w.says(map[string]any{
		"redirect_uris": []string{"http://127.0.0.1/back", "cursor://back", "javascript:x"}, "grant_types": []string{"authorization_code", "refresh_token", "client_credentials"},
		"scope": "openid balance:read", "client_uri": "https://bank.example/", "logo_uri": "https://cdn.example/logo.png", "unknown": 1,
	})
	d, err := w.find(t)
	require.NoError(t, err)
	require.Equal(t, w.at, d.Client.ID)
	require.Equal(t, "An agent", d.Client.Name)
	require.True(t, d.Client.Public)
	require.Empty(t, d.Client.SecretHash)
	require.Equal(t, []string{"http://127.0.0.1/back"}, d.Client.RedirectURIs)
	require.Equal(t, []string{"authorization_code", "refresh_token"}, d.Client.GrantTypes, "a stranger acts for users only")
	require.Equal(t, []string{"balance:read"}, d.Client.Scopes)
	require.Empty(t, d.Client.URL, "it is of another host")
	require.Equal(t, "https://cdn.example/logo.png", d.Client.ImageURL)
	require.True(t, client.OnlyLoopback(d.Client))
}

func TestADocumentThatIsNotAcceptedIsRefused(t *testing.T) {
	for name, changes := range map[string]map[string]any{
		"another client_id":    {"client_id": "https://app.example/client.json"},
		"no client_id":         {"client_id": nil},
		"a secret":             {"client_secret": "s"},
		"post":                 {"token_endpoint_auth_method": "client_secret_post"},
		"basic":                {"token_endpoint_auth_method": "client_secret_basic"},
		"secret JWT":           {"token_endpoint_auth_method": "client_secret_jwt"},
		"no keys":              {"token_endpoint_auth_method": "private_key_jwt"},
		"keys of a stranger":   {"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": "http://localhost/"},
		"keys twice":           {"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": "https://a.example/x", "jwks": map[string]any{}},
		"a private key":        {"token_endpoint_auth_method": "private_key_jwt", "jwks": map[string]any{"keys": []any{map[string]any{"kty": "EC", "d": "x"}}}},
		"a symmetric key":      {"token_endpoint_auth_method": "private_key_jwt", "jwks": map[string]any{"keys": []any{map[string]any{"kty": "oct", "k": "x"}}}},
		"no redirect URI":      {"redirect_uris": nil},
		"a bad redirect URI":   {"redirect_uris": []string{"http://app.example/"}},
		"redirects as a text":  {"redirect_uris": "https://app.example/back"},
		"a name that deceives": {"client_name": "Pay\u202epal"},
		"implicit":             {"response_types": []string{"token"}},
		"no code":              {"grant_types": []string{"client_credentials"}},
		"none of the scopes":   {"scope": "openid"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			w.answer = w.says(changes)
			_, err := w.find(t)
			require.ErrorIs(t, err, document.ErrInvalid)
		})
	}
	t.Run("a member twice", func(t *testing.T) {
		w := newWorld(t, nil)
		w.answer = func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Content-Type", "application/json")
			_, _ = rw.Write([]byte(`{"client_id":"` + w.at + `","redirect_uris":["https://a.example/"],"redirect_uris":["https://app.example/back"]}`))
		}
		_, err := w.find(t)
		require.ErrorIs(t, err, document.ErrInvalid)
	})
}

func TestOnlyTheURLsOfTheDraftAreFetched(t *testing.T) {
	w := newWorld(t, nil)
	for _, id := range []string{
		"http://localhost/x", "HTTPS://localhost/x", "https://localhost", "https://localhost?x", "https://u@localhost/x", "https://u:p@localhost/x",
		"https://localhost/x#f", "https://localhost/x#", "https://localhost/./x", "https://localhost/a/../x", "https://localhost/a/%2e%2E", "https://Localhost/x",
		"https://localhost:443/x", "https://localhost:/x", "https://localhost:25/x", "https://localhost:0x50/x", "https://127.0.0.1/x", "https://[::1]/x",
		"https://2130706433/x", "https://127.1/x", "https://localhost\\@a/x", "https://localhost/ x", "https:///x", "https:localhost/x", "https://a..b/x",
		"https://localhost/" + strings.Repeat("x", 200),
	} {
		_, err := w.Find(t.Context(), id, caller)
		require.ErrorIs(t, err, document.ErrURL, id)
	}
	require.Zero(t, w.fetches.Load())
}

func TestADocumentIsBelievedAsItsHeadersSayWithinBounds(t *testing.T) {
	for name, test := range map[string]struct {
		header map[string]string
		fresh  time.Duration
	}{
		"nothing":        {nil, 5 * time.Minute},
		"max-age":        {map[string]string{"Cache-Control": "public, max-age=600"}, 10 * time.Minute},
		"s-maxage":       {map[string]string{"Cache-Control": "max-age=600, S-MaxAge=\"1200\""}, 20 * time.Minute},
		"age":            {map[string]string{"Cache-Control": "max-age=600", "Age": "300"}, 5 * time.Minute},
		"never":          {map[string]string{"Cache-Control": "no-store"}, time.Minute},
		"private":        {map[string]string{"Cache-Control": "private, max-age=600"}, time.Minute},
		"for ever":       {map[string]string{"Cache-Control": "max-age=999999999"}, 24 * time.Hour},
		"nonsense":       {map[string]string{"Cache-Control": "max-age=-1"}, time.Minute},
		"expires":        {map[string]string{"Date": "Tue, 01 Jan 2030 00:00:00 GMT", "Expires": "Tue, 01 Jan 2030 00:30:00 GMT"}, 30 * time.Minute},
		"expires before": {map[string]string{"Expires": "0"}, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			good := w.says(nil)
			w.answer = func(rw http.ResponseWriter, r *http.Request) {
				for name, value := range test.header {
					rw.Header().Set(name, value)
				}
				good(rw, r)
			}
			before, err := w.find(t)
			require.NoError(t, err)
			w.now = w.now.Add(test.fresh - time.Second)
			again, err := w.find(t)
			require.NoError(t, err)
			require.Equal(t, before, again)
			require.EqualValues(t, 1, w.fetches.Load())

			good = w.says(map[string]any{"redirect_uris": []string{"https://thief.example/"}})
			w.now = w.now.Add(time.Second)
			after, err := w.find(t)
			require.NoError(t, err)
			require.EqualValues(t, 2, w.fetches.Load())
			require.NotEqual(t, before.Fingerprint, after.Fingerprint, "consent is asked again")
		})
	}
}

func TestNothingIsFetchedOfAHostThatIsRefused(t *testing.T) {
	refused := false
	w := newWorld(t, func(c *document.Config) {
		c.Refuse = func(host string) bool { return refused && host == "localhost" }
	})
	_, err := w.find(t)
	require.NoError(t, err)
	refused = true
	_, err = w.find(t)
	require.ErrorIs(t, err, document.ErrRefused, "nor is what is known used")
	require.EqualValues(t, 1, w.fetches.Load())
}

func TestAURLThatFailedIsLeftAloneForAMoment(t *testing.T) {
	w := newWorld(t, nil)
	w.answer = http.NotFound
	for range 3 {
		_, err := w.find(t)
		require.ErrorIs(t, err, document.ErrUnreachable)
	}
	require.EqualValues(t, 1, w.fetches.Load())
	w.answer = w.says(nil)
	w.now = w.now.Add(10 * time.Second)
	_, err := w.find(t)
	require.NoError(t, err)
}

func TestABoundedAmountOfDocumentsIsRemembered(t *testing.T) {
	w := newWorld(t, nil)
	first := w.at
	for i := range 320 { // 19 MB
		w.at = first + "?" + strconv.Itoa(i)
		w.answer = w.says(map[string]any{"x": strings.Repeat("x", 60_000)})
		_, err := w.find(t)
		require.NoError(t, err)
	}
	remembered := document.Remembered(w.Source)
	require.LessOrEqual(t, remembered, uint64(16<<20))
	require.Greater(t, remembered, uint64(8<<20), "documents count as large as they are")
}

// keySet is one with so many keys.
func keySet(t *testing.T, keys int) string {
	t.Helper()
	list := make([]any, keys)
	for i := range list {
		list[i] = jwstest.New(t, "ES256").JWK(t, map[string]any{"kid": strconv.Itoa(i)})
	}
	text, err := json.Marshal(map[string]any{"keys": list})
	require.NoError(t, err)
	return string(text)
}

// keysAt makes a second URL answer with what keys says, beside a document that names it.
func (w *world) keysAt(keys *string) string {
	at := w.at + "?keys"
	document := w.says(map[string]any{"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": at})
	w.answer = func(rw http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.RawQuery == "":
			document(rw, r)
		case *keys == "":
			http.NotFound(rw, r)
		default:
			rw.Header().Set("Content-Type", "application/jwk-set+json")
			rw.Header().Set("Cache-Control", "max-age=3600")
			_, _ = rw.Write([]byte(*keys))
		}
	}
	return at
}

func TestKeysCanBeAtAURLOfTheirOwn(t *testing.T) {
	w, keys := newWorld(t, nil), keySet(t, 2)
	at := w.keysAt(&keys)
	d, err := w.find(t)
	require.NoError(t, err)
	require.False(t, d.Client.Public)
	require.Equal(t, at, d.Client.KeysURL)
	require.Empty(t, d.Client.SecretHash)
	for range 2 {
		found, err := w.Keys(t.Context(), at, caller, false)
		require.NoError(t, err)
		require.Len(t, found, 2)
	}
	require.EqualValues(t, 2, w.fetches.Load())

	for name, set := range map[string]string{"no set": "{}", "a private key": `{"keys":[{"kty":"EC","d":"x"}]}`, "no JSON": "x"} {
		keys = set
		_, err := w.Keys(t.Context(), at+name[:1], caller, false)
		require.ErrorIs(t, err, document.ErrInvalid, name)
	}
}

// A client that signs with a new key is believed, and nobody makes us fetch as often as they like.
func TestKeysThatAreMissedAreLookedForOnceInAWhile(t *testing.T) {
	w, keys := newWorld(t, nil), keySet(t, 1)
	at := w.keysAt(&keys)
	look := func(again bool, want int, fetches int64) {
		t.Helper()
		found, err := w.Keys(t.Context(), at, caller, again)
		require.NoError(t, err)
		require.Len(t, found, want)
		require.Equal(t, fetches, w.fetches.Load())
	}
	look(false, 1, 1)
	keys = keySet(t, 2)
	look(true, 1, 1)
	w.now = w.now.Add(time.Minute)
	look(false, 1, 1)
	look(true, 2, 2)
	look(true, 2, 2)

	keys = ""
	w.now = w.now.Add(time.Minute)
	look(true, 2, 3)
	look(true, 2, 3)
	look(false, 2, 3)
	w.now = w.now.Add(59 * time.Minute)
	_, err := w.Keys(t.Context(), at, caller, false)
	require.ErrorIs(t, err, document.ErrUnreachable, "it is believed no longer than before")
}

func TestADocumentIsLookedAtAgainOnceInAWhile(t *testing.T) {
	w := newWorld(t, nil)
	find := w.FindAgain
	for i, want := range []int64{1, 1, 2, 2} {
		if i == 2 {
			w.now = w.now.Add(time.Minute)
		}
		_, err := find(t.Context(), w.at, caller)
		require.NoError(t, err)
		require.Equal(t, want, w.fetches.Load())
	}
}
