package resource_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/gateway/resource"
)

const issuer = "https://wallet.example"

var get = []string{"GET"}

// routes are of the wallet itself, of its tools, and of a host of its own.
var routes = []resource.Route{
	{Path: "/balance", Methods: get, Scope: "balance:read"},
	{Path: "/invoices/{hash:[0-9a-f]+}", Methods: get, Scope: "invoices:read"},
	{Path: "/tools", Methods: []string{"GET", "POST"}, Scope: "tools:use", Resource: "tools"},
	{Path: "/tools/{name}", Methods: []string{"DELETE"}, Scope: "tools:delete", Resource: "tools"},
	{Path: "/reports", Methods: get, Scope: "reports:read", Resource: "reports"},
	{Path: "/mixed", Methods: get, Scope: "a"},
	{Path: "/mixed", Methods: []string{"POST"}, Scope: "b", Resource: "reports"},
}

var settings = map[string]resource.Settings{
	"tools":   {URL: issuer + "/tools", Name: "Wallet tools"},
	"reports": {URL: "https://reports.example"},
}

func newSet(t *testing.T) *resource.Set {
	t.Helper()
	s, err := resource.New(issuer, "Wallet", settings, routes)
	require.NoError(t, err)
	return s
}

func TestPathsBeginWithWhatClientsSee(t *testing.T) {
	s, err := resource.New("https://auth.example/base", "", map[string]resource.Settings{
		"a": {URL: "https://api.example/a"}, "b": {URL: "https://api.example/b"}, "c": {URL: "https://auth.example/base/c"},
	}, []resource.Route{
		{Path: "/a", Methods: []string{"GET"}, Resource: "a"}, {Path: "/b", Methods: []string{"GET"}, Resource: "b"},
		{Path: "/c", Methods: []string{"GET"}, Resource: "c"},
	})
	require.NoError(t, err)
	require.Equal(t, []string{"https://auth.example/base", "https://api.example"}, s.Prefixes())
}

func TestAnIndicatorMeansOneResourceInEverySpellingThatIsTheSame(t *testing.T) {
	s := newSet(t)
	for indicator, want := range map[string]string{
		issuer: issuer, issuer + "/": issuer, "https://WALLET.example:443": issuer, "HTTPS://wallet.example/": issuer,
		issuer + "/balance": issuer, issuer + "/invoices/0a": issuer,
		issuer + "/tools": issuer + "/tools", issuer + "/tools/": issuer + "/tools", "https://Wallet.Example:443/tools": issuer + "/tools",
		issuer + "/tool%73": issuer + "/tools", issuer + "/tools/pay": issuer + "/tools",
		"https://reports.example": "https://reports.example", "https://reports.example/": "https://reports.example",
		"https://reports.example/reports": "https://reports.example",
	} {
		found, ok := s.Find(indicator)
		require.True(t, ok, indicator)
		require.Equal(t, want, found.URL, indicator)
	}
}

func TestWhatIsNearlyAResourceIsNone(t *testing.T) {
	s := newSet(t)
	for _, indicator := range []string{
		"", "tools", "/tools", "wallet.example/tools", "urn:wallet", "mailto:a@wallet.example", "//wallet.example/tools",
		"http://wallet.example", "http://wallet.example/tools", "https://wallet.example:8443/tools", "https://wallet.example:0443/tools",
		"https://wallet.example.evil.example/tools", "https://wallet.example./tools", "https://evil.example/tools", "https://reports.example/tools",
		issuer + "/reports", issuer + "/mixed", "https://reports.example/mixed", "https://reports.example/balance",
		issuer + "/Tools", issuer + "/TOOLS", issuer + "/tools//", issuer + "//tools", issuer + "/tools/pay/more", issuer + "/toolsx",
		issuer + "/tools?", issuer + "/tools?a=b", issuer + "/tools#", issuer + "/tools#a", issuer + "/#/tools",
		issuer + "/x/../tools", issuer + "/%2e%2e/tools", issuer + "/tools/..", issuer + "/tools/.", issuer + "%2Ftools", issuer + "/tools%2F",
		issuer + "/tools;a", issuer + `\tools`, issuer + "/tools%00", issuer + " /tools", issuer + "/tools ", issuer + "/tools\n", issuer + "/töols",
		"https://user@wallet.example/tools", "https://user:pass@wallet.example/tools", "https://wallet.example@evil.example/tools",
		"https://wallet%2Eexample/tools", "https://wаllet.example/tools", "https:wallet.example/tools", "https:///tools", "https://*/tools",
		issuer + "/.well-known/oauth-protected-resource", issuer + "/oauth/token", issuer + "/nowhere",
	} {
		_, ok := s.Find(indicator)
		require.False(t, ok, indicator)
	}
}

func TestWhatCannotWorkIsRefused(t *testing.T) {
	tools := []resource.Route{{Path: "/tools", Methods: get, Scope: "a", Resource: "tools"}}
	for name, test := range map[string]struct {
		resources map[string]resource.Settings
		routes    []resource.Route
		want      string
	}{
		"no such resource":   {nil, tools, `route 1 (GET /tools): there is no resource "tools"`},
		"no route":           {map[string]resource.Settings{"tools": {URL: issuer + "/tools"}}, nil, `resource "tools": no route belongs to it`},
		"no url":             {map[string]resource.Settings{"tools": {}}, tools, "it is no http or https URL"},
		"fragment":           {map[string]resource.Settings{"tools": {URL: issuer + "/tools#a"}}, tools, "it has a fragment"},
		"query":              {map[string]resource.Settings{"tools": {URL: issuer + "/tools?a"}}, tools, "it has a query"},
		"password":           {map[string]resource.Settings{"tools": {URL: "https://a:b@wallet.example/tools"}}, tools, "it has a user or password"},
		"slash":              {map[string]resource.Settings{"tools": {URL: issuer + "/tools/"}}, tools, "has to be written as https://wallet.example/tools"},
		"case":               {map[string]resource.Settings{"tools": {URL: "https://Wallet.example/tools"}}, tools, "has to be written as https://wallet.example/tools"},
		"port":               {map[string]resource.Settings{"tools": {URL: "https://wallet.example:443/tools"}}, tools, "has to be written as https://wallet.example/tools"},
		"dots":               {map[string]resource.Settings{"tools": {URL: issuer + "/a/../tools"}}, tools, "could be read in more than one way"},
		"not https":          {map[string]resource.Settings{"tools": {URL: "http://wallet.example/tools"}}, tools, "its url is not https"},
		"the issuer's":       {map[string]resource.Settings{"tools": {URL: issuer}}, tools, "is the url of another resource, or of the issuer"},
		"elsewhere":          {map[string]resource.Settings{"tools": {URL: issuer + "/mcp"}}, tools, "its route /tools is not below the path of its url"},
		"beside":             {map[string]resource.Settings{"tools": {URL: issuer + "/tool"}}, tools, "its route /tools is not below the path of its url"},
		"twice":              {map[string]resource.Settings{"tools": {URL: "https://a.example"}, "b": {URL: "https://a.example"}}, tools, "is the url of another resource"},
		"another's entrance": {map[string]resource.Settings{"tools": {URL: issuer + "/tools"}}, []resource.Route{{Path: "/tools", Methods: get}, {Path: "/tools/a", Methods: get, Resource: "tools"}}, "the route at its url, /tools, belongs to another"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := resource.New(issuer, "", test.resources, test.routes)
			require.ErrorContains(t, err, test.want)
		})
	}
}
