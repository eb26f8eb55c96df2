package registry_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/registry"
)

// A process remembers budgets between two payments. What another one does meanwhile holds all the same.
func TestABudgetThatIsRememberedIsNotBelieved(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db database) {
		if !db.shared {
			return
		}
		c, url := newClock(), db.url(t)
		c.Set(time.Date(2031, 1, 31, 12, 0, 0, 0, time.UTC))
		one := newWorld(t, open(t, url, registry.WithNow(c.Now)), c)
		other := &world{Registry: connect(t, url, registry.WithNow(c.Now)), Clock: c, t: t, ctx: t.Context()}

		one.allowSpending(100, registry.NoLimit, "month")
		require.NoError(t, one.reserve("s1", 60))
		other.allowSpending(50, registry.NoLimit, "month")
		requireExceeded(t, one.reserve("s2", 1), 0)
		other.allowSpending(100, 10, "month")
		requireExceeded(t, one.reserve("s2", 11), 40)
		require.NoError(t, one.reserve("s2", 10))
		other.settle("s1", registry.Voided, 0)
		other.allowSpending(100, registry.NoLimit, "month")
		require.NoError(t, one.reserve("s3", 90))

		c.Advance(24 * time.Hour)
		require.NoError(t, other.reserve("february", 100))
		requireExceeded(t, one.reserve("more", 1), 0)
		other.settle("february", registry.Voided, 0)
		other.allowSpending(100, registry.NoLimit, "day")
		require.NoError(t, one.reserve("first", 100))
		c.Advance(24 * time.Hour)
		require.NoError(t, one.reserve("second", 99))
		other.allowSpending(200, registry.NoLimit, "none")
		requireExceeded(t, one.reserve("third", 1), 0)
		one.requireSpent(0, 10+90+100+99)
	})
}
