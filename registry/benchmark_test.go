package registry_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/registry"
	"gatehouse/registry/registrytest"
)

// BenchmarkSpend measures what a payment costs the database: one that reserves and settles after another, as many at a time as
// a pool has connections, of one user or of many.
func BenchmarkSpend(b *testing.B) {
	for _, test := range []struct {
		name      string
		atOnce    int
		budgets   int
		settleToo bool
	}{
		{"reserve, one at a time", 1, 1000, false},
		{"reserve", 10, 1000, false},
		{"reserve, of one user", 10, 1, false},
		{"reserve and settle, one at a time", 1, 1000, true},
		{"reserve and settle", 10, 1000, true},
	} {
		b.Run(test.name, func(b *testing.B) {
			r, err := registry.Open(b.Context(), registrytest.Postgres(b), registry.WithTimeout(time.Minute))
			require.NoError(b, err)
			b.Cleanup(func() { require.NoError(b, r.Close()) })
			require.NoError(b, r.Migrate(b.Context()))
			key := func(n int) registry.BudgetKey {
				return registry.BudgetKey{Subject: fmt.Sprint("user ", n), ClientID: "app", Unit: "sat"}
			}
			for n := range test.budgets {
				_, err := r.EnsureBudget(b.Context(), registry.Budget{BudgetKey: key(n), Most: registry.MaxAmount, MostAtOnce: registry.NoLimit, Period: "month"}, windows)
				require.NoError(b, err)
			}
			var number atomic.Int64
			pay := func(n int64) error {
				k, id := key(rand.IntN(test.budgets)), fmt.Sprint("spend ", n)
				_, _, err := r.Reserve(b.Context(), registry.Spend{
					ID: id, Subject: k.Subject, ClientID: k.ClientID, Unit: k.Unit, Once: "hash of " + id, Route: "POST /payments/bolt11",
					Lookup: "hash", Amount: 1, InquireAt: time.Now().Add(time.Minute),
				}, windows)
				if err == nil && test.settleToo {
					_, err = r.Settle(b.Context(), id, registry.Outcome{State: registry.Posted, Cost: 1})
				}
				return err
			}
			b.ResetTimer()
			began := time.Now()
			var all sync.WaitGroup
			for range test.atOnce {
				all.Go(func() {
					for n := number.Add(1); n <= int64(b.N); n = number.Add(1) {
						if err := pay(n); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			all.Wait()
			b.ReportMetric(float64(b.N)/time.Since(began).Seconds(), "payments/s")
		})
	}
}
