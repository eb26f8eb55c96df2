package registry_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/registry"
	"gatehouse/registry/registrytest"
)

// A payment waits for these statements, and no more.
func TestStatementsOfAPayment(t *testing.T) {
	t.Parallel()
	statements := &statements{}
	r := open(t, registrytest.Postgres(t))
	w := newWorld(t, r.WithQueryHook(statements), registrytest.NewClock(time.Now()))
	w.allowSpending(100, registry.NoLimit, "month")
	begun := func() (first []string) {
		for _, text := range statements.texts {
			first = append(first, strings.Fields(text)[0])
		}
		statements.texts = nil
		return first
	}
	begun()
	require.NoError(t, w.reserve("s1", 60))
	require.Equal(t, []string{"SELECT", "WITH"}, begun(), "the first of a budget")
	require.NoError(t, w.reserve("s2", 1))
	require.Equal(t, []string{"WITH"}, begun())
	requireExceeded(t, w.reserve("s3", 100), 39)
	require.Equal(t, []string{"WITH", "SELECT", "SELECT"}, begun())
	w.settle("s1", registry.Posted, 55)
	require.Equal(t, []string{"WITH"}, begun())
	w.requireSpent(55, 1)
}
