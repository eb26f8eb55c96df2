package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// describe says on what the contestants were measured, and how.
func (b *bench) describe(ctx context.Context) []string {
	return []string{
		machine(),
		fmt.Sprintf("Programs: %s.", strings.Join(b.versions(ctx), ", ")),
		fmt.Sprintf("Load: %d connections, each with its next request as soon as it has its answer; %d different tokens, or a new "+
			"one for each request where it says so. %d rounds in turn, %s each after %s to get warm; medians, with the least and the "+
			"most of a round in parentheses. Ratios are those within a round.",
			b.connections, b.known, b.rounds, b.duration, b.warmUp),
		fmt.Sprintf("Others: at most %.0f %% of the contestants' core in a round; %d rounds in which they used more were repeated.",
			100*maxOthers, b.repeated),
	}
}

// describeGrants says it of the grants.
func (b *bench) describeGrants(ctx context.Context) []string {
	programs := []string{"Gatehouse " + b.version(ctx, Contestant{Command: []string{"{{.Gatehouse}}"}})}
	if b.hydra != "" {
		programs = append(programs, hydraName+" "+printedVersion(ctx, []string{b.hydra, "version"}))
	}
	programs = append(programs, "Postgres "+b.postgresVersion)
	return []string{
		machine(),
		fmt.Sprintf("Programs: %s.", strings.Join(programs, ", ")),
		fmt.Sprintf("Load: %d connections, each with its next token as soon as it has one. %d rounds in turn, %s each after %s to get warm; "+
			"medians, with the least and the most of a round in parentheses. The processor time is that of the authorization server alone, on "+
			"one core; load, Postgres and Redis share the rest, and what they find idle of that.",
			b.grantConnections, b.rounds, b.duration, b.warmUp),
	}
}

func machine() string {
	var kernel unix.Utsname
	_ = unix.Uname(&kernel)
	return fmt.Sprintf("Machine: %s, %d cores, %s, Linux %s (%s), %s.", processor(), runtime.NumCPU(), installedMemory(),
		unix.ByteSliceToString(kernel.Release[:]), distribution(), runtime.GOARCH)
}

func processor() string {
	info, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(info)) {
		if name, value, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown processor"
}

func installedMemory() string {
	info, _ := os.ReadFile("/proc/meminfo")
	return fmt.Sprintf("%.0f GiB", float64(kilobytes(append([]byte("\n"), info...), "MemTotal:"))/(1<<30))
}

func distribution() string {
	release, _ := os.ReadFile("/etc/os-release")
	for line := range strings.Lines(string(release)) {
		if name, found := strings.CutPrefix(line, "PRETTY_NAME="); found {
			return strings.Trim(strings.TrimSpace(name), `"`)
		}
	}
	return "unknown distribution"
}

var versionNumber = regexp.MustCompile(`[0-9]+\.[0-9]+[0-9A-Za-z.+-]*`)

// versions are those of the contestants' programs and of Redis.
func (b *bench) versions(ctx context.Context) []string {
	var list []string
	seen := map[string]bool{}
	for _, c := range b.contestants {
		if program := c.Command[0]; !seen[program] {
			seen[program] = true
			list = append(list, c.Group+" "+b.version(ctx, c))
		}
	}
	return append(list, "Redis "+printedVersion(ctx, []string{"redis-server", "--version"}))
}

func (b *bench) version(ctx context.Context, c Contestant) string {
	if !c.isGatehouse() || b.gatehouse != "" {
		return printedVersion(ctx, c.Version)
	}
	described, err := exec.CommandContext(ctx, "git", "describe", "--always", "--dirty", "--abbrev=12").Output()
	if err != nil {
		return "of unknown version"
	}
	return fmt.Sprintf("%s (%s)", bytes.TrimSpace(described), runtime.Version())
}

// printedVersion is the first number that a command prints, on whichever stream, that looks like a version.
func printedVersion(ctx context.Context, command []string) string {
	if len(command) == 0 {
		return "of unknown version"
	}
	printed, _ := exec.CommandContext(ctx, command[0], command[1:]...).CombinedOutput()
	if number := versionNumber.Find(bytes.TrimSpace(printed)); number != nil {
		return string(number)
	}
	return "of unknown version"
}
