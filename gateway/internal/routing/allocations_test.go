//go:build !race

package routing

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// The race detector empties the pools that patterns match with.
func TestMatchingAllocatesNothing(t *testing.T) {
	for _, test := range matched {
		t.Run(test.name, func(t *testing.T) {
			tree := walletTree(t, test.parameter)
			var target Target
			method, path := []byte("GET"), []byte(test.path)
			require.Zero(t, testing.AllocsPerRun(1000, func() {
				_ = target.Parse(path)
				_, _ = tree.Match(method, &target)
			}))
		})
	}
}
