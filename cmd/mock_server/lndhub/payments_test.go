package lndhub_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"gatehouse/cmd/mock_server/lndhub"
)

// What is taken from an account while a payment is under way: lib/service/user.go, CalcFeeLimit and CalcServiceFee.
func TestFeesThatAreHeld(t *testing.T) {
	for _, test := range []struct {
		amount, ceiling, service int64
	}{
		{1, 10, 0}, {1000, 10, 0}, {1001, 12, 6}, {1100, 12, 6}, {1101, 13, 6}, {4900, 50, 25}, {5000, 50, 25}, {90_000, 50, 450},
	} {
		t.Run(fmt.Sprint(test.amount), func(t *testing.T) {
			paid := make(chan error)
			h := startHub(t, blockedNode(paid), func(c *lndhub.Config) { c.ServiceFee, c.NoServiceFeeUpTo, c.MaxFee = 5, 1000, 50 })
			answered := make(chan map[string]any)
			go func() {
				_, answer := h.as(1, "POST", "/v2/payments/bolt11", fmt.Sprintf(`{"invoice":%q}`, h.Elsewhere(shopKey, test.amount, "").Request))
				answered <- answer
			}()
			held := 100_000 - test.amount - test.ceiling - test.service
			require.Eventually(t, func() bool { return h.Balance(1) == held }, 10*time.Second, time.Millisecond)
			paid <- nil
			require.EqualValues(t, 3+test.service, (<-answered)["fee"], "what the node took, and the service")
			require.Equal(t, 100_000-test.amount-3-test.service, h.Balance(1))
		})
	}
	t.Run("inside", func(t *testing.T) {
		h := startHub(t, func(c *lndhub.Config) { c.ServiceFee = 5 })
		_, due := h.as(2, "POST", "/v2/invoices", `{"amount":2000}`)
		_, answer := h.as(1, "POST", "/v2/payments/bolt11", fmt.Sprintf(`{"invoice":%q}`, due["payment_request"]))
		require.EqualValues(t, 10, answer["fee"], "there is no route, and the service is paid")
	})
}

// What GET /v2/invoices/{hash} says of a payment whose caller got a 500, or none.
func TestWhatALookupSays(t *testing.T) {
	var node error
	var down error
	h := startHub(t, func(c *lndhub.Config) {
		c.Pay = func(lndhub.Invoice) (int64, error) { return 3, node }
		c.Book = func(lndhub.Invoice) error { return down }
	})
	var due lndhub.Invoice
	pay := func(user int) (int, map[string]any) {
		return h.as(user, "POST", "/v2/payments/bolt11", fmt.Sprintf(`{"invoice":%q}`, due.Request))
	}
	requireSaid := func(user int, status string) {
		t.Helper()
		code, said := h.as(user, "GET", "/v2/invoices/"+due.Hash, "")
		require.Equal(t, 200, code, said)
		require.Equal(t, status, said["status"])
		require.Equal(t, "outgoing", said["type"])
	}
	begin := func() { node, down, due = nil, nil, h.Elsewhere(shopKey, 1000, "") }

	t.Run("nothing was begun", func(t *testing.T) {
		begin()
		code, said := h.as(1, "GET", "/v2/invoices/"+due.Hash, "")
		require.Equal(t, 400, code, "an unknown hash is a bad argument")
		require.EqualValues(t, 8, said["code"])
	})
	t.Run("the node failed", func(t *testing.T) {
		begin()
		node = errors.New("no_route")
		code, said := pay(1)
		require.Equal(t, 500, code)
		require.Equal(t, map[string]any{"error": true, "code": 10.0, "message": "no_route"}, said)
		requireSaid(1, "error")
		code, said = h.as(2, "GET", "/v2/invoices/"+due.Hash, "")
		require.Equal(t, 400, code, "it is another's: %v", said)
	})
	t.Run("it was paid at the second try", func(t *testing.T) {
		begin()
		node = errors.New("no_route")
		pay(1)
		node = nil
		code, _ := pay(1)
		require.Equal(t, 200, code)
		requireSaid(1, "error") // the first row with that hash: lndhub.go asks for one, and for none in particular
		_, _, listed := h.ask("GET", "/v2/invoices/outgoing", h.token(jwt.MapClaims{"id": 1}), "", "")
		require.Contains(t, string(listed), due.Hash, "only the list has the second")
	})
	t.Run("its own invoice", func(t *testing.T) {
		begin()
		_, own := h.as(1, "POST", "/v2/invoices", `{"amount":100}`)
		code, _ := h.as(1, "POST", "/v2/payments/bolt11", fmt.Sprintf(`{"invoice":%q}`, own["payment_request"]))
		require.Equal(t, 200, code)
		_, said := h.as(1, "GET", fmt.Sprint("/v2/invoices/", own["payment_hash"]), "")
		require.Equal(t, "incoming", said["type"], "the payment is the second row with that hash")
		require.Equal(t, "settled", said["status"])
	})
	t.Run("the database went away meanwhile", func(t *testing.T) {
		begin()
		before := h.Balance(1)
		down = errors.New("driver: bad connection")
		code, said := pay(1)
		require.Equal(t, 500, code, "although it was paid")
		require.EqualValues(t, 10, said["code"])
		requireSaid(1, "initialized")
		require.Equal(t, before-1010, h.Balance(1), "amount and ceiling of the fee stay held")
		down = nil
		h.Restart()
		requireSaid(1, "settled")
		require.Equal(t, before-1003, h.Balance(1))
	})
	t.Run("it failed while the database was away", func(t *testing.T) {
		begin()
		before := h.Balance(1)
		node, down = errors.New("no_route"), errors.New("driver: bad connection")
		code, _ := pay(1)
		require.Equal(t, 500, code)
		requireSaid(1, "initialized")
		h.Restart()
		requireSaid(1, "error")
		require.Equal(t, before, h.Balance(1))
	})
	t.Run("the node was cut off", func(t *testing.T) {
		begin()
		before := h.Balance(1)
		node = lndhub.ErrLost
		code, _ := pay(1)
		require.Equal(t, 500, code)
		requireSaid(1, "error")
		require.Equal(t, before, h.Balance(1), "lndhub.go gives back what its node has spent")
		node = nil
		_, said := pay(1)
		require.Equal(t, "invoice is already paid", said["message"])
	})
	t.Run("an answer that says the opposite", func(t *testing.T) {
		begin()
		h.Trouble("/v2/payments/bolt11", lndhub.Fail)
		code, said := pay(1)
		require.Equal(t, 500, code)
		require.EqualValues(t, 10, said["code"])
		requireSaid(1, "settled")
		h.Trouble("/v2/payments/bolt11", nil)
	})
	t.Run("a keysend that failed", func(t *testing.T) {
		begin()
		node = errors.New("no_route")
		code, said := h.as(1, "POST", "/v2/payments/keysend", `{"amount":1000,"destination":"`+shopKey+`"}`)
		require.Equal(t, 200, code)
		require.Equal(t, map[string]any{"error": true, "code": 10.0, "message": "no_route"}, said)
	})
}
