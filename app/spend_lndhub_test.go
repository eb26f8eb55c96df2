package app_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/authz/budget"
	"gatehouse/cmd/mock_server/lndhub"
	"gatehouse/gateway"
	"gatehouse/registry"
)

// hub is an lndhub.go behind a gateway, whose node and database do what a test wants.
type hub struct {
	*lndhub.Hub
	mu    sync.Mutex
	nodes map[string]func() error // by memo of an invoice; paid at once unless it is there
	down  map[string]bool         // when it is paid, the database is not there
}

const hubShop = "03b5c7e9f10a2d4f6b8c0e1a3d5f7092b4c6e8fa1c3e5072946b8d0f2a4c6e8f10"

// The stand-in's node takes hubFee for a route. The service takes 5 of 1000, rounded up.
const hubFee = 3

func startHub(t *testing.T) (*hub, *buyer) {
	t.Helper()
	h := &hub{nodes: map[string]func() error{}, down: map[string]bool{}}
	h.Hub = lndhub.New(lndhub.Config{
		JWTSecret: []byte(hostSecret), RateLimit: -1, StrictRateLimit: -1, ServiceFee: 5,
		Pay: func(p lndhub.Invoice) (int64, error) {
			h.mu.Lock()
			node := h.nodes[p.Memo]
			h.mu.Unlock()
			if node != nil {
				return hubFee, node()
			}
			return hubFee, nil
		},
		Book: func(p lndhub.Invoice) error {
			h.mu.Lock()
			defer h.mu.Unlock()
			if h.down[p.Memo] {
				return errors.New("driver: bad connection")
			}
			return nil
		},
	})
	_, ok := h.AddUser(lndhub.User{ID: buyerUser, Login: "ann", Password: "right"},
		lndhub.Invoice{Type: lndhub.Incoming, State: lndhub.Settled, Amount: 1_000_000})
	require.True(t, ok)
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	cfg := testConfig(server.URL)
	cfg.Routes = nil
	for path, spend := range map[string]*gateway.Spending{
		"/payments/bolt11":  {Unit: "sat", Cost: "lndhub_bolt11", Network: "bcrt", ServiceFee: 5},
		"/payments/keysend": {Unit: "sat", Cost: "lndhub_keysend", ServiceFee: 5},
	} {
		cfg.Routes = append(cfg.Routes, gateway.Route{
			Path: path, Methods: []string{"POST"}, Origin: server.URL + "/v2", Scope: "payments:send", Description: "Pay.",
			Credential: "lndhub", FirstByteTimeout: 500 * time.Millisecond, Spend: spend, // there are 5 minutes outside of tests
		})
	}
	return h, start(t, cfg).allow(1_000_000, budget.Month, time.Time{})
}

func (h *hub) let(memo string, node func() error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.nodes[memo] = node
}

func (h *hub) setDown(memo string, isDown bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.down[memo] = isDown
}

// in is the same application in another test.
func (b *buyer) in(t *testing.T) *buyer {
	there, at := *b, *b.running
	at.t = t
	there.running = &at
	return &there
}

func (b *buyer) payInvoice(i lndhub.Invoice) answer {
	return b.post("/payments/bolt11", fmt.Sprintf(`{"invoice":%q}`, i.Request))
}

// send sends a payment and returns what hangs up, and waits until nobody waits for it.
func (b *buyer) send(path, body, key string) (hangUp func()) {
	b.t.Helper()
	ctx, cancel := context.WithCancel(b.t.Context())
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, b.public+path, strings.NewReader(body))
	require.NoError(b.t, err)
	request.Header = bearer(b.access)
	request.Header.Set("Content-Type", "application/json")
	if key != "" {
		request.Header.Set("Idempotency-Key", key)
	}
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		if response, err := http.DefaultClient.Do(request); err == nil {
			_ = response.Body.Close()
		}
	}()
	return func() { cancel(); <-gone }
}

