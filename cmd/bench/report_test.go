package main

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func exampleResults() []result {
	return []result{
		{Contestant{Name: "nginx", Group: "nginx", About: "plain"}, roundsOf(10, 12, 11)},
		{Contestant{Name: `<b> & "co"`, Group: "others", AtMost: []Goal{{1.25, "nginx"}, {2, "who was left out"}}}, roundsOf(13, 14, 13)},
		{Contestant{Name: "slow", Group: "others", AtMost: []Goal{{1.25, "nginx"}}}, roundsOf(130, 141, 132)},
	}
}

func TestReport(t *testing.T) {
	r := report{machine: []string{"A machine."}, results: exampleResults()}
	lines := strings.Split(r.String(), "\n")
	require.Contains(t, lines[0], "A machine.")
	require.Regexp(t, `^\| nginx +\| +11\.0 \(10\.0–12\.0\) \| +1\.00 \|.* plain +\|$`, lines[4])
	require.Regexp(t, `^\| slow +\| +132\.0 \(130\.0–141\.0\) \| +12\.00 \(11\.75–13\.00\) \|`, lines[6])

	goals := r.goals().String()
	require.Equal(t, 4, strings.Count(goals, "\n"), "head, rule and the two goals that can be compared:\n%s", goals)
	require.Regexp(t, `1\.25 × nginx \| +1\.18 \(1\.17–1\.30\) \| reached`, goals)
	require.Regexp(t, `1\.25 × nginx \| +12\.00 \(11\.75–13\.00\) \| \*\*not reached\*\*`, goals)
}

func TestReportComparesWithTheCheapestPlainProxyToo(t *testing.T) {
	r := report{results: []result{
		{Contestant{Name: "nginx", Plain: true}, roundsOf(20, 24, 22)},
		{Contestant{Name: "HAProxy", Plain: true}, roundsOf(10, 12, 11)},
		{Contestant{Name: "Gatehouse"}, roundsOf(15, 24, 22)},
	}}
	costs := r.costs()
	require.Equal(t, []string{"× nginx", "× cheapest plain (HAProxy)", "requests/s"}, costs[0][2:5])
	require.Equal(t, []string{"1.00", "2.00"}, costs[1][2:4])
	require.Equal(t, []string{"0.50", "1.00"}, costs[2][2:4])
	require.Equal(t, []string{"1.00 (0.75–1.00)", "2.00 (1.50–2.00)"}, costs[3][2:4])

	r.results = r.results[2:]
	for _, line := range r.costs() {
		require.Len(t, line, len(costs[0])-1, "without a plain proxy there is no such column")
	}
}

func TestReportComparesThoseWithoutAGoal(t *testing.T) {
	r := report{results: exampleResults()}
	require.Nil(t, r.comparisons())
	r.results[1].Beside = []string{"slow", "who was left out"}
	require.Equal(t, table{
		{"beside each other", "with", "×", "CPU µs more"}, {`<b> & "co"`, "slow", "0.10 (0.10–0.10)", "-119.0 (-127.0–-117.0)"},
	}, r.comparisons())
	require.Contains(t, r.String(), "| beside each other")
}

func TestReportOfGrants(t *testing.T) {
	cheap := grantResult{grant{name: "cheap", most: 11 * time.Microsecond}, "", roundsOf(10, 12, 11)}
	dear := grantResult{grant{name: "dear", most: 1999 * time.Microsecond}, "", roundsOf(2000)}
	free := grantResult{grant{name: "without a goal"}, "", roundsOf(3000)}
	r := report{grantsMachine: []string{"A machine."}, grants: []grantResult{cheap, dear, free}}
	text := r.String()
	require.True(t, strings.HasPrefix(text, "- A machine.\n\n| grant "), text)
	require.Regexp(t, `\n\| dear +\| +2\.00 \|`, text)
	require.Regexp(t, `\n\| without a goal +\| +3\.00 \|`, text)
	require.NotContains(t, text, "CPU of a token: without a goal")
	require.Regexp(t, `\n\| CPU of a token: cheap +\| +0\.01 ms \| +0\.01 \(0\.01–0\.01\) ms \| reached`, text)
	require.Regexp(t, `\n\| CPU of a token: dear +\| +2\.00 ms \| +2\.00 ms \| \*\*not reached\*\*`, text)
}

func TestMemoryGoalHoldsTheMostThatWasEverUsed(t *testing.T) {
	use := memoryUse{cached: memory{now: memoryGoal - 1, peak: memoryGoal}}
	require.Equal(t, "reached", use.goal()[3])
	use.cached.peak++
	require.Contains(t, use.goal()[3], "not")
}

func TestThousands(t *testing.T) {
	for value, want := range map[float64]string{0: "0", 999.6: "1,000", 48123.2: "48,123", 1234567: "1,234,567"} {
		require.Equal(t, want, thousands(value))
	}
}

func TestChartIsWellFormedAndHasABarForEachContestant(t *testing.T) {
	drawn := chart("A & B", exampleResults())
	bars, texts := 0, map[string]bool{}
	decoder := xml.NewDecoder(strings.NewReader(drawn))
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		switch token := token.(type) {
		case xml.StartElement:
			for _, attribute := range token.Attr {
				require.NotContains(t, attribute.Value, "NaN")
				if attribute.Name.Local == "rx" && attribute.Value == "2" {
					bars++
				}
			}
		case xml.CharData:
			texts[string(token)] = true
		}
	}
	require.Equal(t, 3, bars)
	require.Contains(t, texts, `<b> & "co"`)
	require.Contains(t, texts, "132.0 µs · 12.00 ×")
	require.Contains(t, drawn, "prefers-color-scheme: dark")
}

func TestScaleHasRoundValues(t *testing.T) {
	for value, want := range map[float64]float64{0.3: 1, 1: 1, 1.2: 2, 4.9: 5, 26.4: 50, 101: 200} {
		require.InDelta(t, want, roundStep(value), 1e-9)
	}
}

func TestDocumentKeepsWhatPeopleWrote(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "benchmarks.md")
	require.NoError(t, os.WriteFile(file, []byte("before\n"+string(documentBegin)+"old\n"+string(documentEnd)+"after\n"), 0o600))
	require.NoError(t, writeDocument(dir, &report{results: exampleResults()}))
	document, err := os.ReadFile(file)
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(string(document), "before\n"))
	require.True(t, strings.HasSuffix(string(document), "after\n"))
	require.Contains(t, string(document), "| nginx")
	require.NotContains(t, string(document), "old")
	require.FileExists(t, filepath.Join(dir, "benchmarks.svg"))

	require.NoError(t, os.WriteFile(file, append(document, append([]byte("grants\n"), append(grantsBegin, documentEnd...)...)...), 0o600))
	grants := []grantResult{{grant{name: "a grant"}, "", roundsOf(1)}}
	require.NoError(t, writeDocument(dir, &report{grants: grants}))
	document, err = os.ReadFile(file)
	require.NoError(t, err)
	require.Contains(t, string(document), "| nginx", "who was not measured keeps what was measured before")
	require.Greater(t, strings.Index(string(document), "| a grant"), strings.Index(string(document), "grants\n"))

	require.NoError(t, os.WriteFile(file, []byte("no place"), 0o600))
	require.ErrorContains(t, writeDocument(dir, &report{results: exampleResults()}), "no place for the figures")
}
