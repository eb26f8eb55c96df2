package browsertest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// looks are all the ways in which a page has to be usable: the narrowest phone there is, and a desk.
var looks = []Screen{
	{Name: "phone", Width: 320, Height: 640, IsPhone: true},
	{Name: "phone", Width: 320, Height: 640, IsPhone: true, IsDark: true},
	{Name: "desktop", Width: 1280, Height: 800, IsDark: true},
	{Name: "desktop", Width: 1280, Height: 800},
}

// Look looks at the page as it is now, on a phone and on a desk, by day and by night: nobody has to scroll sideways, and axe-core
// finds nothing. It keeps pictures in the folder that GATEHOUSE_SCREENSHOTS names, if it does.
func (t *Tab) Look(name string) {
	t.Helper()
	t.loadAxe()
	defer t.Scripts(!t.noScripts)
	for _, screen := range looks {
		t.look(screen)
		t.noSideways(name)
		t.askAxe(name)
		t.keepPicture(name)
	}
	t.look(t.screen)
}

// look makes the page be seen on the screen. It does not load it again.
func (t *Tab) look(screen Screen) {
	t.Helper()
	t.seen = screen
	scheme := "light"
	if screen.IsDark {
		scheme = "dark"
	}
	t.do(
		emulation.SetDeviceMetricsOverride(screen.Width, screen.Height, 1, screen.IsPhone),
		emulation.SetTouchEmulationEnabled(screen.IsPhone),
		emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}),
	)
}

// noSideways requires that nobody has to scroll sideways.
func (t *Tab) noSideways(name string) {
	t.Helper()
	require.Eventually(t, func() bool { // the window takes a moment to get its size
		return Eval[int64](t, "document.documentElement.scrollWidth") <= t.seen.Width
	}, patience/10, poll, "%s is wider than %+v", name, t.seen)
}

func (t *Tab) keepPicture(name string) {
	t.Helper()
	dir := os.Getenv("GATEHOUSE_SCREENSHOTS")
	if dir == "" {
		return
	}
	scheme := "light"
	if t.seen.IsDark {
		scheme = "dark"
	}
	var png []byte
	t.do(chromedp.FullScreenshot(&png, 100))
	require.NoError(t, os.MkdirAll(dir, 0o755))
	file := fmt.Sprint(strings.Join([]string{name, t.seen.Name, scheme}, "-"), ".png")
	require.NoError(t, os.WriteFile(filepath.Join(dir, file), png, 0o600))
}