// spend is the newest of what was reserved for a payment hash.
func (b *buyer) spend(hash string) registry.Spend {
	b.t.Helper()
	spends, err := b.app.Registry().Spends(b.t.Context(), b.key().Subject, b.id, registry.Spend{}, 100)
	require.NoError(b.t, err)
	for _, s := range spends {
		if s.Once == hash {
			return s
		}
	}
	return registry.Spend{}
}

// requireBecomes waits until it is known what became of a payment.
func (b *buyer) requireBecomes(hash, state string, cost int64) {
	b.t.Helper()
	var s registry.Spend
	require.Eventually(b.t, func() bool { s = b.spend(hash); return s.State == state }, startTimeout, 10*time.Millisecond, "%+v", &s)
	require.Equal(b.t, cost, s.Cost)
}

// TestPaymentsOfLndhub: whatever lndhub.go says, or does not say, the budget ends with what it has paid.
func TestPaymentsOfLndhub(t *testing.T) {
	h, b := startHub(t)
	const amount, held, paid = 2000, 2000 + 21 + 10, 2000 + hubFee + 10

	for _, test := range []struct {
		name string
		run  func(t *testing.T, b *buyer, memo string, due lndhub.Invoice)
	}{
		{"paid", func(t *testing.T, b *buyer, _ string, due lndhub.Invoice) {
			got := b.payInvoice(due)
			require.Equal(t, http.StatusOK, got.status, got.body)
			require.EqualValues(t, held, b.spend(due.Hash).Amount, "with the ceiling of the fee, and the service's")
			b.requireBecomes(due.Hash, registry.Posted, paid)
			require.Equal(t, http.StatusConflict, b.post("/payments/bolt11", `{"invoice":"`+strings.ToUpper(due.Request)+`"}`).status)
		}},
		{"refused before it was begun", func(t *testing.T, b *buyer, memo string, _ lndhub.Invoice) {
			got := b.payInvoice(h.Elsewhere(hubShop, 1_000_000, memo))
			require.Equal(t, http.StatusForbidden, got.status, got.body)
			mine := h.Elsewhere(hubShop, amount, memo)
			h.AddUser(lndhub.User{ID: buyerUser + 1, Login: "poor", Password: "right"})
			poor := &buyer{running: b.running, application: b.application, user: buyerUser + 1}
			poor.tokens = poor.consent(poor.application, poor.user, "payments:send")
			poor.set(held, budget.Month, time.Time{})
			got = poor.payInvoice(mine)
			require.Equal(t, http.StatusBadRequest, got.status, got.body)
			require.Contains(t, got.body, "not enough balance")
			require.Equal(t, registry.Voided, poor.spend(mine.Hash).State, "nothing is held for what lndhub.go has not begun")
		}},
		{"its caller hangs up", func(t *testing.T, b *buyer, memo string, due lndhub.Invoice) {
			begun, released := make(chan struct{}), make(chan struct{})
			h.let(memo, func() error { close(begun); <-released; return nil })
			hangUp := b.send("/payments/bolt11", fmt.Sprintf(`{"invoice":%q}`, due.Request), "")
			<-begun
			hangUp()
			require.Equal(t, registry.Held, b.spend(due.Hash).State)
			close(released)
			b.requireBecomes(due.Hash, registry.Posted, paid)
		}},
		{"the caller of a keysend hangs up", func(t *testing.T, b *buyer, memo string, _ lndhub.Invoice) {
			begun, released := make(chan struct{}), make(chan struct{})
			h.let(memo, func() error { close(begun); <-released; return nil })
			hangUp := b.send("/payments/keysend", fmt.Sprintf(`{"amount":%d,"destination":%q,"memo":%q}`, amount, hubShop, memo), "gone")
			<-begun
			hangUp()
			close(released)
			b.requireBecomes("POST /payments/keysend gone", registry.Posted, paid) // by its answer: lndhub.go cannot be asked
		}},
		{"its node takes too long, and pays", func(t *testing.T, b *buyer, memo string, due lndhub.Invoice) {
			released := make(chan struct{})
			h.let(memo, func() error { <-released; return nil })
			got := b.payInvoice(due)
			require.Equal(t, http.StatusGatewayTimeout, got.status, got.body)
			require.Equal(t, registry.Unknown, b.spend(due.Hash).State, "it counts")
			again := b.payInvoice(due)
			require.Equal(t, http.StatusConflict, again.status)
			require.Equal(t, "payment_in_progress", again.json(t)["error"])
			close(released)
			b.requireBecomes(due.Hash, registry.Posted, paid)
		}},
		{"its node fails, and it is paid again", func(t *testing.T, b *buyer, memo string, due lndhub.Invoice) {
			h.let(memo, func() error { return errors.New("no_route") })
			got := b.payInvoice(due)
			require.Equal(t, http.StatusInternalServerError, got.status, got.body)
			b.requireBecomes(due.Hash, registry.Voided, 0)
			h.let(memo, nil)
			require.Equal(t, http.StatusOK, b.payInvoice(due).status)
			b.requireBecomes(due.Hash, registry.Posted, paid)
		}},
		{"it failed, and the answer to another try is lost", func(t *testing.T, b *buyer, memo string, due lndhub.Invoice) {
			h.let(memo, func() error { return errors.New("no_route") })
			b.payInvoice(due)
			b.requireBecomes(due.Hash, registry.Voided, 0)
			released := make(chan struct{})
			h.let(memo, func() error { <-released; return nil })
			require.Equal(t, http.StatusGatewayTimeout, b.payInvoice(due).status)
			close(released)
			require.Eventually(t, func() bool { return b.spend(due.Hash).Inquiries > 1 }, startTimeout, 10*time.Millisecond)
			require.Equal(t, registry.Unknown, b.spend(due.Hash).State, "lndhub.go still says error, and means the first")
		}},
		{"it is paid, and the database is away", func(t *testing.T, b *buyer, memo string, due lndhub.Invoice) {
			h.setDown(memo, true)
			got := b.payInvoice(due)
			require.Equal(t, http.StatusInternalServerError, got.status, got.body)
			require.Eventually(t, func() bool { return b.spend(due.Hash).Inquiries > 0 }, startTimeout, 10*time.Millisecond)
			require.Equal(t, registry.Unknown, b.spend(due.Hash).State)
			h.setDown(memo, false)
			h.Restart()
			b.requireBecomes(due.Hash, registry.Posted, paid)
		}},
		{"keysend", func(t *testing.T, b *buyer, memo string, _ lndhub.Invoice) {
			send := func(key string) answer {
				header := bearer(b.access)
				header.Set("Content-Type", "application/json")
				header.Set("Idempotency-Key", key)
				return b.do(http.MethodPost, b.public+"/payments/keysend",
					strings.NewReader(fmt.Sprintf(`{"amount":%d,"destination":%q,"memo":%q}`, amount, hubShop, memo)), header)
			}
			const route = "POST /payments/keysend "
			got := send("right")
			require.Equal(t, http.StatusOK, got.status, got.body)
			b.requireBecomes(route+"right", registry.Posted, paid)
			h.let(memo, func() error { return errors.New("no_route") })
			got = send("wrong")
			require.Equal(t, http.StatusOK, got.status, "so lndhub.go says that a keysend has failed")
			require.Contains(t, got.body, "no_route")
			b.requireBecomes(route+"wrong", registry.Unknown, 0)
			require.Equal(t, http.StatusConflict, send("wrong").status)
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.run(t, b.in(t), test.name, h.Elsewhere(hubShop, amount, test.name))
		})
	}
	t.Cleanup(func() {
		spent, heldNow := int64(0), int64(0)
		spends, err := b.app.Registry().Spends(context.Background(), b.key().Subject, b.id, registry.Spend{}, 100)
		require.NoError(t, err)
		for _, s := range spends {
			spent += s.Cost
			if !s.IsSettled() {
				heldNow += s.Amount
			}
		}
		now, err := b.app.Registry().Budget(context.Background(), b.key())
		require.NoError(t, err)
		require.Equal(t, []int64{spent, heldNow}, []int64{now.Spent, now.Held})
	})
}
