package gateway_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/gateway"
	"gatehouse/gateway/payment"
)

// scriptedLedger keeps what it is told, and fails as it is told to. Of one unit there is one budget.
type scriptedLedger struct {
	mu       sync.Mutex
	limit    int64 // -1: none
	reserve  func(context.Context, payment.Hold) error
	settle   func(id string, to payment.Outcome) error
	holds    []payment.Hold
	outcomes map[string]payment.Outcome
}

var _ payment.Ledger = (*scriptedLedger)(nil)

func newLedger(limit int64) *scriptedLedger {
	return &scriptedLedger{limit: limit, outcomes: map[string]payment.Outcome{}}
}

func (l *scriptedLedger) Reserve(ctx context.Context, h payment.Hold) error {
	if l.reserve != nil {
		if err := l.reserve(ctx, h); err != nil {
			return err
		}
	}
	return l.keep(h)
}

func (l *scriptedLedger) keep(h payment.Hold) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, before := range l.holds {
		if state := l.outcomes[before.ID].State; h.Once != "" && before.Once == h.Once && state != payment.Voided {
			if state == "" {
				state = "held"
			}
			return &payment.SpentAlreadyError{State: string(state)}
		}
	}
	if left := l.limit - l.counted(); l.limit >= 0 && h.Amount > left {
		return &payment.BudgetExceededError{Unit: h.Unit, Limit: l.limit, Remaining: left, MostAtOnce: -1, RenewsAt: now.Add(time.Hour)}
	}
	l.holds = append(l.holds, h)
	return nil
}

// counted is what counts against the limit.
func (l *scriptedLedger) counted() (sum int64) {
	for _, h := range l.holds {
		switch to := l.outcomes[h.ID]; to.State {
		case payment.Voided:
		case payment.Posted:
			sum += to.Cost
		default:
			sum += h.Amount
		}
	}
	return sum
}

func (l *scriptedLedger) Settle(_ context.Context, id string, to payment.Outcome) error {
	if l.settle != nil {
		if err := l.settle(id, to); err != nil {
			return err
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, h := range l.holds {
		if h.ID == id {
			l.outcomes[id] = to
			return nil
		}
	}
	return payment.ErrNoHold
}

// states are what became of the holds, in their order: "held 1010", "posted 1003".
func (l *scriptedLedger) states() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	states := make([]string, len(l.holds))
	for i, h := range l.holds {
		switch to := l.outcomes[h.ID]; to.State {
		case "":
			states[i] = fmt.Sprintf("held %d", h.Amount)
		case payment.Posted:
			states[i] = fmt.Sprintf("posted %d", to.Cost)
		default:
			states[i] = string(to.State)
		}
	}
	return states
}

func (l *scriptedLedger) hold(t *testing.T, n int) payment.Hold {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	require.Greater(t, len(l.holds), n)
	return l.holds[n]
}

// requireStates waits for what is told in the background.
func (l *scriptedLedger) requireStates(t *testing.T, want ...string) {
	t.Helper()
	require.Eventually(t, func() bool { return fmt.Sprint(l.states()) == fmt.Sprint(want) }, patience, time.Millisecond,
		"want %v", want)
}

var errLedgerAway = errors.New("nobody answers")

// invoice is BOLT 11's example of 2,500 µBTC, which is 250,000 sat: see internal/spend. It expires at 1496314658 + 60 s.
const (
	invoice = "lnbc2500u1pvjluezsp5zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zygspp5qqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqf" +
		"qypqdq5xysxxatsyp3k7enxv4jsxqzpu9qrsgquk0rl77nj30yxdy8j9vdx85fkpmdla2087ne0xh8nhedh8w27kyke0lp53ut353s06fv3qfegext0eh0ymjpf39tuven09sam30g4vgpfna3rh"
	invoiceHash = "0001020304050607080900010203040506070809000102030405060708090102"
	invoiceHold = 250_000 + 2501
)

// beforeItExpires is a time at which invoice can be paid.
var beforeItExpires = time.Unix(1496314658+30, 0)

// paying makes routes of payments, of a ledger.
func paying(upstream string, change ...func(*gateway.Route)) gateway.Route {
	r := gateway.Route{
		Path: "/v2/payments/bolt11", Methods: []string{"POST"}, Origin: upstream, Scope: "payments:send", Credential: "lndhub",
		Spend: &gateway.Spending{Unit: "sat", Cost: "lndhub_bolt11"},
	}
	for _, c := range change {
		c(&r)
	}
	return r
}

// priced makes routes that cost what the member amount says, and give it back in cost.
func priced(upstream string, change ...func(*gateway.Spending)) gateway.Route {
	s := &gateway.Spending{
		Unit: "credit", Cost: "json:/amount", Settle: []string{"/cost"}, VoidOn: []int{422},
	}
	for _, c := range change {
		c(s)
	}
	return gateway.Route{
		Path: "/orders", Methods: []string{"POST"}, Origin: upstream, Scope: "payments:send", Credential: "none", Spend: s,
	}
}

// buyer is a gateway with a ledger.
type buyer struct {
	*system
	ledger *scriptedLedger
	mu     sync.Mutex
	seen   []payment.Spent
}

func newBuyer(t *testing.T, ledger *scriptedLedger, route gateway.Route, change ...func(*gateway.Config)) *buyer {
	t.Helper()
	b := &buyer{ledger: ledger}
	b.system = newSystem(t, []gateway.Route{route}, options{config: func(c *gateway.Config) {
		c.Ledger, c.LedgerTimeout = ledger, 200*time.Millisecond
		c.OnSpent = func(s payment.Spent) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.seen = append(b.seen, s)
		}
		for _, change := range change {
			change(c)
		}
	}})
	return b
}

func (b *buyer) observed() []payment.Spent {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]payment.Spent(nil), b.seen...)
}

func (b *buyer) request(path, body string, headers ...string) string {
	headers = append([]string{bearer(b.token(map[string]any{"scope": "payments:send"})), "Content-Type: application/json"}, headers...)
	return withBody(body, "POST "+path, headers...)
}

func (b *buyer) order(body string, headers ...string) answer {
	b.t.Helper()
	return b.do(b.request("/orders", body, headers...))
}

// at makes the gateway's clock stand at a time.
func at(then time.Time) func(*gateway.Config) {
	return func(c *gateway.Config) { c.Now = func() time.Time { return then } }
}

// member returns what a refusal says.
func member(t *testing.T, a answer, name string) any {
	t.Helper()
	var body map[string]any
	require.NoError(t, json.Unmarshal([]byte(a.Body), &body), a.Body)
	return body[name]
}

// requireRefusedSpend holds an answer to the form of a refusal of a request of which nothing was sent.
func requireRefusedSpend(t *testing.T, a answer, status int, code string) {
	t.Helper()
	require.Equal(t, status, a.StatusCode, a.Body)
	require.Equal(t, code, member(t, a, "error"))
	require.Equal(t, false, member(t, a, "sent"))
	require.EqualValues(t, status, member(t, a, "status"))
	require.NotEmpty(t, member(t, a, "error_description"))
}
