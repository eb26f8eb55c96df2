package authz_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/registry"
)

func TestKeysOverHTTP(t *testing.T) {
	w := newWorld(t)
	list := func() string {
		a := w.do(http.MethodGet, w.admin+"/admin/keys", "", nil)
		require.Equal(t, http.StatusOK, a.StatusCode, a.text)
		require.NotContains(t, a.text, "ealed", "nothing private, sealed or not")
		return a.text
	}
	first := w.keys.Signing().ID()
	begin := w.clock.Now().Truncate(time.Microsecond)
	shown := func(id, state string, from time.Time, created time.Time) string {
		return fmt.Sprintf(`{"id":%q,"algorithm":"ES256","state":%q,"signsFrom":%q,"createdAt":%q}`,
			id, state, from.Format(time.RFC3339Nano), created.Format(time.RFC3339Nano))
	}
	require.JSONEq(t, "["+shown(first, "signing", begin, begin)+"]", list())

	w.clock.Advance(time.Second)
	now := begin.Add(time.Second)
	rotated := w.adminPost("/admin/keys/rotate", "")
	require.Equal(t, http.StatusOK, rotated.StatusCode, rotated.text)
	second := rotated.str("id")
	require.JSONEq(t, shown(second, "published", now.Add(7*time.Minute), now), rotated.text)
	require.Contains(t, w.get("/.well-known/jwks.json").text, second)
	require.JSONEq(t, "["+rotated.text+","+shown(first, "signing", begin, begin)+"]", list())
	var since registry.AuditRecord
	require.Contains(t, w.audit(&since), [3]string{"admin 127.0.0.1", "key.add", second})
	require.Contains(t, w.log.String(), `"msg":"signing key published","actor":"admin 127.0.0.1","kid":"`+second+`"`)

	again := w.adminPost("/admin/keys/rotate", "")
	w.requireError(again, http.StatusConflict, "conflict")
	require.Contains(t, again.str("error_description"), second)
	require.Empty(t, w.audit(&since))
	w.clock.Advance(7 * time.Minute)
	require.JSONEq(t, "["+shown(second, "signing", now.Add(7*time.Minute), now)+","+shown(first, "verifying", begin, begin)+"]", list())
}
