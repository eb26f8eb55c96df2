package gateway

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAMethodIsKnownByItsExactName(t *testing.T) {
	for m := OtherMethod + 1; m < Method(Methods); m++ {
		require.Equal(t, m, MethodNamed(m.String()))
		require.Equal(t, m, MethodNamed([]byte(m.String())))
	}
	for _, name := range []string{"", "get", "GETS", "TRACE", "CONNECT", OtherMethod.String()} {
		require.Equal(t, OtherMethod, MethodNamed(name), name)
	}
}
