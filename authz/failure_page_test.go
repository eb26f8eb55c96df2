package authz_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// isForPeople holds for the routes that answer with pages; the others are for programs.
func isForPeople(method, path string) bool {
	return path == "/" || strings.HasPrefix(path, "/account") || strings.HasPrefix(path, "/oauth/authorize/") ||
		path == "/oauth/authorize" && method == http.MethodGet
}

// On every path a browser gets its errors as pages, and whoever asks for something else gets JSON.
func TestErrorsArePagesForPeopleAndJSONForPrograms(t *testing.T) {
	w := newWorld(t)
	failed := map[bool]int{}
	check := func(method, path string, forPeople bool) {
		t.Helper()
		for _, browser := range []bool{true, false} {
			options := []option{header("Origin", w.url), header("Cookie", "gatehouse=x"), header("Cookie", "gatehouse-browser=y")}
			if browser {
				options = append(options, asBrowser)
			}
			a := w.do(method, w.url+path, "application/x-www-form-urlencoded", strings.NewReader(url.Values{"token": {"x"}}.Encode()), options...)
			if a.StatusCode < http.StatusBadRequest {
				continue
			}
			failed[forPeople]++
			if browser && forPeople {
				requirePage(t, a, a.StatusCode)
				continue
			}
			require.Contains(t, a.Header.Get("Content-Type"), "application/json", "%s %s", method, path)
			require.NotEmpty(t, a.str("error_description"), "%s %s", method, path)
		}
	}
	all := w.server.PublicRoutes()
	require.Greater(t, len(all), 15)
	paths := map[string]string{}
	for path := range all {
		paths[path] = strings.NewReplacer("{request}", "ABC", "{clientId}", "app", "{$}", "").Replace(path)
		check(http.MethodPatch, paths[path], true)
	}
	for _, path := range []string{"/nothing", "/account/nothing", "/oauth/nothing", "/oauth/authorize/a/b"} {
		check(http.MethodGet, path, true)
	}
	walk := func() {
		for path, methods := range all {
			for _, method := range methods {
				check(method, paths[path], isForPeople(method, paths[path]))
			}
		}
	}
	walk()
	require.NoError(t, w.registry.Close())
	walk()
	require.Greater(t, failed[true], 50)
	require.Greater(t, failed[false], 20)
}

func TestTheStartPageSaysWhatThisIsAndWhereToGo(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	requirePage(t, b.open("/"), http.StatusOK)
	require.Contains(t, b.page.text, "Access to your account at "+strings.TrimPrefix(w.url, "http://"))
	require.Contains(t, b.page.text, "Applications ask here for access to your account.")
	require.Contains(t, b.page.text, `href="/account/applications"`)
	w.requireError(w.get("/"), http.StatusNotFound, "not_found")

	requirePage(t, b.open("/nothing"), http.StatusNotFound)
	require.Contains(t, b.page.text, `<a href="/">`)
}
