package main

import "time"

// walletInvoice is an invoice or payment as the wallet's clients read it: lndhub.go's fields (its v2 API) and, around
// them, those that the host application's API and the Alby SDK's types have.
type walletInvoice struct {
	PaymentHash     string            `json:"payment_hash"`
	PaymentRequest  string            `json:"payment_request"`
	Description     string            `json:"description"`
	DescriptionHash *string           `json:"description_hash"`
	PaymentPreimage string            `json:"payment_preimage,omitempty"`
	Destination     string            `json:"destination"`
	Amount          int64             `json:"amount"`
	Fee             int64             `json:"fee"`
	Status          string            `json:"status"`
	Type            string            `json:"type"`
	SettledAt       time.Time         `json:"settled_at"`
	ExpiresAt       time.Time         `json:"expires_at"`
	IsPaid          bool              `json:"is_paid"`
	Keysend         bool              `json:"keysend"`
	CustomRecords   map[string][]byte `json:"custom_records"`

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

// shape is e as the wallet's clients read it. Only who paid sees the preimage: it is the proof of payment.
func (e entry) shape() walletInvoice {
	v := walletInvoice{
		PaymentHash:    e.hash,
		PaymentRequest: e.request,
		Description:    e.memo,
		Destination:    e.destination,
		Amount:         e.amount,
		Fee:            e.fee,
		Status:         "open",
		Type:           "incoming",
		SettledAt:      e.paidAt.UTC(),
		ExpiresAt:      e.expires.UTC(),
		IsPaid:         e.settled(),
		Keysend:        e.keysend,
		CustomRecords:  map[string][]byte{},
		CreatedAt:      e.created.UTC(),
		CreationDate:   e.created.Unix(),
		Expiry:         int64(e.expires.Sub(e.created).Seconds()),
		Currency:       "btc",
		FiatCurrency:   "USD",
		FiatInCents:    e.amount * 6 / 100,
		Identifier:     e.hash[:20],
		Memo:           e.memo,
		RHash:          e.hash,
		Settled:        e.settled(),
		State:          "CREATED",
		Value:          e.amount,
	}
	if e.settled() {
		v.Status, v.State = "settled", "SETTLED"
	}
	if !e.incoming {
		v.Type, v.PaymentPreimage = "outgoing", e.preimage
	}
	if e.descriptionHash != "" {
		v.DescriptionHash = &e.descriptionHash
	}
	if e.records != nil {
		v.CustomRecords = e.records
	}
	if e.keysend {
		v.KeysendMessage = e.memo
	}
	return v
}

// walletPayment is the receipt for a payment that was made.
type walletPayment struct {
	PaymentRequest  string            `json:"payment_request,omitempty"`
	Amount          int64             `json:"amount"`
	Fee             int64             `json:"fee"`
	Description     string            `json:"description"`
	DescriptionHash string            `json:"description_hash,omitempty"`
	Destination     string            `json:"destination"`
	CustomRecords   map[string]string `json:"custom_records,omitempty"`
	PaymentPreimage string            `json:"payment_preimage"`
	PaymentHash     string            `json:"payment_hash"`
}

func (e entry) receipt() walletPayment {
	return walletPayment{
		PaymentRequest:  e.request,
		Amount:          e.amount,
		Fee:             e.fee,
		Description:     e.memo,
		DescriptionHash: e.descriptionHash,
		Destination:     e.destination,
		PaymentPreimage: e.preimage,
		PaymentHash:     e.hash,
	}
}
