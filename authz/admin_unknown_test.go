package authz_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/authz"
)

// oauth2server ignored what it did not know. Its operators' programs send such fields.
func TestFieldsOfOauth2serversOperatorsAreIgnoredWhereTheyMayBe(t *testing.T) {
	w := newWorld(t, func(c *authz.Config) { c.IgnoreUnknownFields = true })
	long := strings.Repeat("x", 1000)
	a := w.adminDo("POST", "", `{"id":"mine","clientSecret":"mine","name":"N","domain":"https://n.example","color":"red","`+long+`":1}`)
	require.Equal(t, http.StatusOK, a.StatusCode, a.text)
	id := a.str("clientId")
	require.NotEqual(t, "mine", id)
	require.NotEqual(t, "mine", a.str("clientSecret"))
	require.Contains(t, w.log.String(), `"level":"WARN","msg":"fields of a client were ignored"`)
	require.Contains(t, w.log.String(), `["clientSecret","color","id","`+long[:40]+`"]`, "the names, as much of them as a log has room for, and no values")

	a = w.adminDo("PUT", "/"+id, `{"id":"other","clientId":"other","name":"M","Domain":"https://evil.example","public":true}`)
	require.Equal(t, http.StatusOK, a.StatusCode, a.text)
	require.Equal(t, []any{id, id, "M"}, []any{a.json["id"], a.json["clientId"], a.json["name"]})
	require.Contains(t, w.log.String(), `"client_id":"`+id+`","fields":["Domain","clientId","id","public"]`)
	stored, err := w.registry.Client(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, "https://n.example", stored.Domain)
	require.False(t, stored.Public)

	for field, value := range map[string]string{"scopes": `["balance:read"]`, "redirectUris": `[]`, "GrantTypes": `[]`} {
		a := w.adminDo("PUT", "/"+id, `{"name":"refused","`+field+`":`+value+`}`)
		w.requireError(a, http.StatusBadRequest, "invalid_request")
		require.Contains(t, a.str("error_description"), field, "nobody is told that a scope is gone which is not")
	}
	require.Equal(t, "M", w.adminDo("GET", "/"+id, "").str("name"))

	lines := w.log.Count("were ignored")
	for _, body := range []string{``, `[]`, `{`, `{"name":1,"color":"red"}`, `{"name":"n","domain":"https://n.example"}{}`} {
		w.requireError(w.adminDo("POST", "", body), http.StatusBadRequest, "invalid_request")
	}
	require.Equal(t, http.StatusOK, w.adminDo("PUT", "/"+id, `{"NAME":"n","userId":7}`).StatusCode)
	require.Equal(t, lines, w.log.Count("were ignored"), "known fields are not, however they are written")
	w.requireError(w.adminDo("POST", "", `{"name":"`+strings.Repeat("x", 64<<10)+`"}`), http.StatusRequestEntityTooLarge, "invalid_request")
	a = w.do("POST", w.admin+"/admin/revocations", "application/json", strings.NewReader(`{"client":"app","color":"red"}`))
	w.requireError(a, http.StatusBadRequest, "invalid_request")
}
