package lndhub

import (
	"strings"
	"time"
)

// The types of an Invoice.
const (
	Incoming = "incoming"
	Outgoing = "outgoing"
)

// The states of an Invoice. A payment is Initialized until it is known what became of it.
const (
	Initialized = "initialized"
	Open        = "open"
	Settled     = "settled"
	Failed      = "error"
)

// Invoice is an invoice of a user, or a payment that the user makes. The payment request of a keysend is empty.
type Invoice struct {
	Type, State, Error    string
	Hash, Preimage        string // hex; the hash is the preimage's SHA-256
	Request               string
	Memo, DescriptionHash string
	Destination           string // the public key of the node that is paid
	Amount, Fee           int64  // sat
	Keysend               bool
	Records               map[uint64][]byte
	Created, Expires      time.Time
	Settled               time.Time // zero until it is
}

// NewSettled makes an invoice that was paid, for the opening of an account.
func NewSettled(kind, destination string, amount, fee int64, memo string, created, settled time.Time) Invoice {
	i := newInvoice(destination, amount, memo, created.UTC().Truncate(time.Microsecond))
	i.Type, i.State, i.Fee, i.Settled = kind, Settled, fee, settled.UTC().Truncate(time.Microsecond)
	return *i
}

// InvoiceV2 is an invoice as v2 of the API shows it.
type InvoiceV2 struct {
	PaymentHash     string            `json:"payment_hash"`
	PaymentRequest  string            `json:"payment_request"`
	Description     string            `json:"description"`
	DescriptionHash string            `json:"description_hash,omitempty"`
	PaymentPreimage string            `json:"payment_preimage,omitempty"`
	Destination     string            `json:"destination"`
	Amount          int64             `json:"amount"`
	Fee             int64             `json:"fee"`
	Status          string            `json:"status"`
	Type            string            `json:"type"`
	ErrorMessage    string            `json:"error_message,omitempty"`
	SettledAt       time.Time         `json:"settled_at"`
	ExpiresAt       time.Time         `json:"expires_at"`
	IsPaid          bool              `json:"is_paid"`
	Keysend         bool              `json:"keysend"`
	CustomRecords   map[uint64][]byte `json:"custom_records,omitempty"`
}

// V2 is the invoice as v2 of the API shows it when it is asked for by its payment hash: with the preimage, also of one that
// nobody has paid yet.
func (i Invoice) V2() InvoiceV2 {
	return InvoiceV2{
		PaymentHash: i.Hash, PaymentRequest: i.Request, Description: i.Memo, DescriptionHash: i.DescriptionHash,
		PaymentPreimage: i.Preimage, Destination: i.Destination, Amount: i.Amount, Fee: i.Fee, Status: i.State, Type: i.Type,
		ErrorMessage: i.Error, SettledAt: i.Settled, ExpiresAt: i.Expires, IsPaid: i.State == Settled, Keysend: i.Keysend,
		CustomRecords: i.Records,
	}
}

// ListedV2 is the invoice as the lists of v2 show it: under other names of its type, and the preimage is the payer's alone.
func (i Invoice) ListedV2() InvoiceV2 {
	v := i.V2()
	if v.Type = "paid_invoice"; i.Type == Incoming {
		v.Type, v.PaymentPreimage = "user_invoice", ""
	}
	return v
}

type balanceV2 struct {
	Balance  int64  `json:"balance"`
	Currency string `json:"currency"`
	Unit     string `json:"unit"`
}

func (h *Hub) balanceV2(c *call) (any, *Refusal) {
	return balanceV2{h.Balance(c.user), "BTC", "sat"}, nil
}

func (h *Hub) incomingV2(c *call) (any, *Refusal) { return h.listV2(c.user, Incoming), nil }
func (h *Hub) outgoingV2(c *call) (any, *Refusal) { return h.listV2(c.user, Outgoing), nil }

func (h *Hub) listV2(user int64, kind string) []InvoiceV2 {
	list := []InvoiceV2{}
	for _, i := range h.listed(user, kind) {
		list = append(list, i.ListedV2())
	}
	return list
}

func (h *Hub) listed(user int64, kind string) []Invoice {
	return h.Invoices(user, func(i *Invoice) bool { return i.Type == kind && Listed(i) })
}

func (h *Hub) invoiceV2(c *call) (any, *Refusal) {
	i, refused := h.find(c.user, c.PathValue("payment_hash"))
	if refused != nil {
		return nil, refused
	}
	return i.V2(), nil
}

type addedInvoice struct {
	PaymentHash    string    `json:"payment_hash"`
	PaymentRequest string    `json:"payment_request"`
	ExpiresAt      time.Time `json:"expires_at"`
	CreatedAt      time.Time `json:"created_at"`
}

func (h *Hub) addInvoiceV2(c *call) (any, *Refusal) {
	var body struct {
		Amount          int64  `json:"amount"`
		Description     string `json:"description"`
		DescriptionHash string `json:"description_hash"`
	}
	if refused := c.bind(&body); refused != nil {
		return nil, refused
	}
	i, refused := h.addInvoiceFor(c.user, body.Amount, body.Description, body.DescriptionHash)
	if refused != nil {
		return nil, refused
	}
	return addedInvoice{i.Hash, i.Request, i.Expires, i.Created}, nil
}

// isHexadecimal holds for what the validator takes for 32 bytes in hex, a 0x before them included.
func isHexadecimal(s string) bool {
	digits := strings.TrimPrefix(strings.ToLower(s), "0x")
	return len(s) == 64 && strings.Trim(digits, "0123456789abcdef") == ""
}
