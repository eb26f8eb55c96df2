package browsertest

import (
	"context"
	"os"
	"path/filepath"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// maxPicture is in bytes: whoever clones the project gets them all.
const maxPicture = 60 << 10

// Illustrate makes a picture of the page for the documentation, if GATEHOUSE_PICTURES names a folder for it.
func (t *Tab) Illustrate(name string) {
	t.Helper()
	dir := os.Getenv("GATEHOUSE_PICTURES")
	if dir == "" {
		return
	}
	t.look(Screen{Width: 440, Height: 560})
	var picture []byte
	t.do(chromedp.ActionFunc(func(ctx context.Context) (err error) {
		picture, err = page.CaptureScreenshot().WithFormat(page.CaptureScreenshotFormatWebp).WithQuality(80).
			WithCaptureBeyondViewport(true).Do(ctx)
		return err
	}))
	t.look(t.screen)
	require.Less(t, len(picture), maxPicture)
	require.NoError(t, os.MkdirAll(dir, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, name+".webp"), picture, 0o644))
}
