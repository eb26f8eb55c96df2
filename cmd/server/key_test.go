package main

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestKeysAreListedAndRotated(t *testing.T) {
	onEachMigrated(t, func(t *testing.T, s site) {
		require.Equal(t, "ID  ALGORITHM  STATE  SIGNS FROM  CREATED\n", s.ok("key", "list"))
		require.Empty(t, s.list("key", "list"))

		first := s.object("key", "rotate")
		require.Equal(t, []string{"algorithm", "createdAt", "id", "signsFrom", "state"}, keysOf(first))
		require.Equal(t, "signing", first["state"], "there is nobody yet who would have to know it first")
		second := s.with("GATEHOUSE_KEYS_ALG", "EdDSA").object("key", "rotate")
		require.Equal(t, "published", second["state"])
		require.Equal(t, "EdDSA", second["algorithm"])
		s.refused(1, "successor is published already", "key", "rotate")

		require.ElementsMatch(t, []map[string]any{first, second}, s.list("key", "list"))
		text := s.ok("key", "list")
		require.Regexp(t, first["id"].(string)+` +ES256 +signing `, text)
		require.Regexp(t, second["id"].(string)+` +EdDSA +published `, text)
		require.Equal(t, []string{"key.add " + second["id"].(string), "key.add " + first["id"].(string)}, s.audit())
	})
}

func TestAWrongKeysSecretChangesNothing(t *testing.T) {
	onEachMigrated(t, func(t *testing.T, s site) {
		s.ok("key", "rotate")
		before, changes := s.list("key", "list"), s.audit()
		wrong := s.with("GATEHOUSE_KEYS_SECRET", "another-0123456789abcdef01234567")
		wrong.refused(2, "keys.secret", "key", "rotate")
		wrong.refused(2, "keys.secret", "key", "list")
		require.Equal(t, before, s.list("key", "list"))
		require.Equal(t, changes, s.audit())
	})
}

func TestARevokedKeysTokensAreRefusedByARunningServer(t *testing.T) {
	onEach(t, func(t *testing.T, s site) {
		r := s.serve()
		client := s.createClient()
		given := r.consent(1, client)
		require.Equal(t, http.StatusOK, r.balance(given.token))
		leaked := s.list("key", "list")[0]["id"].(string)

		var revoked map[string]any
		require.NoError(t, json.Unmarshal([]byte(s.ok("key", "revoke", "--yes", "--json", "--", leaked)), &revoked))
		require.Equal(t, []string{"delivered", "revoked", "signing", "unconfirmed_gateways"}, keysOf(revoked))
		require.Zero(t, revoked["unconfirmed_gateways"])
		signing := revoked["signing"].(map[string]any)["id"]
		require.Equal(t, true, revoked["delivered"])
		require.NotEqual(t, leaked, signing)
		r.requireRefused(given.token)
		require.Eventually(t, func() bool {
			response, err := http.Get(r.public + "/.well-known/jwks.json")
			require.NoError(t, err)
			defer func() { _ = response.Body.Close() }()
			published, err := io.ReadAll(response.Body)
			require.NoError(t, err)
			return !strings.Contains(string(published), leaked)
		}, patience, 10*time.Millisecond)
		require.Equal(t, http.StatusUnauthorized, r.get(r.public+"/balance", given.token))
		require.Equal(t, signing, s.list("key", "list")[0]["id"])
		require.Equal(t, "key "+leaked+" revoked, "+signing.(string)+" signs\n", s.ok("key", "revoke", "--yes", "--", leaked), "again")
		require.Equal(t, []string{"key.revoke " + leaked, "key.add " + signing.(string)}, s.audit()[:2])

		s.refused(3, `key "nothing": not found`, "key", "revoke", "nothing", "--yes")
		s.refused(2, "--yes", "key", "revoke", "--", signing.(string))
		require.Eventually(t, func() bool { return r.balance(r.consent(1, client).token) == http.StatusOK }, 30*time.Second, 10*time.Millisecond)
	})
}
