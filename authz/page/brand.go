package page

import (
	"errors"
	"fmt"
	"html/template"
	"math"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Brand is what the pages show of whoever runs the service. Each part may be empty.
type Brand struct {
	Name       string
	Logo       []byte // a PNG, WebP or SVG image
	Colour     string // #rrggbb; of the button that is meant to be pressed
	SupportURL string // https or mailto
}

const maxBrandName = 50

var (
	errBrandName    = fmt.Errorf("must be %d letters at most, and no control characters", maxBrandName)
	errBrandColour  = errors.New("must be of the form #rrggbb")
	errBrandSupport = errors.New("must be an https or mailto URL")
)

// CheckName says what is wrong with the name of a brand.
func CheckName(name string) error {
	if !utf8.ValidString(name) || utf8.RuneCountInString(name) > maxBrandName || strings.ContainsFunc(name, unicode.IsControl) {
		return errBrandName
	}
	return nil
}

// CheckSupportURL says what is wrong with the address of who helps.
func CheckSupportURL(text string) error {
	if text == "" {
		return nil
	}
	u, err := url.Parse(text)
	if err != nil || !(u.Scheme == "https" && u.Host != "" && u.User == nil || u.Scheme == "mailto" && strings.Contains(u.Opaque, "@")) {
		return errBrandSupport
	}
	return nil
}

var hexColour = regexp.MustCompile(`^#[0-9a-fA-F]{6}$`)

// CheckColour says what is wrong with the colour of a brand. Any colour can be read: see textOn.
func CheckColour(colour string) error {
	if colour != "" && !hexColour.MatchString(colour) {
		return errBrandColour
	}
	return nil
}

func (b Brand) check() error {
	_, logoErr := newLogo(b.Logo)
	var problems []error
	for _, part := range []struct {
		name string
		err  error
	}{{"name", CheckName(b.Name)}, {"logo", logoErr}, {"colour", CheckColour(b.Colour)}, {"support URL", CheckSupportURL(b.SupportURL)}} {
		if part.err != nil {
			problems = append(problems, fmt.Errorf("page: the brand's %s %w", part.name, part.err))
		}
	}
	return errors.Join(problems...)
}

// style is the colour as the stylesheet takes it.
func (b Brand) style() template.CSS {
	if b.Colour == "" {
		return ""
	}
	return template.CSS(fmt.Sprintf(":root { --main: %s; --on-main: %s; }\n", b.Colour, textOn(b.Colour))) // a checked colour
}

// textOn is black or white, whichever is easier to read on the colour. The better of the two has a contrast of 4.58 at least, and WCAG 2
// asks for 4.5 (success criterion 1.4.3).
func textOn(colour string) string {
	if contrast(colour, "#ffffff") >= contrast(colour, "#000000") {
		return "#ffffff"
	}
	return "#000000"
}

// contrast is that of two colours as WCAG 2 defines it: 1 to 21.
func contrast(a, b string) float64 {
	lighter, darker := luminance(a), luminance(b)
	if lighter < darker {
		lighter, darker = darker, lighter
	}
	return (lighter + 0.05) / (darker + 0.05)
}

func luminance(colour string) float64 {
	part := func(from int) float64 {
		n, err := strconv.ParseUint(colour[from:from+2], 16, 8)
		if err != nil {
			panic(err) // a colour that is none was refused before
		}
		c := float64(n) / 255
		if c <= 0.04045 {
			return c / 12.92
		}
		return math.Pow((c+0.055)/1.055, 2.4)
	}
	return 0.2126*part(1) + 0.7152*part(3) + 0.0722*part(5)
}
