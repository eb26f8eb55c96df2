package budget_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/authz/budget"
	"gatehouse/registry"
	"gatehouse/registry/registrytest"
)

var (
	noon = time.Date(2031, 3, 10, 12, 0, 0, 0, time.UTC)
	ann  = registry.BudgetKey{Subject: "ann", ClientID: "app", Unit: "sat"}
)

// newLedger is a ledger over a database of its own, with a clock that stands still.
func newLedger(t *testing.T, options ...registry.Option) (*budget.Ledger, *registrytest.Clock) {
	t.Helper()
	clock := registrytest.NewClock(noon)
	return openLedger(t, registrytest.Memory, clock, options...), clock
}

func openLedger(t *testing.T, url string, clock *registrytest.Clock, options ...registry.Option) *budget.Ledger {
	t.Helper()
	db, err := registry.Open(t.Context(), url, append(options, registry.WithNow(clock.Now))...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	require.NoError(t, db.Migrate(t.Context()))
	return &budget.Ledger{Registry: db, Default: budget.Unlimited, Now: clock.Now}
}

func allow(t *testing.T, l *budget.Ledger, most int64, period budget.Period) registry.Budget {
	t.Helper()
	b, err := l.Set(t.Context(), ann, budget.Limit{Most: most, Period: period, MostAtOnce: budget.NoLimit})
	require.NoError(t, err)
	return b
}

func spend(id string, amount int64) registry.Spend {
	return registry.Spend{
		ID: id, Subject: ann.Subject, ClientID: ann.ClientID, Unit: ann.Unit, Once: "hash-" + id, Route: "POST /pay", Lookup: "look-" + id,
		Amount: amount, InquireAt: noon.Add(time.Minute),
	}
}

func reserve(t *testing.T, l *budget.Ledger, id string, amount int64) error {
	t.Helper()
	_, _, err := l.Reserve(t.Context(), spend(id, amount))
	return err
}

func requireState(t *testing.T, l *budget.Ledger, id, state string, cost int64) registry.Spend {
	t.Helper()
	s, err := l.Registry.Spend(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, state, s.State)
	require.Equal(t, cost, s.Cost)
	return s
}
