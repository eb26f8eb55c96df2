package app_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEachRequestOfTheAdminAPIHasOneLine(t *testing.T) {
	cfg := testConfig(echoUpstream(t))
	cfg.Admin.Token = "secret-admin-token-of-the-operators"
	r, book := startLogged(t, cfg)
	create := func(token string) answer {
		header := bearer(token)
		header.Set("X-Request-Id", "of-the-operator")
		return r.do(http.MethodPost, r.admin+"/admin/clients?q=secret-query",
			strings.NewReader(`{"name":"secret-body","domain":"http://localhost:9999"}`), header)
	}
	last := func() map[string]any {
		lines := book.lines(t, "admin request")
		require.NotEmpty(t, lines)
		return lines[len(lines)-1]
	}

	refused := create("secret-guess")
	require.Equal(t, http.StatusUnauthorized, refused.status)
	line := last()
	require.Equal(t, []any{"POST", "none", 401., "of-the-operator", "127.0.0.1"},
		[]any{line["method"], line["route"], line["status"], line["request_id"], line["remote"]}, "whoever tries tokens is seen")

	created := create("secret-admin-token-of-the-operators")
	require.Equal(t, http.StatusOK, created.status, created.body)
	require.Equal(t, "of-the-operator", created.header.Get("X-Request-Id"))
	line = last()
	require.Equal(t, []any{"/admin/clients", 200., "of-the-operator"}, []any{line["route"], line["status"], line["request_id"]})
	require.EqualValues(t, len(created.body), line["bytes_out"])
	require.Positive(t, line["bytes_in"])
	require.GreaterOrEqual(t, line["duration_ms"], 0.)
	require.Equal(t, "of-the-operator", book.lines(t, "client created")[0]["request_id"])

	odd := bearer("secret-admin-token-of-the-operators")
	odd.Set("X-Request-Id", "two\twords")
	shown := r.do(http.MethodGet, r.admin+"/admin/clients/secret-id", nil, odd)
	require.Equal(t, http.StatusNotFound, shown.status)
	require.Equal(t, "/admin/clients/{clientId}", last()["route"])
	require.Regexp(t, "^[0-9a-f]{32}$", last()["request_id"])
	require.Equal(t, shown.header.Get("X-Request-Id"), last()["request_id"])

	before := len(book.lines(t, "admin request"))
	for _, path := range []string{"/healthz", "/readyz", "/metrics", "/nothing"} {
		r.do(http.MethodGet, r.admin+path, nil, nil)
	}
	require.Len(t, book.lines(t, "admin request"), before, "who only looks is not worth a line")
	require.NotContains(t, book.String(), "secret-")
}

func TestWhatIsLoggedAboutARequestBearsItsID(t *testing.T) {
	r, book := startLogged(t, testConfig(echoUpstream(t)))
	a := r.register()
	r.consent(a, 1, "balance:read")
	require.Equal(t, http.StatusUnauthorized, r.form("/oauth/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"x"}}, a.id, "wrong").status)
	for message, route := range map[string]string{
		"grant made": "/oauth/authorize", "client authentication failed": "/oauth/token",
	} {
		about := book.lines(t, message)
		require.Len(t, about, 1)
		require.NotEmpty(t, about[0]["request_id"])
		found := 0
		for _, line := range book.requests(t) {
			if line["request_id"] == about[0]["request_id"] {
				require.Equal(t, route, line["route"])
				found++
			}
		}
		require.Equal(t, 1, found)
	}
	require.NotContains(t, book.lines(t, "serving")[0], "request_id")
}

func TestWithoutAccessLinesTheAdminAPIHasNone(t *testing.T) {
	cfg := testConfig(echoUpstream(t))
	cfg.Log.Access = false
	r, book := startLogged(t, cfg)
	r.register()
	require.Empty(t, book.lines(t, "admin request"))
	require.Len(t, book.lines(t, "client created"), 1, "a change is logged all the same")
}
