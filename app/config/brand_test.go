package config_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/app/config"
	"gatehouse/authz/page"
)

func TestWhatThePagesShowIsChecked(t *testing.T) {
	const svg = `<svg xmlns="http://www.w3.org/2000/svg"/>`
	large := writeFile(t, "large.png", "\x89PNG\x0d\x0a\x1a\x0a"+string(bytes.Repeat([]byte("x"), page.MaxLogo)))
	for text, want := range map[string]string{
		`brand: {name: "a\tb"}`:                            "brand.name: must be",
		`brand: {logo: no-such.png}`:                       "brand.logo: open no-such.png",
		`brand: {logo: ` + large + `}`:                     "brand.logo: must be at most 64 KiB",
		`brand: {logo: ` + writeFile(t, "e", "") + `}`:     "is empty",
		`brand: {logo: ` + writeFile(t, "x", "<b/>") + `}`: "brand.logo: must be a PNG, WebP or SVG image",
		`brand: {colour: orange}`:                          "brand.colour: must be of the form #rrggbb",
		`brand: {support_url: "http://help.example"}`:      "brand.support_url: must be an https or mailto URL",
		`brand: {color: "#ffffff"}`:                        "unknown key color",
		`scopes: {"no:route": {de: "x"}}`:                  `scopes: no route has the scope "no:route"`,
		`scopes: {"balance:read": {fr: "x"}}`:              "scopes.balance:read: must be one of en, de, es, pt, not",
		`scopes: {"balance:read": "x"}`:                    "there is a value of another kind",
		`scopes: {"balance:read": {de: "Ihr Guthaben lesen."}}` + "\n" +
			`brand: {name: Wallet, logo: ` + writeFile(t, "l", svg) + `, colour: "#f7931a", support_url: "mailto:help@wallet.example"}`: "",
	} {
		cfg, err := config.Load(writeFile(t, "config.yaml", validYAML+text+"\n"), config.Both, environment(nil))
		if want != "" {
			require.ErrorContains(t, err, want, text)
			continue
		}
		require.NoError(t, err, text)
		brand, err := cfg.PageBrand()
		require.NoError(t, err)
		require.Equal(t, svg, string(brand.Logo))
		require.Equal(t, "Ihr Guthaben lesen.", cfg.Scopes["balance:read"]["de"])
	}
}
