package main

import (
	"encoding/json"
	"net/http"
	"time"

	"gatehouse/cmd/mock_server/lndhub"
)

// forUser answers with what of returns for the user whose credential the request carries.
func (w *wallet) forUser(of func(lndhub.User) any) http.Handler {
	return w.Secured(func(out http.ResponseWriter, _ *http.Request, id int64) {
		u, _ := w.User(id) // who has just been let in
		answer(out, of(u))
	})
}

func answer(out http.ResponseWriter, body any) {
	out.Header().Set("Content-Type", "application/json; charset=UTF-8")
	_ = json.NewEncoder(out).Encode(body) // the caller is gone, and nobody else to tell
}

func (w *wallet) me(u lndhub.User) any { return profileOf(u) }

func (w *wallet) summary(u lndhub.User) any {
	count := func(kind string) int {
		return len(w.Invoices(u.ID, func(i *lndhub.Invoice) bool { return i.Type == kind && lndhub.Listed(i) }))
	}
	return struct {
		Balance  int64  `json:"balance"`
		Currency string `json:"currency"`
		Unit     string `json:"unit"`
		profile
		InvoicesCount     int `json:"invoices_count"`
		TransactionsCount int `json:"transactions_count"`
	}{w.Balance(u.ID), "BTC", "sat", profileOf(u), count(lndhub.Incoming), count(lndhub.Outgoing)}
}

func (w *wallet) value4value(u lndhub.User) any {
	p := profileOf(u)
	return map[string]string{
		"lightning_address":    p.LightningAddress,
		"keysend_pubkey":       p.KeysendPubkey,
		"keysend_custom_key":   p.KeysendKey,
		"keysend_custom_value": p.KeysendValue,
	}
}

// hostInvoice is an invoice or payment as the host application's API shows it: lndhub.go's fields and, around them, those
// that the Alby SDK's types have.
type hostInvoice struct {
	lndhub.InvoiceV2

	CreatedAt      time.Time `json:"created_at"`
	CreationDate   int64     `json:"creation_date"`
	Expiry         int64     `json:"expiry"`
	Currency       string    `json:"currency"`
	FiatCurrency   string    `json:"fiat_currency"`
	FiatInCents    int64     `json:"fiat_in_cents"`
	Identifier     string    `json:"identifier"`
	KeysendMessage string    `json:"keysend_message,omitempty"`
	Memo           string    `json:"memo"`
	PayerName      string    `json:"payer_name"`
	RHash          string    `json:"r_hash_str"`
	Settled        bool      `json:"settled"`
	State          string    `json:"state"`
	Value          int64     `json:"value"`
}

func (w *wallet) invoices(u lndhub.User) any {
	list := []hostInvoice{}
	for _, i := range w.Invoices(u.ID, lndhub.Listed) {
		list = append(list, hostShape(i))
	}
	return list
}

func hostShape(i lndhub.Invoice) hostInvoice {
	shape := hostInvoice{
		InvoiceV2:    i.ListedV2(),
		CreatedAt:    i.Created,
		CreationDate: i.Created.Unix(),
		Expiry:       int64(i.Expires.Sub(i.Created).Seconds()),
		Currency:     "btc",
		FiatCurrency: "USD",
		FiatInCents:  i.Amount * 6 / 100,
		Identifier:   i.Hash[:20],
		Memo:         i.Memo,
		RHash:        i.Hash,
		Settled:      i.State == lndhub.Settled,
		State:        "CREATED",
		Value:        i.Amount,
	}
	shape.Type = i.Type
	if shape.Settled {
		shape.State = "SETTLED"
	}
	if i.Keysend {
		shape.KeysendMessage = i.Memo
	}
	return shape
}
