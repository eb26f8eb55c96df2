package app_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/app/config"
	"gatehouse/authz/budget"
	"gatehouse/gateway"
	"gatehouse/registry"
)

// shop is an upstream that takes whatever it is sent for a payment, and counts.
type shop struct {
	*httptest.Server
	paid atomic.Int64
	wait func() // before it answers
}

func newShop(t *testing.T) *shop {
	t.Helper()
	s := &shop{wait: func() {}}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		s.paid.Add(1)
		s.wait()
		_, _ = w.Write([]byte(`{"charged":1}`))
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *shop) route() gateway.Route {
	return gateway.Route{
		Path: "/buy", Methods: []string{"POST"}, Origin: s.URL, Scope: "payments:send", Description: "Pay.", Credential: "headers",
		Spend: &gateway.Spending{Unit: "sat", Cost: "json:/amount", Key: "json:/order", Settle: []string{"/charged"}, VoidOn: []int{402}},
	}
}

// buyer is an application that may spend for a user.
type buyer struct {
	*running
	application
	user int64
	tokens
}

const buyerUser = 7

// allow lets a new application spend so much.
func (r *running) allow(most int64, period budget.Period, anchor time.Time) *buyer {
	r.t.Helper()
	b := r.buyer()
	b.set(most, period, anchor)
	return b
}

func (r *running) buyer() *buyer {
	r.t.Helper()
	b := &buyer{running: r, application: r.register(), user: buyerUser}
	b.tokens = r.consent(b.application, b.user, "payments:send")
	return b
}

func (b *buyer) key() registry.BudgetKey {
	return registry.BudgetKey{Subject: fmt.Sprint(b.user), ClientID: b.id, Unit: "sat"}
}

func (b *buyer) set(most int64, period budget.Period, anchor time.Time) {
	b.t.Helper()
	_, err := b.app.Registry().SetBudget(b.t.Context(), registry.Budget{
		BudgetKey: b.key(), Most: most, MostAtOnce: registry.NoLimit, Period: string(period), AnchoredAt: anchor,
	}, budget.WindowsIn(time.UTC))
	require.NoError(b.t, err)
}

func (b *buyer) post(path, body string) answer {
	header := bearer(b.access)
	header.Set("Content-Type", "application/json")
	return b.do(http.MethodPost, b.public+path, strings.NewReader(body), header)
}

func (b *buyer) buy(order string) answer { return b.post("/buy", `{"amount":1,"order":"`+order+`"}`) }

// requireSpent waits for the budget to be as it should.
func (b *buyer) requireSpent(spent, held int64) {
	b.t.Helper()
	var now registry.Budget
	require.Eventually(b.t, func() bool {
		var err error
		now, err = b.app.Registry().Budget(b.t.Context(), b.key())
		return err == nil && now.Spent == spent && now.Held == held
	}, startTimeout, 10*time.Millisecond, "%+v", &now)
}

func TestAHundredPaymentsAtOnceSpendNoMoreThanTheBudget(t *testing.T) {
	forEachBackend(t, func(t *testing.T, cfg config.Config) {
		s := newShop(t)
		cfg.Routes = append(cfg.Routes, s.route())
		b := start(t, cfg).allow(50, budget.Month, time.Time{})
		var all sync.WaitGroup
		var passed atomic.Int64
		for i := range 100 {
			all.Go(func() {
				switch got := b.buy(strconv.Itoa(i)); got.status {
				case http.StatusOK:
					passed.Add(1)
				default:
					assertExceeded(t, got, 50, 0)
				}
			})
		}
		all.Wait()
		require.EqualValues(t, 50, passed.Load())
		require.EqualValues(t, 50, s.paid.Load())
		b.requireSpent(50, 0)
	})
}

