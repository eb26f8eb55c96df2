package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// report is what one run found out, as Markdown that can also be read on a terminal.
type report struct {
	machine []string // lines
	results []result
	memory  *memoryUse // nil when it was not measured

	grants        []grantResult // none when they were not measured
	grantsMachine []string
}

func (r *report) String() string { return r.ofContestants() + r.ofGrants() }

// ofContestants is empty when none was measured.
func (r *report) ofContestants() string {
	if len(r.results) == 0 {
		return ""
	}
	return section(r.machine, r.costs(), r.comparisons(), r.goals())
}

// ofGrants is empty when they were not measured.
func (r *report) ofGrants() string {
	if len(r.grants) == 0 {
		return ""
	}
	goals := table{goalsHead}
	for _, g := range r.grants {
		if g.most > 0 {
			goals = append(goals, g.goal())
		}
	}
	return section(r.grantsMachine, grantCosts(r.grants), grantComparisons(r.grants), goals)
}

// section leaves out tables without lines.
func section(machine []string, tables ...table) string {
	var out strings.Builder
	for _, line := range machine {
		fmt.Fprintf(&out, "- %s\n", line)
	}
	for _, t := range tables {
		if len(t) > 0 {
			fmt.Fprintf(&out, "\n%s", t)
		}
	}
	return out.String()
}

var goalsHead = []string{"goal", "at most", "measured", ""}

// costs has a line for each contestant.
func (r *report) costs() table {
	first := r.results[0]
	plain, hasPlain := cheapestPlain(r.results)
	head := []string{"", "CPU µs/request", "× " + first.Name}
	if hasPlain {
		head = append(head, "× cheapest plain ("+plain.Name+")")
	}
	t := table{append(head, "requests/s", "p50", "p99", "p99.9", "core used", "by others", "")}
	for _, c := range r.results {
		of := func(figure func(measured) float64) float64 { return median(each(c.rounds, figure)) }
		line := []string{c.Name, c.perRequest().text("%.1f"), ratios(c.rounds, first.rounds).text("%.2f")}
		if hasPlain {
			line = append(line, ratios(c.rounds, plain.rounds).text("%.2f"))
		}
		t = append(t, append(line,
			thousands(of(func(m measured) float64 { return m.rate })),
			latency(median(each(c.rounds, func(m measured) time.Duration { return m.p50 }))),
			latency(median(each(c.rounds, func(m measured) time.Duration { return m.p99 }))),
			latency(median(each(c.rounds, func(m measured) time.Duration { return m.p999 }))),
			fmt.Sprintf("%.0f %%", 100*of(func(m measured) float64 { return m.saturation })),
			fmt.Sprintf("%.0f %%", 100*of(func(m measured) float64 { return m.others })),
			c.About,
		))
	}
	return t
}

// comparisons has a line for each two that are compared without a goal.
func (r *report) comparisons() table {
	t := table{{"beside each other", "with", "×", "CPU µs more"}}
	for _, c := range r.results {
		for _, name := range c.Beside {
			if other, ok := r.named(name); ok {
				t = append(t, []string{
					c.Name, name, ratios(c.rounds, other.rounds).text("%.2f"), differences(c.rounds, other.rounds).text("%.1f"),
				})
			}
		}
	}
	if len(t) == 1 {
		return nil
	}
	return t
}

func (r *report) named(name string) (result, bool) {
	at := slices.IndexFunc(r.results, func(of result) bool { return of.Name == name })
	if at < 0 {
		return result{}, false
	}
	return r.results[at], true
}

// goals has a line for each goal that could be compared.
func (r *report) goals() table {
	t := table{goalsHead}
	for _, c := range r.results {
		for _, goal := range c.AtMost {
			if other, ok := r.named(goal.Of); ok {
				got := ratios(c.rounds, other.rounds)
				t = append(t, []string{
					fmt.Sprintf("CPU of %s", c.Name), fmt.Sprintf("%.2f × %s", goal.Times, goal.Of),
					got.text("%.2f"), verdict(got.median <= goal.Times),
				})
			}
		}
	}
	if r.memory != nil {
		t = append(t, r.memory.goal())
	}
	if len(t) == 1 {
		return nil
	}
	return t
}

func verdict(reached bool) string {
	if reached {
		return "reached"
	}
	return "**not reached**"
}

// text shows the median, and the least and the most of several rounds.
func (s spread) text(format string) string {
	if s.min == s.max {
		return fmt.Sprintf(format, s.median)
	}
	return fmt.Sprintf(format+" ("+format+"–"+format+")", s.median, s.min, s.max)
}

// thousands groups the digits of a whole number.
func thousands(value float64) string {
	digits := fmt.Sprintf("%.0f", value)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

func latency(d time.Duration) string { return fmt.Sprintf("%.2f ms", d.Seconds()*1000) }

// table is lines of cells, the first line being the head. The first column is aligned to the left, and so is a last one
// without a head.
type table [][]string

func (t table) String() string {
	if len(t) == 0 {
		return ""
	}
	widths := make([]int, len(t[0]))
	for _, line := range t {
		for i, cell := range line {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	var out strings.Builder
	for n, line := range t {
		for i, cell := range line {
			padding := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if t.isLeft(i) {
				cell += padding
			} else {
				cell = padding + cell
			}
			out.WriteString("| " + cell + " ")
		}
		out.WriteString("|\n")
		if n > 0 {
			continue
		}
		for i, width := range widths {
			rule := strings.Repeat("-", width+1)
			if t.isLeft(i) {
				out.WriteString("|" + rule + "-")
			} else {
				out.WriteString("|" + rule + ":")
			}
		}
		out.WriteString("|\n")
	}
	return out.String()
}

func (t table) isLeft(column int) bool {
	return column == 0 || column == len(t[0])-1 && t[0][column] == ""
}
