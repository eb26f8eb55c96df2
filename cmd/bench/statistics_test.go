package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestMedian(t *testing.T) {
	for _, test := range []struct {
		values []float64
		want   float64
	}{
		{[]float64{7}, 7},
		{[]float64{9, 1, 5}, 5},
		{[]float64{4, 1, 100, 2}, 3},
	} {
		before := append([]float64(nil), test.values...)
		require.InDelta(t, test.want, median(test.values), 1e-9, "%v", test.values)
		require.Equal(t, before, test.values, "the order of the rounds is kept")
	}
	require.Equal(t, 15*time.Millisecond, median([]time.Duration{20 * time.Millisecond, 10 * time.Millisecond}))
}

// roundsOf have these processor times, in microseconds.
func roundsOf(perRequest ...int) []measured {
	rounds := make([]measured, len(perRequest))
	for i, us := range perRequest {
		rounds[i].perRequest = time.Duration(us) * time.Microsecond
	}
	return rounds
}

func TestTheCheapestPlainProxyIsThatOfTheRun(t *testing.T) {
	nginx := result{Contestant{Name: "nginx", Plain: true}, roundsOf(30, 24, 25)}
	haproxy := result{Contestant{Name: "HAProxy", Plain: true}, roundsOf(10, 90, 11)} // dearer on average
	checking := result{Contestant{Name: "checking"}, roundsOf(5, 5, 5)}
	cheapest, found := cheapestPlain([]result{checking, nginx, haproxy})
	require.True(t, found)
	require.Equal(t, "HAProxy", cheapest.Name, "by the median, and not by who comes first")

	cheapest, found = cheapestPlain([]result{haproxy, {nginx.Contestant, roundsOf(9)}})
	require.True(t, found)
	require.Equal(t, "nginx", cheapest.Name)

	_, found = cheapestPlain([]result{checking})
	require.False(t, found)
}

func TestRatiosAreThoseWithinARound(t *testing.T) {
	// The machine was three times as slow in the second round, for both.
	got := ratios(roundsOf(20, 60, 22), roundsOf(10, 30, 10))
	require.InDelta(t, 2.0, got.median, 1e-9)
	require.InDelta(t, 2.0, got.min, 1e-9)
	require.InDelta(t, 2.2, got.max, 1e-9)
}
