package gateway_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/gateway"
)

func TestAPaymentIsHeldSentAndPosted(t *testing.T) {
	upstream := newUpstream(t, answering(answerFor(`{"amount":250000,"fee":7,"payment_hash":"00"}`)))
	b := newBuyer(t, newLedger(-1), paying(upstream.URL()), at(beforeItExpires))
	body := `{"invoice":"` + invoice + `"}`
	a := b.do(b.request("/v2/payments/bolt11", body))
	require.Equal(t, 200, a.StatusCode, a.Body)
	require.JSONEq(t, `{"amount":250000,"fee":7,"payment_hash":"00"}`, a.Body)
	require.Equal(t, body, upstream.Only().Body)
	require.Equal(t, []string{"posted 250007"}, b.ledger.states())
	h := b.ledger.hold(t, 0)
	require.EqualValues(t, invoiceHold, h.Amount)
	require.Equal(t, gateway.Hold{
		ID: h.ID, Subject: "7", ClientID: "app", Unit: "sat", Once: invoiceHash, Route: "POST /v2/payments/bolt11",
		Lookup: invoiceHash + " 1496314718", Amount: invoiceHold, Within: h.Within,
	}, h)
	require.Equal(t, []gateway.Spent{{Outcome: gateway.SpendPosted, Held: invoiceHold, Cost: 250_007}}, b.observed())

	a = b.do(b.request("/v2/payments/bolt11", body))
	requireRefusedSpend(t, a, 409, "already_paid")
	require.Equal(t, "posted", member(t, a, "state"))
	require.Len(t, upstream.Requests(), 1)
}
