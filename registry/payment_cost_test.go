package registry_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/registry"
	"gatehouse/registry/registrytest"
)

// TestStatementsOfAPayment: a payment waits for one statement to be held and for one to be settled. Each is a transaction of its own.
func TestStatementsOfAPayment(t *testing.T) {
	t.Parallel()
	r := connect(t, registrytest.PostgresDatabase(t), registry.WithPoolSize(1))
	require.NoError(t, r.Migrate(t.Context()))
	w := newWorld(t, r, registrytest.NewClock(time.Now()))
	w.allowSpending(100, registry.NoLimit, "month")
	require.NoError(t, w.reserve("first", 1))

	counting := transactions(t, r)
	counting = transactions(t, r) - counting
	// The database cleans up by itself now and then, which counts, too.
	least := func(step func(n int)) int64 {
		fewest := int64(1000)
		for n := range 5 {
			before := transactions(t, r)
			step(n)
			fewest = min(fewest, transactions(t, r)-before-counting)
		}
		return fewest
	}
	require.EqualValues(t, 1, least(func(n int) { require.NoError(t, w.reserve(fmt.Sprint("s", n), 10)) }))
	require.EqualValues(t, 1, least(func(n int) { w.settle(fmt.Sprint("s", n), registry.Posted, 9) }))
	require.EqualValues(t, 3, least(func(int) { requireExceeded(t, w.reserve("much", 100), 54) }))
	w.requireSpent(45, 1)
}

// transactions are those that the database has seen.
func transactions(t *testing.T, r *registry.Registry) (n int64) {
	t.Helper()
	_, err := r.DB().ExecContext(t.Context(), "SELECT pg_stat_force_next_flush()")
	require.NoError(t, err)
	err = r.DB().NewRaw("SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()").Scan(t.Context(), &n)
	require.NoError(t, err)
	return n
}
