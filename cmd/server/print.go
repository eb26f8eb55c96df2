package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/spf13/cobra"
)

// output is the flag --json and what it decides.
type output struct{ json bool }

func (o *output) flag(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&o.json, "json", false, "print JSON, for programs")
}

// print writes the value as JSON, or else the table for people.
func (o *output) print(cmd *cobra.Command, value any, table func(*table)) error {
	if o.json {
		encoder := json.NewEncoder(cmd.OutOrStdout())
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "  ")
		return encoder.Encode(value)
	}
	t := newTable(cmd.OutOrStdout())
	table(t)
	return t.writer.Flush()
}

// table aligns columns.
type table struct{ writer *tabwriter.Writer }

func newTable(to io.Writer) *table {
	return &table{tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)}
}

// row adds one line. What others chose is made harmless: it cannot move the cursor or break the table.
func (t *table) row(cells ...string) {
	for i, cell := range cells {
		cells[i] = strings.Map(visible, cell)
	}
	fmt.Fprintln(t.writer, strings.TrimRight(strings.Join(cells, "\t"), "\t")) // Flush reports its error
}

func visible(r rune) rune {
	if unicode.IsPrint(r) {
		return r
	}
	return unicode.ReplacementChar
}

// when is a time as people read it and programs sort it.
func when(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
