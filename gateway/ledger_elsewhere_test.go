package gateway_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/gateway"
	"gatehouse/gateway/payment"
)

// A gateway on its own does what one beside its ledger does.
func TestAGatewayAsksALedgerElsewhere(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/spends" {
			w.WriteHeader(http.StatusCreated)
			_, _ = w.Write([]byte("{}"))
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}))
	defer server.Close()
	ledger, err := payment.NewRemoteLedger(server.URL, "a token")
	require.NoError(t, err)
	defer func() { require.NoError(t, ledger.Close()) }()
	upstream := newUpstream(t, answering(answerFor(`{"cost":3}`)))
	s := newSystem(t, []gateway.Route{priced(upstream.URL())}, options{config: func(c *gateway.Config) { c.Ledger = ledger }})
	request := withBody(`{"amount":5}`, "POST /orders", bearer(s.token(map[string]any{"scope": "payments:send"})), "Content-Type: application/json")
	require.Equal(t, 200, s.do(request).StatusCode)
	server.CloseClientConnections()
	server.Close()
	requireRefused(t, s.do(request), 503, "budget_unavailable")
	require.Len(t, upstream.Requests(), 1)
}
