// Command skips runs `go test` and prints what it prints, but fails a package in which a test was skipped: what CI does not
// run proves nothing.
//
//	skips [-allow REGEXP] go test ARGUMENTS...
//
// Where the reason of a skip matches REGEXP it is printed and the package may pass.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
)

func main() {
	allow := flag.String("allow", "^$", "reasons for which a test may be skipped")
	flag.Parse()
	ok, err := run(regexp.MustCompile(*allow), flag.Args(), os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "skips:", err)
	}
	if err != nil || !ok {
		os.Exit(1)
	}
}

// run reports whether the command passed and no test was skipped without leave.
func run(allow *regexp.Regexp, command []string, out io.Writer) (ok bool, err error) {
	if len(command) < 2 || command[1] != "test" {
		return false, errors.New("what to run is no go test command")
	}
	child := exec.Command(command[0], slices.Insert(slices.Clone(command[1:]), 1, "-json")...)
	child.Stderr = os.Stderr
	events, err := child.StdoutPipe()
	if err != nil {
		return false, err
	}
	if err := child.Start(); err != nil {
		return false, err
	}
	r := report{allow: allow, out: out, tests: map[string]map[string]*test{}}
	readErr := r.read(events)
	var exit *exec.ExitError
	if err := child.Wait(); err != nil && !errors.As(err, &exit) {
		return false, err
	}
	if r.skipped {
		fmt.Fprintln(out, "FAIL: tests were skipped")
	} else if exit != nil {
		fmt.Fprintln(out, "FAIL")
	}
	return exit == nil && !r.skipped, readErr
}

// event is a line of `go test -json`, as `go doc test2json` describes it.
type event struct {
	Action, Package, Test, Output string
}

// test is what was heard of one test, or, under the name "", of the package itself.
type test struct {
	output          strings.Builder
	passed, skipped bool
}

type report struct {
	allow   *regexp.Regexp
	out     io.Writer
	tests   map[string]map[string]*test // by package and name
	skipped bool                        // a test without leave
}

func (r *report) read(events io.Reader) error {
	lines := bufio.NewReader(events)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			var e event
			if json.Unmarshal(line, &e) != nil {
				fmt.Fprintf(r.out, "%s", line) // not of a test
			} else {
				r.heard(e)
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (r *report) heard(e event) {
	tests := r.tests[e.Package]
	if tests == nil {
		tests = map[string]*test{}
		r.tests[e.Package] = tests
	}
	about := tests[e.Test]
	if about == nil {
		about = &test{}
		tests[e.Test] = about
	}
	switch e.Action {
	case "build-output":
		fmt.Fprint(r.out, e.Output)
	case "output":
		about.output.WriteString(e.Output)
	case "pass":
		about.passed = true
	case "skip":
		about.skipped = true
	}
	if e.Test == "" && slices.Contains([]string{"pass", "fail", "skip"}, e.Action) {
		r.ended(e.Package, e.Action)
	}
}

// ended prints what `go test` prints of a package, and its tests that were skipped.
func (r *report) ended(pkg, action string) {
	tests := r.tests[pkg]
	delete(r.tests, pkg)
	names := make([]string, 0, len(tests))
	for name := range tests {
		names = append(names, name)
	}
	slices.Sort(names)
	refused := false
	for _, name := range names[1:] { // the package itself is the first
		switch t := tests[name]; {
		case t.skipped:
			fmt.Fprint(r.out, withoutProgress(t.output.String()))
			why := reason(t.output.String())
			refused = refused || why == "" || !r.allow.MatchString(why)
		case !t.passed && action == "fail":
			fmt.Fprint(r.out, withoutProgress(t.output.String()))
		}
	}
	output := withoutProgress(tests[""].output.String())
	if action == "pass" { // what a package prints is of interest when it fails
		lines := strings.SplitAfter(strings.TrimSuffix(output, "\n"), "\n")
		output = lines[len(lines)-1] + "\n"
	}
	if refused {
		r.skipped = true
		if line, passed := strings.CutPrefix(output, "ok  \t"); passed {
			output = "FAIL\t" + line
		}
	}
	fmt.Fprint(r.out, output)
}

// reason is why a test was skipped: the last line that it wrote. What it wrote before is no excuse.
func reason(output string) (last string) {
	for line := range strings.Lines(withoutProgress(output)) {
		if !strings.HasPrefix(strings.TrimSpace(line), "--- SKIP: ") {
			last = line
		}
	}
	return last
}

// withoutProgress leaves out the lines that only say that a test runs, waits or goes on.
func withoutProgress(output string) string {
	var kept strings.Builder
	for line := range strings.Lines(output) {
		if !strings.HasPrefix(line, "=== ") {
			kept.WriteString(line)
		}
	}
	return kept.String()
}
