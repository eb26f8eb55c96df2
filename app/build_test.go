package app

import (
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWhatABuildSaysOfItself(t *testing.T) {
	seen := &debug.BuildInfo{GoVersion: "go1.26.0", Main: debug.Module{Version: "v0.2.0"}, Settings: []debug.BuildSetting{
		{Key: "vcs.revision", Value: "abc"}, {Key: "vcs.modified", Value: "true"},
	}}
	require.Equal(t, "v0.2.0 (commit abc, modified, go1.26.0)", buildOf(seen, "").String())
	require.Equal(t, "def", buildOf(seen, "def").Commit, "who builds without the repository knows it better")
	require.Equal(t, "unknown (commit unknown, unknown)", buildOf(&debug.BuildInfo{}, "").String())
}
