package registry

import "sync"

// rememberedBudgets are as they were when something was reserved last, so that the next payment need not read one first. What has
// changed since is found by the statement that reserves. It is safe for concurrent use.
type rememberedBudgets struct {
	mu sync.Mutex
	of map[BudgetKey]Budget
}

// mostRemembered are some 3 MB.
const mostRemembered = 10_000

func (m *rememberedBudgets) get(key BudgetKey) (b Budget, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	b, ok = m.of[key]
	return b, ok
}

func (m *rememberedBudgets) put(b Budget) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.of == nil {
		m.of = make(map[BudgetKey]Budget)
	}
	for key := range m.of {
		if len(m.of) < mostRemembered {
			break
		}
		delete(m.of, key) // any one of them
	}
	m.of[b.BudgetKey] = b
}
