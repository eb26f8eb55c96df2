package gateway

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/gateway/internal/credential"
	"gatehouse/gateway/internal/routing"
)

// FuzzTargets reads any file as targets.json: what is accepted says to encoding/json what the routes say, and the routes
// compile or are refused with the rest of the configuration.
func FuzzTargets(f *testing.F) {
	document, err := os.ReadFile("testdata/targets.json")
	require.NoError(f, err)
	f.Add(document)
	for _, document := range []string{
		`[]`, `null`, `{}`, `[{}]`, `[null]`, `[{"matchRoute":"/a"}] []`, `[{"matchroute":"/a"}]`, "[]\n",
		`[{"matchRoute":"/a","matchRoute":"/b","method":"GET","origin":"http://u","scope":"x"}]`,
		`[{"matchRoute":"/a","method":"GET","origin":"http://u","allowPublicAccess":"true"}]`,
		`[{"matchRoute":"/a","method":"GET","origin":"http://u","allowPublicAcces":true}]`,
	} {
		f.Add([]byte(document))
	}
	f.Fuzz(func(t *testing.T, document []byte) {
		routes, notes, err := ParseTargets(document)
		if err != nil {
			require.Empty(t, routes)
			require.Empty(t, notes)
			return
		}
		var want []map[string]any
		require.NoError(t, json.Unmarshal(document, &want))
		require.Len(t, routes, len(want))
		for i, route := range routes {
			require.Equal(t, credential.LNDHub, route.Credential)
			require.LessOrEqual(t, len(route.Methods), 1)
			for name, value := range map[string]any{
				"matchRoute": route.Path, "origin": route.Origin, "scope": route.Scope, "method": strings.Join(route.Methods, ""),
				"description": route.Description, "allowPublicAccess": route.Public,
			} {
				said := valuesOf(want[i], name)
				for i, value := range said {
					switch text, _ := value.(string); name {
					case "matchRoute":
						said[i] = routing.FromGorilla(text)
					case "method":
						said[i] = strings.ToUpper(text)
					}
				}
				if len(said) == 0 {
					require.Zero(t, value, name)
				} else {
					require.Contains(t, said, value, name)
				}
			}
		}
		_ = Validate(routes, Upstreams{}, []byte("secret")) // says what is wrong, and does not panic
	})
}

// valuesOf are the members of that name, in any case, that say something.
func valuesOf(object map[string]any, name string) (values []any) {
	for key, value := range object {
		if strings.EqualFold(key, name) && value != nil {
			values = append(values, value)
		}
	}
	return values
}
