package page

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// MaxLogo is how many bytes a logo may have: more than any that was made for the web.
const MaxLogo = 64 << 10

var (
	errLogoSize = fmt.Errorf("must be at most %d KiB", MaxLogo>>10)
	errLogoKind = errors.New("must be a PNG, WebP or SVG image")
)

// logo is an image that we serve ourselves, so that a page needs to load nothing of another site.
type logo struct {
	content     []byte
	contentType string
	version     string // changes with the content
}

// CheckLogo says what is wrong with the logo of a brand.
func CheckLogo(content []byte) error {
	_, err := newLogo(content)
	return err
}

// newLogo tells the kind of an image by its content. No content is no logo.
func newLogo(content []byte) (*logo, error) {
	if len(content) == 0 {
		return nil, nil
	}
	if len(content) > MaxLogo {
		return nil, errLogoSize
	}
	l := &logo{content: content, version: hash(string(content))[:8]}
	switch kind := http.DetectContentType(content); {
	case kind == "image/png", kind == "image/webp":
		l.contentType = kind
	case isSVG(content):
		l.contentType = "image/svg+xml"
	default:
		return nil, errLogoKind
	}
	return l, nil
}

// isSVG holds for a well-formed document whose root is svg.
func isSVG(content []byte) bool {
	decoder := xml.NewDecoder(bytes.NewReader(content))
	root := ""
	for {
		token, err := decoder.Token()
		switch start, isStart := token.(xml.StartElement); {
		case errors.Is(err, io.EOF):
			return root == "svg"
		case err != nil:
			return false
		case isStart && root == "":
			root = start.Name.Local
		}
	}
}

// ServeLogo answers with the brand's logo, or 404. Whoever opens it as a page of its own gets one that runs nothing: an SVG can hold
// scripts.
func (l *Layout) ServeLogo(w http.ResponseWriter, r *http.Request) {
	if l.logo == nil {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", l.logo.contentType)
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "public, max-age=86400") // its address says which version it is
	_, _ = w.Write(l.logo.content)                  // the user has gone when this fails
}
