package main

import (
	"net/http"
	"time"

	"gatehouse/cmd/mock_server/lndhub"
)

const (
	// shopKey is the node of a shop elsewhere: paying it costs a routing fee.
	shopKey = "03b5c7e9f10a2d4f6b8c0e1a3d5f7092b4c6e8fa1c3e5072946b8d0f2a4c6e8f10"
	// recipientRecord is the keysend record that says which user of the node is paid.
	recipientRecord = "696969"
)

// wallet is the demo wallet: lndhub.go, and beside it what host applications add to it. Every user has an account, with an
// opening balance, from the moment somebody asks.
type wallet struct {
	*lndhub.Hub
	secret []byte
	now    func() time.Time
	// returnTo is where users come back to who sign in at the host application; empty: nowhere.
	returnTo string
}

func newWallet(secret []byte, now func() time.Time) *wallet {
	w := &wallet{secret: secret, now: now}
	w.Hub = lndhub.New(lndhub.Config{
		JWTSecret: secret,
		// A person who tries things out is not to wait, and the tests of applications even less.
		RateLimit: -1, StrictRateLimit: -1,
		Unknown: func(id int64) (lndhub.User, []lndhub.Invoice, bool) {
			u := lndhub.User{ID: id, Login: identifierOf(id)}
			return u, openingOf(u, now()), id > 0
		},
		Now: now,
	})
	for _, u := range demoUsers {
		known := lndhub.User{ID: u.ID, Login: u.Login, Password: u.Password, Deactivated: u.IsSuspended}
		w.AddUser(known, openingOf(known, now())...)
	}
	return w
}

// loginPath is the host application's login page.
const loginPath = "/login"

// Handler serves lndhub.go's API; the host application's below /user, its list of all invoices, and its login page; and invoices
// of the shop.
func (w *wallet) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", w.Hub)
	mux.HandleFunc("GET /shop/invoice", w.shopInvoice)
	if w.returnTo != "" {
		mux.HandleFunc("GET "+loginPath, w.login)
	}
	mux.Handle("GET /invoices", w.forUser(w.invoices))
	mux.Handle("GET /user/me", w.forUser(w.me))
	mux.Handle("GET /user/summary", w.forUser(w.summary))
	mux.Handle("GET /user/value4value", w.forUser(w.value4value))
	return mux
}

// shopInvoice is a new invoice of the shop elsewhere, for whoever wants to pay one. It is no part of the wallet, and there
// is no route to it.
func (w *wallet) shopInvoice(out http.ResponseWriter, _ *http.Request) {
	answer(out, w.Elsewhere(shopKey, shopAmount, "Coffee beans, 200 g").V2())
}
