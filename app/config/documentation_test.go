package config

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheReadmeNamesEveryKeyAndItsVariable(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	cfg := Default()
	walk(reflect.ValueOf(&cfg).Elem(), nil, func(path []string, _ reflect.Value) {
		require.Contains(t, string(readme), "`"+strings.Join(path, ".")+"`")
		require.Contains(t, string(readme), "`"+environmentName(path)+"`")
	})
	for name := range oauth2serverVariables {
		require.Contains(t, string(readme), "`"+name+"`")
	}
}