// assertExceeded may be called by any goroutine.
func assertExceeded(t *testing.T, got answer, limit, remaining int64) {
	t.Helper()
	for _, part := range []string{
		`"budget_exceeded"`, `"sent":false`, fmt.Sprintf(`"limit":%d`, limit), fmt.Sprintf(`"remaining":%d`, remaining), `"unit":"sat"`,
	} {
		if got.status != http.StatusForbidden || !strings.Contains(got.body, part) {
			t.Errorf("%d %s lacks %s", got.status, got.body, part)
		}
	}
}

// Known of other gateways: who asks the user again has a fresh budget, and so has a new token.
func TestConsentingAgainMakesNoFreshBudget(t *testing.T) {
	s := newShop(t)
	cfg := testConfig(s.URL)
	cfg.Routes = append(cfg.Routes, s.route())
	b := start(t, cfg).allow(2, budget.Month, time.Time{})
	require.Equal(t, http.StatusOK, b.buy("a").status)
	require.Equal(t, http.StatusOK, b.buy("b").status)
	assertExceeded(t, b.buy("c"), 2, 0)

	b.tokens = b.consent(b.application, b.user, "payments:send")
	assertExceeded(t, b.buy("c"), 2, 0)
	other := b.consent(b.application, b.user+1, "payments:send")
	require.NotEqual(t, b.access, other.access)
	b.set(3, budget.Month, time.Time{})
	require.Equal(t, http.StatusOK, b.buy("c").status, "the user has allowed more")
	assertExceeded(t, b.buy("d"), 3, 0)
	require.EqualValues(t, 3, s.paid.Load())
}

// Known of other gateways: what was reserved before the end of a window and is charged after it counts in neither, or in both.
func TestAChargeAfterTheWindowsEndCountsWhereItWasReserved(t *testing.T) {
	released := make(chan struct{})
	s := newShop(t)
	s.wait = func() { <-released }
	release := sync.OnceFunc(func() { close(released) })
	defer release()
	cfg := testConfig(s.URL)
	cfg.Routes = append(cfg.Routes, s.route())
	b := start(t, cfg).buyer()
	ends := time.Now().Add(time.Second)
	b.set(1, budget.Day, ends.AddDate(0, 0, -1))
	answered := make(chan answer)
	go func() { answered <- b.buy("before") }()
	require.Eventually(t, func() bool { return s.paid.Load() == 1 }, startTimeout, time.Millisecond)
	assertExceeded(t, b.buy("too-much"), 1, 0)
	time.Sleep(time.Until(ends.Add(10 * time.Millisecond)))

	go func() { answered <- b.buy("after") }()
	require.Eventually(t, func() bool { return s.paid.Load() == 2 }, startTimeout, time.Millisecond, "there is a new budget")
	release()
	require.Equal(t, http.StatusOK, (<-answered).status)
	require.Equal(t, http.StatusOK, (<-answered).status)
	b.requireSpent(1, 0)
	assertExceeded(t, b.buy("more"), 1, 0)
}

// The same order is paid once, whoever sends it and how often.
func TestTheSamePaymentIsMadeOnce(t *testing.T) {
	s := newShop(t)
	cfg := testConfig(s.URL)
	cfg.Routes = append(cfg.Routes, s.route())
	b := start(t, cfg).allow(1000, budget.Month, time.Time{})
	var all sync.WaitGroup
	var passed atomic.Int64
	for range 20 {
		all.Go(func() {
			got := b.buy("the-same")
			switch {
			case got.status == http.StatusOK:
				passed.Add(1)
			case got.status == http.StatusConflict && strings.Contains(got.body, `"sent":false`):
			default:
				t.Errorf("%d %s", got.status, got.body)
			}
		})
	}
	all.Wait()
	require.EqualValues(t, 1, passed.Load())
	require.EqualValues(t, 1, s.paid.Load())
	later := b.buy("the-same")
	require.Equal(t, http.StatusConflict, later.status)
	require.Equal(t, "already_paid", later.json(t)["error"])
	b.requireSpent(1, 0)
}
