package gateway_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/gateway"
	"gatehouse/keys"
)

// balance is a route that is all right; change makes others of it.
func balance(origin string, change ...func(*gateway.Route)) gateway.Route {
	r := gateway.Route{
		Path: "/balance", Methods: []string{"GET"}, Origin: origin,
		Scope: "balance:read", Description: "Read your balance.", Credential: "none",
	}
	for _, f := range change {
		f(&r)
	}
	return r
}

func path(p string) func(*gateway.Route)       { return func(r *gateway.Route) { r.Path = p } }
func methods(m ...string) func(*gateway.Route) { return func(r *gateway.Route) { r.Methods = m } }
func credential(name string) func(*gateway.Route) {
	return func(r *gateway.Route) { r.Credential = name }
}
func public(r *gateway.Route) { r.Public, r.Scope = true, "" }

func newGateway(t *testing.T, config gateway.Config) error {
	t.Helper()
	config.Verifier, config.Denylist = &keys.Verifier{}, &fakeDenylist{}
	g, err := gateway.New(config)
	if err == nil {
		require.NoError(t, g.Close())
	}
	return err
}

func TestEveryProblemOfEveryRouteIsReportedAtOnce(t *testing.T) {
	err := newGateway(t, gateway.Config{Routes: []gateway.Route{
		{},
		balance("ftp://host", path("balance"), methods("GET", "FETCH"), credential("basic")),
		balance("http://host", credential("lndhub")),
		balance("http://host", path("//")),
		balance("http://host", path("//")),
	}})
	for _, problem := range []string{
		"route 1 ( ): no scope, and not public",
		"route 1 ( ): no credential",
		"route 1 ( ): bad origin: none is given",
		"route 1 ( ): bad path \"\"",
		"route 1 ( ): no methods",
		"route 2 (GET,FETCH balance): unknown credential \"basic\"",
		"route 2 (GET,FETCH balance): bad origin: the scheme is not http or https",
		"route 2 (GET,FETCH balance): bad path",
		"route 2 (GET,FETCH balance): unknown method \"FETCH\"",
		"route 3 (GET /balance): credential lndhub needs jwt_secret",
	} {
		require.ErrorContains(t, err, problem)
	}
	require.NotContains(t, err.Error(), "routed already", "a path that is refused takes no place")
}

func TestRoutesThatAreRefused(t *testing.T) {
	for name, test := range map[string]struct {
		change  func(*gateway.Route)
		problem string
	}{
		"no leading slash":      {path("balance"), "bad path"},
		"empty segment":         {path("/a//b"), "bad path"},
		"dot segment":           {path("/a/../b"), "bad path"},
		"encoded slash":         {path("/a%2fb"), "bad path"},
		"backslash":             {path(`/a\b`), "bad path"},
		"semicolon":             {path("/a;b"), "bad path"},
		"query":                 {path("/a?b"), "bad path"},
		"space":                 {path("/a b"), "bad path"},
		"half a parameter":      {path("/a/{b"), "bad path"},
		"closed only":           {path("/a/b}"), "its braces do not match"},
		"closed first":          {path("/a/}b{"), "its braces do not match"},
		"empty pattern":         {path("/a/{b:}"), "no pattern after its colon"},
		"wrong pattern":         {path("/a/{b:[}"), "its pattern is wrong"},
		"not RE2":               {path("/a/{b:x(?=y)}"), "its pattern is wrong"},
		"closes another's":      {path("/a/{b:x)(y}"), "its pattern is wrong"},
		"anchored":              {path("/a/{b:^x$}"), "leave out ^ and $"},
		"anchored, hidden":      {path("/a/{b:(?:x|y\\z)}"), "leave out ^ and $"},
		"pattern too large":     {path("/a/{b:(?:x{100}){2}y{100}}"), "the pattern is too large"},
		"together too large":    {path("/a/{b:x{150}}{c:y{150}}"), "the pattern is too large"},
		"dots beside a rest":    {path("/{a:.*}/../b"), "no request can have the segment"},
		"slashes behind a rest": {path("/{a:.*}//b"), "no request can have the segment"},
		"slash in text":         {path("/a%2f{b}"), "no request can have the segment"},
		"query in text":         {path("/a?{b}"), "no request can have the segment"},
		"twice, in one segment": {path("/{a}-{a}"), "two parameters {a}"},
		"twice, with a pattern": {path("/{a:.*}/{a:x}"), "two parameters {a}"},
		"nameless parameter":    {path("/a/{}"), "bad path"},
		"odd parameter":         {path("/a/{b-c}"), "bad path"},
		"same parameter twice":  {path("/{a}/{a}"), "two parameters {a}"},
		"oauth":                 {path("/oauth/token"), "reserved"},
		"oauth, encoded":        {path("/%6fauth/token"), "reserved"},
		"oauth, capitals":       {path("/OAuth"), "reserved"},
		"well-known":            {path("/.well-known/x"), "reserved"},
		"clients":               {path("/clients"), "reserved"},
		"admin":                 {path("/admin/clients"), "reserved"},
		"healthz":               {path("/healthz"), "reserved"},
		"readyz":                {path("/readyz"), "reserved"},
		"metrics":               {path("/metrics"), "reserved"},
		"no methods":            {methods(), "no methods"},
		"unknown method":        {methods("FETCH"), `unknown method "FETCH"`},
		"method in lower case":  {methods("get"), `unknown method "get"`},
		"empty method":          {methods(""), `unknown method ""`},
		"TRACE":                 {methods("TRACE"), `unknown method "TRACE"`},
		"CONNECT":               {methods("CONNECT"), `unknown method "CONNECT"`},
		"method twice":          {methods("GET", "GET"), "routed already"},
		"no origin":             {func(r *gateway.Route) { r.Origin = "" }, "bad origin"},
		"other scheme":          {func(r *gateway.Route) { r.Origin = "ftp://host" }, "bad origin"},
		"no scheme":             {func(r *gateway.Route) { r.Origin = "localhost:3000" }, "bad origin"},
		"no host":               {func(r *gateway.Route) { r.Origin = "http:///v2" }, "bad origin"},
		"user":                  {func(r *gateway.Route) { r.Origin = "http://u:secret@host" }, "bad origin"},
		"origin query":          {func(r *gateway.Route) { r.Origin = "http://host/?a=b" }, "bad origin"},
		"origin empty query":    {func(r *gateway.Route) { r.Origin = "http://host/?" }, "bad origin"},
		"origin fragment":       {func(r *gateway.Route) { r.Origin = "http://host/#a" }, "bad origin"},
		"origin empty fragment": {func(r *gateway.Route) { r.Origin = "http://host/#" }, "bad origin"},
		"origin dots":           {func(r *gateway.Route) { r.Origin = "http://host/v2/.." }, "bad origin"},
		"origin port":           {func(r *gateway.Route) { r.Origin = "http://host:99999" }, "bad origin"},
		"origin space":          {func(r *gateway.Route) { r.Origin = "http://ho st" }, "bad origin"},
		"no scope":              {func(r *gateway.Route) { r.Scope = "" }, "no scope"},
		"two scopes":            {func(r *gateway.Route) { r.Scope = "a b" }, "bad scope"},
		"unknown risk":          {func(r *gateway.Route) { r.Risk = "none" }, `risk is "none", want read, write, spend`},
		"quoted scope":          {func(r *gateway.Route) { r.Scope = `a"b` }, "bad scope"},
		"no credential":         {credential(""), "no credential"},
		"unknown credential":    {credential("basic"), "unknown credential"},
		"on_unavailable":        {func(r *gateway.Route) { r.OnUnavailable = "maybe" }, "on_unavailable"},
		"negative timeout":      {func(r *gateway.Route) { r.Timeout = -time.Second }, "negative timeout"},
	} {
		t.Run(name, func(t *testing.T) {
			err := newGateway(t, gateway.Config{Routes: []gateway.Route{balance("http://localhost:1", test.change)}})
			require.ErrorContains(t, err, test.problem)
			require.ErrorContains(t, err, "route 1")
			require.NotContains(t, err.Error(), "secret@")
		})
	}
}

