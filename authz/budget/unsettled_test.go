package budget_test

import (
	"bytes"
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/authz/budget"
	"gatehouse/registry"
)

func TestTheLogWarnsOfWhatStaysUnknown(t *testing.T) {
	l, clock := newLedger(t)
	var log bytes.Buffer
	watch := &budget.Watch{Ledger: l, Log: slog.New(slog.NewTextHandler(&log, nil))}
	_, known := watch.Unsettled()
	require.False(t, known)
	require.NoError(t, reserve(t, l, "held", 1))
	require.NoError(t, reserve(t, l, "unknown", 1))
	_, err := l.Settle(t.Context(), "unknown", registry.Outcome{State: registry.Unknown, InquireAt: noon})
	require.NoError(t, err)
	requireWarned := func(after time.Duration, want bool) {
		t.Helper()
		clock.Advance(after)
		log.Reset()
		require.NoError(t, watch.Look(t.Context()))
		require.Equal(t, want, log.Len() > 0, log.String())
	}
	requireWarned(10*time.Minute-time.Second, false)
	requireWarned(time.Second, true)
	require.Contains(t, log.String(), "payments=1 oldest=2031-03-10T12:00:00.000Z")
	requireWarned(10*time.Minute-time.Second, false)
	requireWarned(time.Second, true)
	u, known := watch.Unsettled()
	require.True(t, known)
	require.Equal(t, registry.Unsettled{Held: 1, Unknown: 1, OldestUnknown: noon}, u)
	require.Equal(t, 20*time.Minute, watch.OldestUnknown())

	_, err = l.Settle(t.Context(), "unknown", registry.Outcome{State: registry.Voided})
	require.NoError(t, err)
	requireWarned(time.Hour, false)
	require.Zero(t, watch.OldestUnknown())
}

func TestOldPaymentsArePurgedButForWhatIsUnknown(t *testing.T) {
	l, clock := newLedger(t)
	for _, id := range []string{"posted", "voided", "unknown", "held"} {
		require.NoError(t, reserve(t, l, id, 1))
		if id != "held" {
			_, err := l.Settle(t.Context(), id, registry.Outcome{State: id, InquireAt: noon})
			require.NoError(t, err)
		}
	}
	clock.Advance(400*24*time.Hour + time.Second)
	require.NoError(t, reserve(t, l, "young", 1))
	_, err := l.Settle(t.Context(), "young", registry.Outcome{State: registry.Posted})
	require.NoError(t, err)
	clock.Advance(time.Second)

	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		(&budget.Purger{Ledger: l, Keep: 400 * 24 * time.Hour}).Run(ctx)
	}()
	left := func() (ids []string) {
		all, err := l.Registry.Spends(t.Context(), "ann", "app", registry.Spend{}, 10)
		require.NoError(t, err)
		for _, s := range all {
			ids = append(ids, s.ID)
		}
		return ids
	}
	require.Eventually(t, func() bool { return len(left()) == 3 }, time.Minute, time.Millisecond)
	cancel()
	<-done
	require.ElementsMatch(t, []string{"young", "unknown", "held"}, left())
}
