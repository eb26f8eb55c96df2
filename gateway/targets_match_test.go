package gateway

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/gateway/internal/credential"
	"gatehouse/gateway/internal/routing"
	"gatehouse/gateway/internal/upstream"
)

// gorillaRoute is a target as oauth2server's router reads it: one expression for the whole decoded path.
type gorillaRoute struct {
	expression *regexp.Regexp
	method     string
}

var gorillaParameter = regexp.MustCompile(`\{[^:{}]+(?::((?:[^{}]|\{[^{}]*\})+))?\}`)

func gorilla(matchRoute, method string) gorillaRoute {
	var expression strings.Builder
	end := 0
	for _, at := range gorillaParameter.FindAllStringSubmatchIndex(matchRoute, -1) {
		expression.WriteString(regexp.QuoteMeta(matchRoute[end:at[0]]))
		pattern := "[^/]+"
		if at[2] >= 0 {
			pattern = matchRoute[at[2]:at[3]]
		}
		expression.WriteString("(?:" + pattern + ")")
		end = at[1]
	}
	expression.WriteString(regexp.QuoteMeta(matchRoute[end:]))
	return gorillaRoute{regexp.MustCompile("^" + expression.String() + "$"), strings.ToUpper(method)}
}

// TestTargetsAreMatchedAsGorillaDoes puts routes in random orders and holds each request to the route that the file's first
// match is: oauth2server goes through its routes in turn.
func TestTargetsAreMatchedAsGorillaDoes(t *testing.T) {
	matchRoutes := []string{
		"/", "/a", "/a/", "/{x}", "/a/{x}", "/a/b", "/{x}/b", "/a/{n:[0-9]+}", "/a/{h:[0-9a-f]{2}}", "/a/{h:[0-9a-f]{2}}/c", "/a/{x}/c",
		"/a/x-{y}", "/a/{p}-{q}", "/a/{rest:.*}", "/a/{rest:.+}", "/{rest:.*}", "/a/{mid:.*}/c", "/{two:[a-z]/[a-z]}", "/a/{e:[0-9]*}",
		"/a/{n:[0-9]+}/{x}", "/{v:(?:a|c)}/12", "/caf\u00e9/{x-y}", "/%41", "/{x:A|B}", "/a/{any:.{2}}",
	}
	paths := []string{
		"/", "/a", "/b", "/a/", "/a/b", "/a/12", "/a/1f", "/a/123", "/a/zz", "/a/x-1", "/a/x-", "/a/-", "/a/b-c", "/a/b/c", "/a/12/c",
		"/a/12/d", "/a/1f/c", "/a/b/d/c", "/a/b/", "/c/12", "/c/b", "/caf\u00e9/1", "/%41", "/A", "/B", "/a/b/c/d",
	}
	methods := []string{"GET", "post", "Delete", ""}
	order := rand.New(rand.NewPCG(1, 2))
	for range 400 {
		var entries []targetOf
		for range 2 + order.IntN(8) {
			entries = append(entries, targetOf{
				MatchRoute: matchRoutes[order.IntN(len(matchRoutes))], Method: methods[order.IntN(len(methods))],
				Origin: "http://upstream.example", Scope: "x",
			})
		}
		data, err := json.Marshal(entries)
		require.NoError(t, err)
		routes, notes, err := ParseTargets(data)
		require.NoError(t, err)
		g := &Gateway{destinations: make(map[shared]*destination), hubs: make(map[upstream.Origin]*credential.Hub)}
		config := Config{JWTSecret: []byte("secret"), OnUnavailable: Deny}
		_, err = g.compile(routes, &config)
		require.NoError(t, err, "%s", data)
		var gorillas []gorillaRoute
		for _, entry := range entries {
			gorillas = append(gorillas, gorilla(entry.MatchRoute, entry.Method))
		}
		var useless []string
		for _, note := range notes {
			if about, _, found := strings.Cut(note, "("); found && strings.Contains(note, "gets no request") {
				useless = append(useless, about)
			}
		}
		for _, path := range paths {
			var of routing.Target
			require.NoError(t, of.Parse(encodedPath(path)))
			for _, method := range []string{"GET", "POST", "DELETE"} {
				want := slices.IndexFunc(gorillas, func(r gorillaRoute) bool {
					return r.method == method && r.expression.MatchString(path)
				})
				got := -1
				if found, err := g.routes.Match([]byte(method), &of); err == nil {
					got = found.index
				}
				require.Equal(t, want, got, "%s %s in %s", method, path, data)
				require.NotContains(t, useless, fmt.Sprintf("target %d ", want+1), "%s %s in %s", method, path, data)
			}
		}
	}
}

func encodedPath(decoded string) []byte {
	var path []byte
	for _, segment := range strings.Split(decoded[1:], "/") {
		path = routing.AppendEncoded(append(path, '/'), []byte(segment))
	}
	return path
}