func TestRoutesOfOnePathAndMethodAreRefused(t *testing.T) {
	err := newGateway(t, gateway.Config{Routes: []gateway.Route{
		balance("http://localhost:1", path("/invoices/{hash}"), methods("GET", "POST")),
		balance("http://localhost:2", path("/invoices/{id}"), methods("PUT", "POST")),
	}})
	require.ErrorContains(t, err, "route 2 (PUT,POST /invoices/{id}): POST of this path is routed already")
	for first, second := range map[string]string{
		"/{a:[0-9]+}": "/{b:[0-9]+}", "/x-{a}": "/x-{b}", "/x-{a:y}": "/x-{b:y}", "/{a:.*}": "/{b:.*}", "/{a:[^/]+}": "/{b}",
		"/%78-{a}": "/x-{b}",
	} {
		require.ErrorContains(t, newGateway(t, gateway.Config{Routes: []gateway.Route{
			balance("http://localhost:1", path(first)), balance("http://localhost:2", path(second)),
		}}), "GET of this path is routed already", first)
	}
}

func TestRoutesThatAreAccepted(t *testing.T) {
	for name, change := range map[string]func(*gateway.Route){
		"public without a scope": public,
		"root":                   path("/"),
		"trailing slash":         path("/a/"),
		"non-ASCII":              path("/caf%C3%A9"),
		"base path":              func(r *gateway.Route) { r.Origin = "http://host/v2/" },
		"IPv6":                   func(r *gateway.Route) { r.Origin = "http://[::1]:3000" },
		"https":                  func(r *gateway.Route) { r.Origin = "https://host" },
		"resembles reserved":     path("/oauth2"),
		"reserved further on":    path("/user/clients"),
		"a part of a segment":    path("/a/x{b}"),
		"dots between":           path("/{a}.{b}"),
		"four hashes":            path("/{a:" + strings.Repeat("[0-9a-f]{64}", 4) + "}"),
		"a long run":             path("/{a:[0-9a-f]{1000}}"),
		"a group":                path("/{a:(x|y)z}"),
		"looks reserved":         path("/oaut{x}"),
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, newGateway(t, gateway.Config{Routes: []gateway.Route{balance("http://host", change)}}))
		})
	}
}

func TestDefaultForAnUnavailableDenylistIsChecked(t *testing.T) {
	require.ErrorContains(t, newGateway(t, gateway.Config{OnUnavailable: "perhaps"}), `on_unavailable is "perhaps"`)
}

func TestScopesComeFromTheRoutes(t *testing.T) {
	require.Equal(t, map[string]string{"a": "last", "b": "other"}, gateway.Scopes([]gateway.Route{
		{Scope: "a", Description: "first"}, {Scope: "b", Description: "other"}, {Scope: "a", Description: "last"}, {Public: true},
	}))
}
