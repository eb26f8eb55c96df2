package browsertest

import (
	"embed"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// packages say which axe-core it is.
//
//go:embed package.json package-lock.json .npmrc
var packages embed.FS

// installAxe returns the source of axe-core, as npm has it.
func installAxe(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("npm"); err != nil {
		t.Skip("npm is not installed; make test installs it")
	}
	dir := filepath.Join(t.TempDir(), "axe")
	require.NoError(t, os.CopyFS(dir, packages))
	install := exec.CommandContext(t.Context(), "npm", "ci")
	install.Dir = dir
	output, err := install.CombinedOutput()
	require.NoError(t, err, "%s", output)
	source, err := os.ReadFile(filepath.Join(dir, "node_modules/axe-core/axe.min.js"))
	require.NoError(t, err)
	return string(source)
}

// loadAxe puts axe-core into the page, past its policy, as a debugger may, and switches JavaScript on, without which it waits for
// ever. The page has no scripts that could begin to run now.
func (t *Tab) loadAxe() {
	t.Helper()
	t.do(emulation.SetScriptExecutionDisabled(false), chromedp.Evaluate(t.browser.axe+"; true", nil))
}

// askAxe requires that axe-core finds nothing, neither what is wrong nor what is unwise. It loads nothing.
func (t *Tab) askAxe(name string) {
	t.Helper()
	var found []string
	t.do(chromedp.Evaluate(`axe.run(document, {preload: false, resultTypes: ["violations"]}).then(({violations}) => violations.flatMap(
		v => v.nodes.map(n => v.id + ": " + v.help + ": " + n.html + " " + n.failureSummary)))`, &found,
		func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }))
	require.Empty(t, found, "%s, %+v", name, t.seen)
}
