package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// goTest is a program that prints these events, as `go test -json` would, and ends with a code.
func goTest(t *testing.T, code, events string) []string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "go")
	script := "#!/bin/sh\n[ \"$*\" = 'test -json ./...' ] || exit 9\ncat <<'END'\n" + events + "END\nexit " + code + "\n"
	if err := os.WriteFile(file, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	return []string{file, "test", "./..."}
}

const (
	start   = `{"Action":"start","Package":"p"}` + "\n"
	runA    = `{"Action":"output","Package":"p","Test":"TestA","Output":"=== RUN   TestA\n"}` + "\n"
	logA    = `{"Action":"output","Package":"p","Test":"TestA","Output":"    a_test.go:1: why\n"}` + "\n"
	skipA   = logA + `{"Action":"skip","Package":"p","Test":"TestA"}` + "\n"
	failA   = logA + `{"Action":"fail","Package":"p","Test":"TestA"}` + "\n"
	passA   = logA + `{"Action":"pass","Package":"p","Test":"TestA"}` + "\n"
	printed = `{"Action":"output","Package":"p","Output":"from an init\n"}` + "\n"
	passed  = `{"Action":"output","Package":"p","Output":"PASS\n"}` + "\n" +
		`{"Action":"output","Package":"p","Output":"ok  \tp\t0.1s\n"}` + "\n" + `{"Action":"pass","Package":"p"}` + "\n"
	failed = `{"Action":"output","Package":"p","Output":"FAIL\n"}` + "\n" +
		`{"Action":"output","Package":"p","Output":"FAIL\tp\t0.1s\n"}` + "\n" + `{"Action":"fail","Package":"p"}` + "\n"
	built = `{"ImportPath":"p","Action":"build-output","Output":"a.go:1:1: undefined\n"}` + "\n"
)

func TestWhatIsPrintedAndWhatFails(t *testing.T) {
	for name, c := range map[string]struct {
		allow, code, events string
		ok                  bool
		printed             string
	}{
		"a pass is one line":     {"^$", "0", start + runA + passA + printed + passed, true, "ok  \tp\t0.1s\n"},
		"a failure is explained": {"^$", "1", start + runA + failA + printed + failed, false, "    a_test.go:1: why\nfrom an init\nFAIL\nFAIL\tp\t0.1s\nFAIL\n"},
		"so is a test that never ended": {"^$", "1", start + runA + logA + failed, false,
			"    a_test.go:1: why\nFAIL\nFAIL\tp\t0.1s\nFAIL\n"},
		"a skip fails its package": {"^$", "0", start + runA + skipA + passed, false,
			"    a_test.go:1: why\nFAIL\tp\t0.1s\nFAIL: tests were skipped\n"},
		"unless it is allowed": {"no AVX|why", "0", start + runA + skipA + passed, true, "    a_test.go:1: why\nok  \tp\t0.1s\n"},
		"not for what was said before": {"earlier", "0", start + runA +
			`{"Action":"output","Package":"p","Test":"TestA","Output":"    a_test.go:1: earlier\n"}` + "\n" + skipA + passed, false,
			"    a_test.go:1: earlier\n    a_test.go:1: why\nFAIL\tp\t0.1s\nFAIL: tests were skipped\n"},
		"nor without a reason": {"^$|SKIP", "0", start + runA +
			`{"Action":"output","Package":"p","Test":"TestA","Output":"--- SKIP: TestA (0.00s)\n"}` + "\n" +
			`{"Action":"skip","Package":"p","Test":"TestA"}` + "\n" + passed, false,
			"--- SKIP: TestA (0.00s)\nFAIL\tp\t0.1s\nFAIL: tests were skipped\n"},
		"a build that failed": {"^$", "1", built + start + failed, false, "a.go:1:1: undefined\nFAIL\nFAIL\tp\t0.1s\nFAIL\n"},
		"what is no event":    {"^$", "0", "go: downloading\n" + start + passed, true, "go: downloading\nok  \tp\t0.1s\n"},
	} {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			ok, err := run(regexp.MustCompile(c.allow), goTest(t, c.code, c.events), &out)
			if err != nil || ok != c.ok || out.String() != c.printed {
				t.Errorf("%v, %v, printed %q", ok, err, out.String())
			}
		})
	}
}

func TestOnlyGoTestIsRun(t *testing.T) {
	for _, command := range [][]string{nil, {"go"}, {"go", "vet"}, {"/nowhere/go", "test"}} {
		if ok, err := run(regexp.MustCompile("^$"), command, &strings.Builder{}); ok || err == nil {
			t.Errorf("%v was run", command)
		}
	}
}
