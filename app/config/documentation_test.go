package config

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestThePageOfTheConfigurationNamesEveryKeyAndItsVariable(t *testing.T) {
	page, err := os.ReadFile("../../docs/configuration.md")
	require.NoError(t, err)
	cfg := Default()
	walk(reflect.ValueOf(&cfg).Elem(), nil, func(path []string, _ reflect.Value) {
		require.Contains(t, string(page), "`"+strings.Join(path, ".")+"`")
		require.Contains(t, string(page), "`"+environmentName(path)+"`")
	})
	for name := range oauth2serverVariables {
		require.Contains(t, string(page), "`"+name+"`")
	}
}
