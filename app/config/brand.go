package config

import (
	"fmt"
	"io"
	"maps"
	"os"
	"slices"

	"gatehouse/authz/page"
	"gatehouse/gateway"
)

// Brand configures what the pages show of whoever runs the service.
type Brand struct {
	// Name is what the pages call the service. Empty means the issuer's host.
	Name string `yaml:"name"`
	// Logo is the file of a PNG, WebP or SVG image, which is read once.
	Logo string `yaml:"logo"`
	// Colour is #rrggbb, of the button that is meant to be pressed.
	Colour string `yaml:"colour"`
	// SupportURL is where users find help: https or mailto.
	SupportURL string `yaml:"support_url"`
}

// PageBrand reads the logo of the brand.
func (c *Config) PageBrand() (page.Brand, error) {
	brand := page.Brand{Name: c.Brand.Name, Colour: c.Brand.Colour, SupportURL: c.Brand.SupportURL}
	if c.Brand.Logo == "" {
		return brand, nil
	}
	file, err := os.Open(c.Brand.Logo)
	if err != nil {
		return brand, err
	}
	defer func() { _ = file.Close() }() // it was only read
	brand.Logo, err = io.ReadAll(io.LimitReader(file, page.MaxLogo+1))
	if err == nil && len(brand.Logo) == 0 {
		err = fmt.Errorf("%s is empty", c.Brand.Logo)
	}
	return brand, err
}

func (c *Config) checkPages(v *validation) {
	v.err("brand.name", page.CheckName(c.Brand.Name))
	v.err("brand.colour", page.CheckColour(c.Brand.Colour))
	v.err("brand.support_url", page.CheckSupportURL(c.Brand.SupportURL))
	brand, err := c.PageBrand()
	if err == nil {
		err = page.CheckLogo(brand.Logo)
	}
	v.err("brand.logo", err)
	described := gateway.Scopes(c.Routes)
	for _, scope := range slices.Sorted(maps.Keys(c.Scopes)) {
		if _, known := described[scope]; !known {
			v.add("scopes", "no route has the scope %q", scope)
		}
		for _, language := range slices.Sorted(maps.Keys(c.Scopes[scope])) {
			v.oneOf("scopes."+scope, language, page.Languages()...)
		}
	}
}
