package app

import (
	"fmt"
	"runtime/debug"
	"sync"
)

const unknown = "unknown"

// Build says which program this is. What cannot be known is "unknown".
type Build struct {
	// Version is that of the module: a release, or what Go makes of the commit.
	Version string
	// Commit is the revision that it was built from.
	Commit string
	// Modified holds when the files differed from that commit.
	Modified bool
	// Go is the version of the compiler.
	Go string
}

// commit is set by builds that do not see the repository: -ldflags '-X gatehouse/app.commit=…'.
var commit string

// ThisBuild reads what the linker left in the program. It does not block.
var ThisBuild = sync.OnceValue(func() Build {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	return buildOf(info, commit)
})

func buildOf(info *debug.BuildInfo, commit string) Build {
	b := Build{Version: info.Main.Version, Commit: commit, Go: info.GoVersion}
	for _, setting := range info.Settings {
		switch {
		case setting.Key == "vcs.revision" && b.Commit == "":
			b.Commit = setting.Value
		case setting.Key == "vcs.modified":
			b.Modified = setting.Value == "true"
		}
	}
	for _, text := range []*string{&b.Version, &b.Commit, &b.Go} {
		if *text == "" {
			*text = unknown
		}
	}
	return b
}

// String is the build on one line, without the program's name.
func (b Build) String() string {
	modified := ""
	if b.Modified {
		modified = ", modified"
	}
	return fmt.Sprintf("%s (commit %s%s, %s)", b.Version, b.Commit, modified, b.Go)
}
