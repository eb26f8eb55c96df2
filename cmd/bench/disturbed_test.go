package main

import (
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
)

// inTurn measures as if others used these shares of the core, one after another.
func inTurn(others ...float64) func() (measured, error) {
	return func() (measured, error) {
		m := measured{others: others[0]}
		others = others[1:]
		return m, nil
	}
}

func TestARoundInWhichOthersUsedMoreThanATenthIsRepeated(t *testing.T) {
	var thrownAway []float64
	again := func(m measured) { thrownAway = append(thrownAway, m.others) }
	m, err := undisturbed(3, inTurn(0.5, 0.101, 0.1, 0), again)
	require.NoError(t, err)
	require.InDelta(t, 0.1, m.others, 1e-9, "a tenth is not more than a tenth")
	require.Equal(t, []float64{0.5, 0.101}, thrownAway)
}

func TestAMachineThatIsAlwaysBusyFailsTheRun(t *testing.T) {
	repeated := 0
	m, err := undisturbed(2, inTurn(0.9, 0.8, 0.7, 0), func(measured) { repeated++ })
	require.ErrorIs(t, err, errTooBusy)
	require.ErrorContains(t, err, "others used 70 %")
	require.Zero(t, m, "what was disturbed is not reported")
	require.Equal(t, 2, repeated)

	_, err = undisturbed(0, inTurn(0.11, 0), func(measured) { repeated++ })
	require.ErrorIs(t, err, errTooBusy)
	require.Equal(t, 2, repeated)
}

func TestARoundThatFailsIsNotRepeated(t *testing.T) {
	calls := 0
	_, err := undisturbed(3, func() (measured, error) {
		calls++
		return measured{others: 0.5}, io.ErrUnexpectedEOF
	}, func(measured) {})
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.False(t, errors.Is(err, errTooBusy))
	require.Equal(t, 1, calls)
}
