package oauth2server_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"gatehouse/denylist/denylisttest"
	"gatehouse/registry/registrytest"
)

const keysSecret = "0123456789abcdef0123456789abcdef"

// TestTheMockServerAnswersAsOauth2serverDid and the next test hold both servers to the same tables.
func TestTheMockServerAnswersAsOauth2serverDid(t *testing.T) {
	t.Parallel()
	r := startMock(t, "TARGET_FILE="+targetsFile(t, newUpstream(t)))
	holdTables(t, r.place)
}

func TestTheServerAnswersAsOauth2serverDid(t *testing.T) {
	r := startGatehouse(t, oauth2serverEnvironment(t)...)
	holdTables(t, r.place)
}

// oauth2serverEnvironment is an environment of oauth2server, and what has to be there besides: a secret, a Redis, and
// addresses that nobody else has.
func oauth2serverEnvironment(t *testing.T) []string {
	t.Helper()
	upstream := newUpstream(t)
	return []string{
		"JWT_SECRET=" + jwtSecret, "DATABASE_URI=" + registrytest.PostgresDatabase(t), "LNDHUB_URL=" + upstream,
		"PORT=8081", "TARGET_FILE=" + targetsFile(t, upstream),
		"GATEHOUSE_KEYS_SECRET=" + keysSecret, "GATEHOUSE_REDIS_URL=" + denylisttest.Redis(t, denylisttest.Predecessor),
		"GATEHOUSE_LISTEN=127.0.0.1:0", "GATEHOUSE_ADMIN_LISTEN=127.0.0.1:0",
	}
}

func holdTables(t *testing.T, p place) {
	for file, rows := range tables(t) {
		t.Run(strings.TrimSuffix(strings.TrimPrefix(file, "testdata/"), ".json"), func(t *testing.T) {
			k := p.people(t)
			for _, r := range rows {
				t.Run(r.Name, func(t *testing.T) {
					k.requireHeld(t, r.want(), p.send(t, r, k))
				})
			}
		})
	}
}

// lndhubClaims are what the gateway tells the upstream of the user.
func lndhubClaims(token string) (claims map[string]any) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(payload, &claims) != nil {
		return nil
	}
	return claims
}
