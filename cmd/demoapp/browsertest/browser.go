package browsertest

import (
	"context"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// lifetime is more than all tests of a process take together.
const lifetime = 10 * time.Minute

// Browser is one Chromium, for all tests of a process: to start one takes longer than most of them.
type Browser struct {
	ctx context.Context
	axe string // the source of axe-core
}

// Start starts a browser, which ends with the test, and installs axe-core, to which Look holds pages.
func Start(t *testing.T) *Browser {
	t.Helper()
	axe := installAxe(t)
	program, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("chromium is not installed; make test installs it")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(program), chromedp.WSURLReadTimeout(patience), chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.Flag("no-proxy-server", true),
		chromedp.Flag("disable-features", "Translate,BackForwardCache")) // chromedp loses what is on a page that comes back from there
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // it refuses to have one as root
	}
	bounded, cancel := context.WithTimeout(context.Background(), lifetime) // the browser is closed in a cleanup, when the test's context has ended
	t.Cleanup(cancel)
	allocator, cancel := chromedp.NewExecAllocator(bounded, options...)
	t.Cleanup(cancel)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(cancel)
	require.NoError(t, chromedp.Run(ctx))
	return &Browser{ctx: ctx, axe: axe}
}

// Open opens a tab with storage of its own, as if it were in a browser of its own. A mistake of a page's, such as an exception
// or something that its policy forbids, fails the test.
func (b *Browser) Open(t *testing.T, screen Screen) *Tab {
	t.Helper()
	var storage cdp.BrowserContextID
	b.do(t, func(ctx context.Context) (err error) {
		storage, err = target.CreateBrowserContext().Do(ctx)
		return err
	})
	t.Cleanup(func() {
		b.do(t, func(ctx context.Context) error { return target.DisposeBrowserContext(storage).Do(ctx) })
	})
	return b.open(t, screen, storage)
}

// Another is one more tab with the storage of this one.
func (t *Tab) Another() *Tab {
	t.Helper()
	return t.browser.open(t.T, t.screen, t.storage)
}

// Stranger is a tab of somebody else's browser.
func (t *Tab) Stranger() *Tab {
	t.Helper()
	return t.browser.Open(t.T, t.screen)
}

func (b *Browser) open(t *testing.T, screen Screen, storage cdp.BrowserContextID) *Tab {
	t.Helper()
	var id target.ID
	b.do(t, func(ctx context.Context) (err error) {
		// The first of a storage needs a window, and in one of its own each has what a person looks at.
		id, err = target.CreateTarget("about:blank").WithBrowserContextID(storage).WithNewWindow(true).Do(ctx)
		return err
	})
	ctx, cancel := chromedp.NewContext(b.ctx, chromedp.WithTargetID(id))
	t.Cleanup(cancel)
	tab := &Tab{T: t, browser: b, storage: storage, screen: screen, ctx: ctx}
	chromedp.ListenTarget(ctx, tab.hear)
	require.NoError(t, chromedp.Run(ctx, cdplog.Enable())) // not bounded: it attaches to the tab
	tab.do(emulation.SetFocusEmulationEnabled(true))
	tab.look(screen)
	t.Cleanup(func() {
		tab.mu.Lock()
		defer tab.mu.Unlock()
		require.Empty(t, tab.mistakes, "what the page did wrong")
	})
	return tab
}

// do asks for something that no tab does.
func (b *Browser) do(t *testing.T, action func(context.Context) error) {
	t.Helper()
	require.NoError(t, action(cdp.WithExecutor(b.ctx, chromedp.FromContext(b.ctx).Browser)))
}
