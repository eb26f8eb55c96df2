package main

import (
	"cmp"
	"slices"
	"time"
)

// measured is what one round found out about one contestant.
type measured struct {
	perRequest time.Duration // processor time
	rate       float64       // answers per second
	p50, p99   time.Duration // of the answers
	p999       time.Duration
	saturation float64 // how much of the core the contestant used
	others     float64 // how much of the core others used
}

// result is what all rounds found out about a contestant.
type result struct {
	Contestant
	rounds []measured
}

// median of an even number of values is the mean of the middle two. There is at least one value.
func median[T ~int64 | ~float64](values []T) T {
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return sorted[middle-1] + (sorted[middle]-sorted[middle-1])/2
}

// cheapestPlain is the plain proxy that used the least processor time per request in this run.
func cheapestPlain(results []result) (cheapest result, found bool) {
	for _, r := range results {
		if r.Plain && (!found || r.perRequest().median < cheapest.perRequest().median) {
			cheapest, found = r, true
		}
	}
	return cheapest, found
}

// perRequest is the processor time of a request, in microseconds.
func (r result) perRequest() spread {
	return spreadOf(each(r.rounds, func(m measured) float64 { return micros(m.perRequest) }))
}

// spread is the middle of some rounds and how far they lie apart.
type spread struct{ median, min, max float64 }

func spreadOf(values []float64) spread {
	return spread{median(values), slices.Min(values), slices.Max(values)}
}

// each takes one figure of every round.
func each[T cmp.Ordered](rounds []measured, figure func(measured) T) []T {
	values := make([]T, len(rounds))
	for i, m := range rounds {
		values[i] = figure(m)
	}
	return values
}

// ratios compares the processor time of two contestants, round by round.
func ratios(of, to []measured) spread {
	return compared(of, to, func(a, b time.Duration) float64 { return float64(a) / float64(b) })
}

// differences is how much more of it the first one takes, in microseconds.
func differences(of, to []measured) spread {
	return compared(of, to, func(a, b time.Duration) float64 { return micros(a - b) })
}

func compared(of, to []measured, how func(a, b time.Duration) float64) spread {
	values := make([]float64, min(len(of), len(to)))
	for i := range values {
		values[i] = how(of[i].perRequest, to[i].perRequest)
	}
	return spreadOf(values)
}
