package browsertest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

const (
	// patience is more than anything takes on a machine that has much else to do.
	patience = 3 * time.Minute
	poll     = 50 * time.Millisecond
)

// Screen is what a page is looked at with.
type Screen struct {
	Name          string
	Width, Height int64
	IsPhone       bool
}

// Screens are the two that pages have to be usable on.
var Screens = []Screen{
	{Name: "phone", Width: 390, Height: 844, IsPhone: true},
	{Name: "desktop", Width: 1280, Height: 800},
}

// Tab is one tab of a browser of its own, with its own storage. Its methods end the test when what they wait for does not
// come.
type Tab struct {
	*testing.T
	screen Screen
	ctx    context.Context

	mu       sync.Mutex
	mistakes []string
}

// Open starts a browser, which ends with the test. A mistake of the page's, such as an exception or something that its policy
// forbids, fails the test.
func Open(t *testing.T, screen Screen) *Tab {
	t.Helper()
	program, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("chromium is not installed; make test installs it")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(program), chromedp.WSURLReadTimeout(patience), chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.Flag("no-proxy-server", true))
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // it refuses to have one as root
	}
	bounded, cancel := context.WithTimeout(context.Background(), patience) // the browser is closed in a cleanup, when the test's context has ended
	t.Cleanup(cancel)
	allocator, cancel := chromedp.NewExecAllocator(bounded, options...)
	t.Cleanup(cancel)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(cancel)
	tab := &Tab{T: t, screen: screen, ctx: ctx}
	chromedp.ListenTarget(ctx, tab.hear)
	viewport := []chromedp.EmulateViewportOption{}
	if screen.IsPhone {
		viewport = append(viewport, chromedp.EmulateMobile, chromedp.EmulateTouch)
	}
	tab.do(cdplog.Enable(), chromedp.EmulateViewport(screen.Width, screen.Height, viewport...))
	t.Cleanup(func() {
		tab.mu.Lock()
		defer tab.mu.Unlock()
		require.Empty(t, tab.mistakes, "what the page did wrong")
	})
	return tab
}

// hear remembers what the browser complains about, but for answers that are no 200: those are the application's to tell.
func (t *Tab) hear(event any) {
	said := ""
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		said = e.ExceptionDetails.Error()
	case *cdplog.EventEntryAdded:
		if e.Entry.Level == cdplog.LevelError && e.Entry.Source != cdplog.SourceNetwork {
			said = fmt.Sprint(e.Entry.Source, ": ", e.Entry.Text)
		}
	}
	if said != "" {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.mistakes = append(t.mistakes, said)
	}
}

func (t *Tab) do(actions ...chromedp.Action) {
	t.Helper()
	require.NoError(t, chromedp.Run(t.ctx, actions...))
}

// Go opens an address, as if it were typed.
func (t *Tab) Go(address string) {
	t.Helper()
	t.do(chromedp.Navigate(address))
}

// Reload is what the button of that name does.
func (t *Tab) Reload() {
	t.Helper()
	t.do(chromedp.Reload())
}

// Click clicks what a person sees there, once it is there.
func (t *Tab) Click(selector string) {
	t.Helper()
	t.do(chromedp.Click(selector, chromedp.ByQuery, chromedp.NodeVisible))
}

// Type replaces what a field holds.
func (t *Tab) Type(selector, text string) {
	t.Helper()
	t.Click(selector)
	Eval[bool](t, fmt.Sprintf("document.querySelector(%q).select(), true", selector))
	t.do(chromedp.SendKeys(selector, text, chromedp.ByQuery))
}

// Eval is what a script's expression comes to.
func Eval[V any](t *Tab, script string) (value V) {
	t.Helper()
	t.do(chromedp.Evaluate(script, &value))
	return value
}

// Address is what the address bar shows.
func (t *Tab) Address() string {
	t.Helper()
	return Eval[string](t, "location.href")
}

// Await waits until the script's expression holds. While a page is exchanged for another, it does not.
func (t *Tab) Await(script string) {
	t.Helper()
	last := ""
	require.Eventually(t, func() bool {
		var holds bool
		err := chromedp.Run(t.ctx, chromedp.Evaluate("Boolean("+script+")", &holds))
		if err != nil {
			last = err.Error()
		}
		return err == nil && holds
	}, patience, poll, "%s %s", script, last)
}

// AwaitText waits until a person reads something like the pattern, a regular expression of JavaScript, at the selector.
func (t *Tab) AwaitText(selector, pattern string) {
	t.Helper()
	t.Await(fmt.Sprintf("(e => e && e.checkVisibility() && /%s/.test(e.value || e.textContent))(document.querySelector(%q))", pattern, selector))
}

// Text is what stands at the selector.
func (t *Tab) Text(selector string) string {
	t.Helper()
	return Eval[string](t, fmt.Sprintf("(e => e.value || e.textContent)(document.querySelector(%q))", selector))
}

// Picture keeps what the page looks like in the folder that GATEHOUSE_SCREENSHOTS names, if it does.
func (t *Tab) Picture(name string) {
	t.Helper()
	t.NoSideways()
	dir := os.Getenv("GATEHOUSE_SCREENSHOTS")
	if dir == "" {
		return
	}
	var png []byte
	t.do(chromedp.FullScreenshot(&png, 100))
	require.NoError(t, os.MkdirAll(dir, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, strings.Join([]string{name, t.screen.Name}, "-")+".png"), png, 0o600))
}

// NoSideways requires that nobody has to scroll sideways.
func (t *Tab) NoSideways() {
	t.Helper()
	require.True(t, Eval[bool](t, "document.documentElement.scrollWidth <= window.innerWidth"), "the page is wider than the screen")
}
