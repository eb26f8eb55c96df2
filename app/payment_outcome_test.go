package app_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/cmd/mock_server/lndhub"
	"gatehouse/gateway"
)

// An application whose payment was given up finds out that it is under way, and then that it was made: as docs/http-api.md
// tells it to.
func TestThePaymentThatWasGivenUpCanBeFound(t *testing.T) {
	released := make(chan struct{})
	release := sync.OnceFunc(func() { close(released) })
	hub := lndhub.New(lndhub.Config{
		JWTSecret: []byte(hostSecret), RateLimit: -1, StrictRateLimit: -1,
		Pay: func(lndhub.Invoice) (int64, error) { <-released; return 1, nil },
	})
	_, ok := hub.AddUser(lndhub.User{ID: 1, Login: "ann", Password: "right"},
		lndhub.Invoice{Type: lndhub.Incoming, State: lndhub.Settled, Amount: 100_000})
	require.True(t, ok)
	server := httptest.NewServer(hub)
	defer server.Close()
	defer release() // or the server waits for what it is paying
	route := func(method, path string) gateway.Route {
		return gateway.Route{
			Path: path, Methods: []string{method}, Origin: server.URL + "/v2", Scope: "payments:send", Description: "Pay.", Credential: "lndhub",
		}
	}
	cfg := testConfig(server.URL)
	cfg.Routes = []gateway.Route{
		route("POST", "/payments/bolt11"), route("POST", "/payments/keysend"), route("GET", "/invoices/{hash}"), route("GET", "/invoices/outgoing"),
	}
	for i := range cfg.Routes[:2] {
		cfg.Routes[i].FirstByteTimeout = 300 * time.Millisecond // there are 5 minutes outside of tests
	}
	r := start(t, cfg)
	header := bearer(r.consent(r.register(), 1, "payments:send").access)
	header.Set("Content-Type", "application/json")
	get := func(path string) answer { return r.do(http.MethodGet, r.public+path, nil, header) }
	post := func(path, body string) answer {
		return r.do(http.MethodPost, r.public+path, strings.NewReader(body), header)
	}
	state := func(hash string) any { return get("/invoices/" + hash).json(t)["status"] }

	const shop = "03b5c7e9f10a2d4f6b8c0e1a3d5f7092b4c6e8fa1c3e5072946b8d0f2a4c6e8f10"
	due := hub.Elsewhere(shop, 2500, "Coffee")
	for _, given := range []answer{
		post("/payments/bolt11", `{"invoice":"`+due.Request+`"}`),
		post("/payments/keysend", `{"amount":10,"destination":"`+shop+`","custom_records":{"70000":"order-1"}}`),
	} {
		require.Equal(t, http.StatusGatewayTimeout, given.status, given.body)
		require.Equal(t, "unknown", given.json(t)["outcome"])
	}
	require.Equal(t, "initialized", state(due.Hash), get("/invoices/"+due.Hash).body)
	require.NotContains(t, get("/invoices/outgoing").body, shop)

	release()
	require.Eventually(t, func() bool { return state(due.Hash) == "settled" }, startTimeout, 10*time.Millisecond)
	require.Eventually(t, func() bool { return strings.Count(get("/invoices/outgoing").body, shop) == 2 }, startTimeout, 10*time.Millisecond)
	require.Contains(t, get("/invoices/outgoing").body, "b3JkZXItMQ==", "order-1, as lndhub.go writes custom records")
}
