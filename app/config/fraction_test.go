package config_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/app/config"
)

// fractionsEverywhere is a file in which every key that wants a whole number has half a one, and the names of those keys.
func fractionsEverywhere(structure reflect.Type, at string) (yaml string, keys []string) {
	var entries []string
	for i := range structure.NumField() {
		field := structure.Field(i)
		name := field.Tag.Get("yaml")
		if name == "-" {
			continue
		}
		key := strings.TrimPrefix(at+"."+name, ".")
		var value string
		var found []string
		switch {
		case field.Type.Kind() == reflect.Int, field.Type == reflect.TypeFor[int64]():
			value, found = "1.5", []string{key}
		case field.Type.Kind() == reflect.Struct:
			value, found = fractionsEverywhere(field.Type, key)
		case field.Type.Kind() == reflect.Slice && field.Type.Elem().Kind() == reflect.Struct:
			value, found = fractionsEverywhere(field.Type.Elem(), key+"[1]")
			value = "[{path: /a}, " + value + "]"
		}
		if len(found) > 0 {
			entries, keys = append(entries, name+": "+value), append(keys, found...)
		}
	}
	return "{" + strings.Join(entries, ", ") + "}", keys
}

func TestAKeyThatWantsAWholeNumberTakesNoOther(t *testing.T) {
	yaml, keys := fractionsEverywhere(reflect.TypeFor[config.Config](), "")
	require.Subset(t, keys, []string{"database_max_conns", "limits.body_size", "token_cache.size", "routes[1].max_body", "budgets.default.limit"})
	_, err := config.Load(writeFile(t, "config.yaml", yaml), config.Both, nil)
	require.Error(t, err)
	for _, key := range keys {
		require.Equal(t, 1, strings.Count(err.Error(), fmt.Sprintf("line 1: %s: want a whole number", key)), "%s: %s", key, err)
	}

	for written, want := range map[string]string{
		"database_max_conns: 1.5":                                 "line 1: database_max_conns: want",
		"database_max_conns: 5.0":                                 "line 1: database_max_conns: want",
		"database_max_conns: 1e1":                                 "line 1: database_max_conns: want",
		"database_max_conns: -.5":                                 "line 1: database_max_conns: want",
		"database_max_conns: .inf":                                "line 1: want a whole number",
		"limits: &l {body_size: 0.5}\ntoken_cache: {size: 1.5}":   "line 2: token_cache.size: want",
		"limits: {<<: {header_count: 1.5}}":                       "line 1: limits.header_count: want",
		"limits: {<<: [{header_count: 10}, {body_size: 1.5}]}":    "line 1: limits[1].body_size: want",
		"token_cache: &c {size: 1.5}\nlimits: {connections: 0.1}": "line 2: limits.connections: want",
		"listen: &n 1.5\ndatabase_max_conns: *n":                  "line 1: database_max_conns: want",
	} {
		_, err := config.Load(writeFile(t, "config.yaml", written), config.Both, nil)
		require.ErrorContains(t, err, want, written)
	}
	_, err = config.Load("", config.Both, environment(map[string]string{"GATEHOUSE_DATABASE_MAX_CONNS": "1.5"}))
	require.ErrorContains(t, err, "environment GATEHOUSE_DATABASE_MAX_CONNS: want a whole number")

	cfg, err := config.Load(writeFile(t, "config.yaml", validYAML+"database_max_conns: 0x10\nlimits: {body_size: 4_000_000}\n"), config.Both, nil)
	require.NoError(t, err)
	require.Equal(t, 16, cfg.DatabaseMaxConns)
	require.Equal(t, 4_000_000, cfg.Limits.BodySize)
}
