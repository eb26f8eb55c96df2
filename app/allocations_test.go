//go:build !race

package app

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestAWarmRequestAllocatesAlmostNothing has room for what a pool that was just emptied makes anew. The race
// detector empties pools at random.
func TestAWarmRequestAllocatesAlmostNothing(t *testing.T) {
	for _, access := range []bool{false, true} {
		s := served{tokens: warm, access: access}
		s.make(t)
		serve := s.serveNext(t)
		for range s.sent {
			serve()
		}
		require.LessOrEqual(t, testing.AllocsPerRun(1000, serve), 2.0, "access log: %v", access)
	}
}
