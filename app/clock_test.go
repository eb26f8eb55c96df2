package app_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/keys"
)

// header is that of a token.
func header(t *testing.T, token string) map[string]any {
	t.Helper()
	text, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[0])
	require.NoError(t, err)
	fields := map[string]any{}
	require.NoError(t, json.Unmarshal(text, &fields))
	return fields
}

// mintAt is a token as an authorization server gives it out whose clock is ahead, or behind.
func (r *running) mintAt(ahead time.Duration) string {
	r.t.Helper()
	stored, err := r.app.Registry().SigningKeys(r.t.Context())
	require.NoError(r.t, err)
	key, err := keys.Open(stored[0].Sealed, r.config.Keys.Secret.Reveal(), stored[0].ID)
	require.NoError(r.t, err)
	now := time.Now().Add(ahead)
	token, err := key.Sign(keys.TypeAccessToken, map[string]any{
		"iss": r.config.Issuer, "aud": r.config.Issuer, "sub": "1", "client_id": "id", "scope": "balance:read",
		"jti": fmt.Sprint(ahead), "grant_id": "grant", "iat": now.Unix(), "exp": now.Add(r.config.AccessToken.Lifespan).Unix(),
	})
	require.NoError(r.t, err)
	return token
}

func TestAClockThatIsALittleOffIsToleratedAndOneThatIsFarOffReported(t *testing.T) {
	const report = "tokens are refused because they were issued in the future: is the clock here or at the authorization server wrong?"
	for name, test := range map[string]struct{ leeway, ahead, alsoFine time.Duration }{
		"as it is by default":   {30 * time.Second, time.Hour, 25 * time.Second},
		"configured to be less": {5 * time.Second, 25 * time.Second, 0},
		"configured to be more": {60 * time.Second, time.Hour, 55 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			config := testConfig(echoUpstream(t))
			config.ClockLeeway, config.Keys.PublishAhead = test.leeway, 8*time.Minute
			r, book := startLogged(t, config)
			require.Equal(t, http.StatusOK, r.balance(r.mintAt(test.alsoFine)).status)
			require.Equal(t, http.StatusOK, r.balance(r.mintAt(-test.alsoFine)).status)
			require.Empty(t, book.lines(t, report))

			refused := r.balance(r.mintAt(test.ahead))
			require.Equal(t, http.StatusUnauthorized, refused.status)
			require.Equal(t, "invalid_token", refused.json(t)["error"])
			require.Len(t, book.lines(t, report), 1)
			require.Equal(t, "WARN", book.lines(t, report)[0]["level"])
			require.Equal(t, http.StatusUnauthorized, r.balance(r.mintAt(-config.AccessToken.Lifespan)).status, "no leeway lengthens a life")
		})
	}
}
