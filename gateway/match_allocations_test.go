//go:build !race

package gateway

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// The race detector empties the pools that patterns match with.
func TestMatchingAllocatesNothing(t *testing.T) {
	for _, test := range matched {
		t.Run(test.name, func(t *testing.T) {
			g := fuzzedGateway(t, walletPaths(test.parameter))
			var of target
			method, path := []byte("GET"), []byte(test.path)
			require.Zero(t, testing.AllocsPerRun(1000, func() {
				_ = of.parse(path)
				_, _ = g.root.match(method, &of)
			}))
		})
	}
}
