package clients_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// TestOIDCClientTS: an application that is a page of another origin gets its user's access, uses and renews it, and gives it back.
func TestOIDCClientTS(t *testing.T) {
	page := openTab(t)
	origin := servePage(t, register(t, true))
	page.do(chromedp.Navigate(origin), chromedp.Evaluate("void signIn()", nil))
	page.do(chromedp.SendKeys("#login", "demo", chromedp.NodeReady), chromedp.SendKeys("#password", gatehouse.password), chromedp.Click("#sign-in"))
	page.do(chromedp.Click("#allow", chromedp.NodeReady), chromedp.WaitReady(`script[src="/settings.js"]`))
	var at string
	page.do(chromedp.Location(&at))
	require.True(t, strings.HasPrefix(at, origin+"/callback?"), at)

	token := await[string](page, "comeBack()")
	require.Equal(t, http.StatusOK, await[int](page, "hello(%q)", token))
	renewed := await[string](page, "renew()")
	require.NotEqual(t, token, renewed)
	require.Equal(t, http.StatusOK, await[int](page, "hello(%q)", renewed))
	await[any](page, "signOut()")
	require.Equal(t, http.StatusUnauthorized, await[int](page, "hello(%q)", renewed))
}

// servePage serves the application at an origin of its own, which is returned.
func servePage(t *testing.T, app application) (origin string) {
	t.Helper()
	dir, err := installed()
	require.NoError(t, err)
	page, err := os.ReadFile(filepath.Join(dir, "oidc-client-ts.html"))
	require.NoError(t, err)
	library, err := os.ReadFile(filepath.Join(dir, "node_modules/oidc-client-ts/dist/browser/oidc-client-ts.min.js"))
	require.NoError(t, err)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		kind, content := "text/html", page
		switch r.URL.Path {
		case "/oidc-client-ts.min.js":
			kind, content = "text/javascript", library
		case "/settings.js":
			kind, content = "text/javascript", fmt.Appendf(nil, "const issuer = %q, clientID = %q, redirectURI = %q;", gatehouse.issuer, app.ID, origin+"/callback")
		}
		w.Header().Set("Content-Type", kind)
		_, _ = w.Write(content) // who has gone needs no answer
	}))
	t.Cleanup(server.Close)
	origin = strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
	return origin
}

// tab is one of a Chromium of its own.
type tab struct {
	*testing.T
	ctx context.Context
}

func openTab(t *testing.T) *tab {
	t.Helper()
	for _, tool := range []string{"chromium", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed; make test installs it", tool)
		}
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath("chromium"), chromedp.WSURLReadTimeout(patience), chromedp.Flag("disable-dev-shm-usage", true), chromedp.Flag("no-proxy-server", true))
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // it refuses to have one as root
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*patience) // the browser is closed in a cleanup, when the test's context has ended
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	return &tab{t, ctx}
}

func (t *tab) do(actions ...chromedp.Action) {
	t.Helper()
	require.NoError(t, chromedp.Run(t.ctx, actions...))
}

// await is what a promise of the page comes to.
func await[T any](t *tab, script string, values ...any) (result T) {
	t.Helper()
	t.do(chromedp.Evaluate(fmt.Sprintf(script, values...), &result,
		func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }))
	return result
}
