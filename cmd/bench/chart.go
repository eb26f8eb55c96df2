package main

import (
	"encoding/xml"
	"fmt"
	"slices"
	"strings"
	"time"
)

// The chart's measures, in pixels.
const (
	chartWidth  = 860
	nameWidth   = 240
	valueWidth  = 150
	barHeight   = 18
	barDistance = 28
	chartTop    = 64
	chartBottom = 24
)

// chartColours are those of the groups, in the order in which they come. All can be read on the light and on the dark
// background.
var chartColours = []string{"#3b82c4", "#8a8f98", "#d9822b", "#2f9e6e", "#a065c4", "#c25560"}

// chart draws the processor time of each contestant as a bar, and how far the rounds lie apart as a line across its end.
func chart(title string, results []result) string {
	spreads := make([]spread, len(results))
	longest := 0.0
	var groups []string
	for i, r := range results {
		spreads[i] = r.perRequest()
		longest = max(longest, spreads[i].max)
		if !slices.Contains(groups, r.Group) {
			groups = append(groups, r.Group)
		}
	}
	height := chartTop + len(results)*barDistance + chartBottom
	var out strings.Builder
	fmt.Fprintf(&out, chartHead, chartWidth, height, chartWidth, height, escape(title), chartWidth, height, nameWidth, escape(title))
	drawScale(&out, longest, chartTop+len(results)*barDistance)
	for i, r := range results {
		y := chartTop + i*barDistance
		colour := chartColours[slices.Index(groups, r.Group)%len(chartColours)]
		fmt.Fprintf(&out, `<text class="name" x="%d" y="%d">%s</text>`+"\n", nameWidth-10, y+14, escape(r.Name))
		fmt.Fprintf(&out, `<rect x="%d" y="%d" width="%.1f" height="%d" rx="2" fill="%s"/>`+"\n",
			nameWidth, y, length(spreads[i].median, longest), barHeight, colour)
		fmt.Fprintf(&out, `<path class="spread" d="M%.1f %dH%.1f"/>`+"\n",
			nameWidth+length(spreads[i].min, longest), y+barHeight/2, nameWidth+length(spreads[i].max, longest))
		fmt.Fprintf(&out, `<text x="%.1f" y="%d">%.1f µs · %.2f ×</text>`+"\n",
			nameWidth+length(spreads[i].max, longest)+8, y+14, spreads[i].median, ratios(r.rounds, results[0].rounds).median)
	}
	out.WriteString("</svg>\n")
	return out.String()
}

const chartHead = `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" role="img">
<title>%s</title>
<style>
svg { --paper: #ffffff; --ink: #1f2328; --faint: #d0d7de }
@media (prefers-color-scheme: dark) { svg { --paper: #0d1117; --ink: #e6edf3; --faint: #3d444d } }
.paper { fill: var(--paper) }
text { font: 13px system-ui, sans-serif; fill: var(--ink); stroke: var(--paper); stroke-width: 3px; paint-order: stroke }
.title { font-weight: 600; font-size: 15px }
.name { text-anchor: end }
.scale { text-anchor: middle; font-size: 11px }
.line { stroke: var(--faint); fill: none }
.spread { stroke: var(--ink); stroke-width: 2; fill: none }
</style>
<rect class="paper" width="%d" height="%d" rx="6"/>
<text class="title" x="%d" y="26">%s</text>
`

// drawScale draws lines at round values, at most eight of them.
func drawScale(out *strings.Builder, longest float64, bottom int) {
	step := roundStep(longest / 8)
	for value := 0.0; value <= longest; value += step {
		x := nameWidth + length(value, longest)
		fmt.Fprintf(out, `<path class="line" d="M%.1f %dV%d"/>`+"\n", x, chartTop-8, bottom)
		fmt.Fprintf(out, `<text class="scale" x="%.1f" y="%d">%g</text>`+"\n", x, chartTop-14, value)
	}
}

// roundStep is the least of 1, 2, 5, 10, 20, 50 … that is not below value.
func roundStep(value float64) float64 {
	for size := 1.0; ; size *= 10 {
		for _, step := range []float64{1, 2, 5} {
			if step*size >= value {
				return step * size
			}
		}
	}
}

func length(value, longest float64) float64 {
	return value / longest * (chartWidth - nameWidth - valueWidth)
}

func escape(text string) string {
	var out strings.Builder
	_ = xml.EscapeText(&out, []byte(text)) // a strings.Builder takes everything
	return out.String()
}

// micros is a duration in microseconds.
func micros(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 }
