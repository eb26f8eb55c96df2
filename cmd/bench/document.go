package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
)

// What is between these lines of docs/benchmarks.md is written by the bench; the rest is written by people.
var (
	documentBegin = []byte("<!-- written by cmd/bench -->\n")
	grantsBegin   = []byte("<!-- the grants, written by cmd/bench -->\n")
	documentEnd   = []byte("<!-- end of what cmd/bench wrote -->\n")
)

// writeDocument puts what was measured into benchmarks.md of the folder, and draws benchmarks.svg beside it.
func writeDocument(folder string, r *report) error {
	file := filepath.Join(folder, "benchmarks.md")
	document, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	for _, part := range []struct {
		begin []byte
		text  string
	}{{documentBegin, r.ofContestants()}, {grantsBegin, r.ofGrants()}} {
		if part.text == "" {
			continue
		}
		if document, err = replaceBetween(document, part.begin, documentEnd, []byte("\n"+part.text+"\n")); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	}
	if err := os.WriteFile(file, document, 0o644); err != nil || len(r.results) == 0 {
		return err
	}
	title := "Processor time per request, in µs and compared with " + r.results[0].Name + "; shorter is better"
	return os.WriteFile(filepath.Join(folder, "benchmarks.svg"), []byte(chart(title, r.results)), 0o644)
}

func replaceBetween(document, begin, end, text []byte) ([]byte, error) {
	before, rest, found := bytes.Cut(document, begin)
	_, after, foundEnd := bytes.Cut(rest, end)
	if !found || !foundEnd {
		return nil, fmt.Errorf("there is no place for the figures between %q and %q", bytes.TrimSpace(begin), bytes.TrimSpace(end))
	}
	return bytes.Join([][]byte{before, begin, text, end, after}, nil), nil
}
