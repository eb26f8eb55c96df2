package clients_test

import (
	"context"
	"encoding/json"
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
	origin := servePage(t, "oidc-client-ts.html", map[string]string{"issuer": gatehouse.issuer, "clientID": register(t, true).ID})
	page.do(chromedp.Navigate(origin), chromedp.Evaluate("void signIn()", nil))
	page.signIn()
	page.do(chromedp.WaitReady(`script[src="/settings.js"]`))
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

// servePage serves a page of node/ with the packages that it uses, and with what it is to know, at an origin of its own, which is returned.
func servePage(t *testing.T, file string, settings map[string]string) (origin string) {
	t.Helper()
	dir, err := installed()
	require.NoError(t, err)
	known, err := json.Marshal(settings)
	require.NoError(t, err)
	mux := http.NewServeMux()
	mux.Handle("/node_modules/", http.FileServer(http.Dir(dir)))
	mux.HandleFunc("/settings.js", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/javascript")
		_, _ = fmt.Fprintf(w, "Object.assign(globalThis, %s);", known) // who has gone needs no answer
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, filepath.Join(dir, file)) })
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
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

// signIn signs in and allows what the page asks for, to which the application has led.
func (t *tab) signIn() {
	t.Helper()
	t.do(chromedp.SendKeys("#login", "demo", chromedp.NodeReady), chromedp.SendKeys("#password", gatehouse.password), chromedp.Click("#sign-in"))
	t.do(chromedp.Click("#allow", chromedp.NodeReady))
}

// await is what a promise of the page comes to.
func await[T any](t *tab, script string, values ...any) (result T) {
	t.Helper()
	t.do(chromedp.Evaluate(fmt.Sprintf(script, values...), &result,
		func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }))
	return result
}
