package main

import (
	"slices"

	"gatehouse/gateway"
)

// walletRoutes are the routes of the demo wallet at origin, with the scopes that wallets of oauth2server's users know.
// Those of lndhub.go lead to its v2, as real deployments have it, the others to the host application.
func walletRoutes(origin string) []gateway.Route {
	route := func(method, path, base, scope, description string) gateway.Route {
		return gateway.Route{
			Path: path, Methods: []string{method}, Origin: origin + base,
			Scope: scope, Description: description, Credential: "lndhub",
		}
	}
	payment := func(path string, spend gateway.Spending) gateway.Route {
		r := route("POST", path, "/v2", "payments:send", "Send payments from your account.")
		r.FirstByteTimeout = gateway.PaymentTimeout
		r.Spend = &spend
		return r
	}
	const (
		account      = "Read your payment details like the Lightning Address and keysend information."
		balance      = "Read your balance and account summary."
		create       = "Create invoices on your behalf."
		invoices     = "Read your invoice history, get realtime updates on invoices."
		transactions = "Read your outgoing transaction history and check payment status."
	)
	return []gateway.Route{
		route("GET", "/balance", "/v2", "balance:read", balance),
		route("GET", "/user/summary", "", "balance:read", balance),
		route("GET", "/user/me", "", "account:read", account),
		route("GET", "/user/value4value", "", "account:read", account),
		route("POST", "/invoices", "/v2", "invoices:create", create),
		route("GET", "/invoices/{payment_hash}", "/v2", "invoices:create", create),
		route("GET", "/invoices", "", "invoices:read", invoices),
		route("GET", "/invoices/incoming", "/v2", "invoices:read", invoices),
		route("GET", "/invoices/outgoing", "/v2", "transactions:read", transactions),
		payment("/payments/bolt11", gateway.Spending{Unit: "sat", Cost: "lndhub_bolt11", Network: "bcrt"}),
		payment("/payments/keysend", gateway.Spending{Unit: "sat", Cost: "lndhub_keysend"}),
	}
}

// scopesOf lists the scopes of the routes in their order, each once.
func scopesOf(routes []gateway.Route) []string {
	var scopes []string
	for _, r := range routes {
		if r.Scope != "" && !slices.Contains(scopes, r.Scope) {
			scopes = append(scopes, r.Scope)
		}
	}
	return scopes
}
