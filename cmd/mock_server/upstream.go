package main

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"
)

// maxUpstreamBody is the longest request body that the demo wallet reads.
const maxUpstreamBody = 1 << 20

// upstream is the demo wallet's HTTP side. It stands for lndhub.go and the host application's API: their paths, their
// JSON, and the same credential check.
type upstream struct {
	ledger *ledger
	secret []byte
	now    func() time.Time
}

// Handler serves every path as it is and under /v2, because deployments of oauth2server have routes to both.
func (u *upstream) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /shop/invoice", u.shopInvoice)
	for _, base := range []string{"", "/v2"} {
		mux.Handle("GET "+base+"/balance", u.forUser(u.balance))
		mux.Handle("GET "+base+"/invoices", u.forUser(u.listInvoices(func(entry) bool { return true })))
		mux.Handle("POST "+base+"/invoices", u.forUser(u.createInvoice))
		mux.Handle("GET "+base+"/invoices/incoming", u.forUser(u.listInvoices(func(e entry) bool { return e.incoming })))
		mux.Handle("GET "+base+"/invoices/outgoing", u.forUser(u.listInvoices(func(e entry) bool { return !e.incoming })))
		mux.Handle("GET "+base+"/invoices/{payment_hash}", u.forUser(u.invoice))
		mux.Handle("POST "+base+"/payments/bolt11", u.forUser(u.payInvoice))
		mux.Handle("POST "+base+"/payments/keysend", u.forUser(u.keysend))
		mux.Handle("GET "+base+"/user/me", u.forUser(u.me))
		mux.Handle("GET "+base+"/user/summary", u.forUser(u.summary))
		mux.Handle("GET "+base+"/user/value4value", u.forUser(u.value4value))
	}
	return mux
}

// shopInvoice is a new invoice of the shop elsewhere, for whoever wants to pay one. It is no part of the wallet, and there
// is no route to it.
func (u *upstream) shopInvoice(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, u.ledger.ShopInvoice(shopAmount, "Coffee beans, 250 g").shape())
}

// forUser answers with what h returns for the user whose credential the request carries, as JSON. An error that is no
// *refusal is the server's fault.
func (u *upstream) forUser(h func(userID int64, r *http.Request) (any, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxUpstreamBody)
		userID, err := credentialUser(r, u.secret, u.now)
		var body any
		if err == nil {
			body, err = h(userID, r)
		}
		if err != nil {
			refused := errInternal
			errors.As(err, &refused)
			answer(w, refused.Status, refused)
			return
		}
		answer(w, http.StatusOK, body)
	})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the caller is gone, and nobody else to tell
}

// read decodes a JSON body. As in lndhub.go an empty one counts as one without fields.
func read(r *http.Request, into any) error {
	if err := json.NewDecoder(r.Body).Decode(into); err != nil && !errors.Is(err, io.EOF) {
		return errBadArguments
	}
	return nil
}

type balanceAnswer struct {
	Balance  int64  `json:"balance"`
	Currency string `json:"currency"`
	Unit     string `json:"unit"`
}

func (u *upstream) balance(userID int64, _ *http.Request) (any, error) {
	return balanceAnswer{u.ledger.Balance(userID), "BTC", "sat"}, nil
}

func (u *upstream) me(userID int64, _ *http.Request) (any, error) {
	return profileOf(userID), nil
}

func (u *upstream) summary(userID int64, _ *http.Request) (any, error) {
	received := u.ledger.History(userID, func(e entry) bool { return e.incoming })
	made := u.ledger.History(userID, func(e entry) bool { return !e.incoming })
	return struct {
		balanceAnswer
		profile
		InvoicesCount     int `json:"invoices_count"`
		TransactionsCount int `json:"transactions_count"`
	}{balanceAnswer{u.ledger.Balance(userID), "BTC", "sat"}, profileOf(userID), len(received), len(made)}, nil
}

func (u *upstream) value4value(userID int64, _ *http.Request) (any, error) {
	p := profileOf(userID)
	return map[string]string{
		"lightning_address":    p.LightningAddress,
		"keysend_pubkey":       p.KeysendPubkey,
		"keysend_custom_key":   p.KeysendKey,
		"keysend_custom_value": p.KeysendValue,
	}, nil
}
