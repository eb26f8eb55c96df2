package app

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheReadmeNamesEveryKeyAndItsVariable(t *testing.T) {
	readme, err := os.ReadFile("../docs/configuration.md")
	require.NoError(t, err)
	config := Default()
	walk(reflect.ValueOf(&config).Elem(), nil, func(path []string, _ reflect.Value) {
		require.Contains(t, string(readme), "`"+strings.Join(path, ".")+"`")
		require.Contains(t, string(readme), "`"+environmentName(path)+"`")
	})
	for name := range predecessorNames {
		require.Contains(t, string(readme), "`"+name+"`")
	}
}
