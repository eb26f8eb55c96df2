package browsertest

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

const (
	// patience is more than anything takes on a machine that has much else to do.
	patience = time.Minute
	poll     = 50 * time.Millisecond
)

// Screen is what a page is looked at with.
type Screen struct {
	Name            string
	Width, Height   int64
	IsPhone, IsDark bool
}

// Phone and Desktop are what people click on.
var (
	Phone   = Screen{Name: "phone", Width: 390, Height: 844, IsPhone: true}
	Desktop = Screen{Name: "desktop", Width: 1280, Height: 800}
)

// Tab is one tab of a browser. Its methods end the test when what they wait for does not come.
type Tab struct {
	*testing.T
	browser *Browser
	storage cdp.BrowserContextID
	screen  Screen // what is clicked on
	seen    Screen // what Look is at
	ctx     context.Context
	// noScripts says that JavaScript is off.
	noScripts bool

	mu       sync.Mutex
	mistakes []string
	expected []*complaint
}

// Expect lets the browser complain about what matches the pattern, and returns how to know how often it has.
func (t *Tab) Expect(pattern string) (times func() int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := &complaint{pattern: regexp.MustCompile(pattern)}
	t.expected = append([]*complaint{e}, t.expected...)
	return func() int {
		t.mu.Lock()
		defer t.mu.Unlock()
		return e.times
	}
}

type complaint struct {
	pattern *regexp.Regexp
	times   int
}

// hear remembers what the browser complains about, but for answers that are no 200: those are the application's to tell.
func (t *Tab) hear(event any) {
	said := ""
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		said = e.ExceptionDetails.Error()
	case *page.EventJavascriptDialogOpening:
		said = "a dialog: " + e.Message
		go func() { _ = chromedp.Run(t.ctx, page.HandleJavaScriptDialog(true)) }() // it waits for an answer
	case *cdplog.EventEntryAdded:
		if e.Entry.Level == cdplog.LevelError && e.Entry.Source != cdplog.SourceNetwork {
			said = fmt.Sprint(e.Entry.Source, ": ", e.Entry.Text)
		}
	}
	if said == "" {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, e := range t.expected {
		if e.pattern.MatchString(said) {
			e.times++
			return
		}
	}
	t.mistakes = append(t.mistakes, said)
}

func (t *Tab) do(actions ...chromedp.Action) {
	t.Helper()
	bounded, cancel := context.WithTimeout(t.ctx, patience)
	defer cancel()
	require.NoError(t, chromedp.Run(bounded, actions...))
}

// Go opens an address, as if it were typed.
func (t *Tab) Go(address string) {
	t.Helper()
	t.do(chromedp.Navigate(address))
}

// Back is what the button of that name does. The page may be as it was left, or loaded again.
func (t *Tab) Back() {
	t.Helper()
	current, entries, err := int64(0), []*page.NavigationEntry(nil), error(nil)
	Eval[bool](t, "window.wasLeft = true")
	t.do(chromedp.ActionFunc(func(ctx context.Context) error {
		if current, entries, err = page.GetNavigationHistory().Do(ctx); err != nil {
			return err
		}
		return page.NavigateToHistoryEntry(entries[current-1].ID).Do(ctx)
	}))
	t.Await(`document.readyState === "complete" && !window.wasLeft`)
}

// Scripts switches JavaScript on or off, for whatever is loaded from now on.
func (t *Tab) Scripts(on bool) {
	t.Helper()
	t.do(emulation.SetScriptExecutionDisabled(!on))
	t.noScripts = !on
}

// Cookie is what the page's server is sent, whether or not scripts can read it.
func (t *Tab) Cookie(name string) string {
	t.Helper()
	var cookies []*network.Cookie
	t.do(chromedp.ActionFunc(func(ctx context.Context) (err error) {
		cookies, err = network.GetCookies().Do(ctx)
		return err
	}))
	i := slices.IndexFunc(cookies, func(c *network.Cookie) bool { return c.Name == name })
	require.GreaterOrEqual(t, i, 0, "no cookie %s", name)
	return cookies[i].Value
}

// Reads is what the browser says of its user: which languages.
func (t *Tab) Reads(languages string) {
	t.Helper()
	t.do(network.Enable(), network.SetExtraHTTPHeaders(network.Headers{"Accept-Language": languages}))
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

// Leave clicks on what leads to another page, and waits for that.
func (t *Tab) Leave(selector string) {
	t.Helper()
	Eval[bool](t, "window.wasLeft = true")
	t.Click(selector)
	t.Await(`document.readyState === "complete" && !window.wasLeft`)
}

// DoubleClick clicks twice, as people do who are used to it, where what the first click has sent is answered too late to keep
// the browser from sending it again.
func (t *Tab) DoubleClick(selector string) {
	t.Helper()
	const between = 150 * time.Millisecond
	answers := func(after time.Duration) chromedp.Action {
		return network.EmulateNetworkConditions(false, float64(after.Milliseconds()), -1, -1)
	}
	t.do(chromedp.ScrollIntoView(selector, chromedp.ByQuery))
	at := Eval[[]float64](t, fmt.Sprintf("(r => [r.x + r.width / 2, r.y + r.height / 2])(document.querySelector(%q).getBoundingClientRect())", selector))
	t.do(network.Enable(), answers(4*between))
	t.do(chromedp.MouseClickXY(at[0], at[1]), chromedp.Sleep(between), chromedp.MouseClickXY(at[0], at[1]))
	t.do(answers(0))
}

// Press presses a key where the focus is.
func (t *Tab) Press(key string) {
	t.Helper()
	t.do(chromedp.KeyEvent(key))
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
