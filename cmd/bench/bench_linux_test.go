package main

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestADisturbedRoundIsNotAmongTheResults(t *testing.T) {
	b := &bench{settings: settings{rounds: 2, repeats: 1}, contestants: []Contestant{{Name: "a"}, {Name: "b"}}, progress: io.Discard}
	others := map[string][]float64{"a": {0.01, 0.02}, "b": {0.9, 0.03, 0.04}}
	results, err := b.run(t.Context(), func(_ context.Context, c Contestant) (measured, error) {
		m := measured{others: others[c.Name][0]}
		others[c.Name] = others[c.Name][1:]
		return m, nil
	})
	require.NoError(t, err)
	require.Equal(t, []measured{{others: 0.01}, {others: 0.02}}, results[0].rounds)
	require.Equal(t, []measured{{others: 0.03}, {others: 0.04}}, results[1].rounds)
	require.Equal(t, 1, b.repeated)
}

func TestNothingIsReportedOfAMachineThatIsTooBusy(t *testing.T) {
	b := &bench{settings: settings{rounds: 2, repeats: 1}, contestants: []Contestant{{Name: "a"}, {Name: "b"}}, progress: io.Discard}
	results, err := b.run(t.Context(), func(_ context.Context, c Contestant) (measured, error) {
		if c.Name == "a" {
			return measured{}, nil
		}
		return measured{others: 0.2}, nil
	})
	require.ErrorIs(t, err, errTooBusy)
	require.ErrorContains(t, err, "round 1: b:")
	require.Empty(t, results)
}

func TestWhoFailsIsLeftOut(t *testing.T) {
	b := &bench{settings: settings{rounds: 3}, contestants: []Contestant{{Name: "a"}, {Name: "b"}}, progress: io.Discard}
	broken, calls := errors.New("broken"), 0
	results, err := b.run(t.Context(), func(_ context.Context, c Contestant) (measured, error) {
		if c.Name == "a" {
			calls++
			return measured{}, broken
		}
		return measured{}, nil
	})
	require.ErrorIs(t, err, broken)
	require.Len(t, results, 1)
	require.Equal(t, "b", results[0].Name)
	require.Len(t, results[0].rounds, 3)
	require.Equal(t, 1, calls)
}

func TestRoundsAreOverBeforeTheirProofsAreTooOld(t *testing.T) {
	for name, test := range map[string]struct{ only, refused string }{
		"with proofs": {"gatehouse dpop", "20s at most"}, "without": {"gatehouse warm", ""},
	} {
		t.Run(name, func(t *testing.T) {
			for _, longer := range []time.Duration{0, 1} {
				b := &bench{settings: settings{only: []string{test.only}, warmUp: longestProving, duration: longer}, progress: io.Discard}
				err := b.chooseContestants()
				require.NotEmpty(t, b.contestants)
				if longer == 0 || test.refused == "" {
					require.NoError(t, err)
				} else {
					require.ErrorContains(t, err, test.refused)
				}
			}
		})
	}
}
