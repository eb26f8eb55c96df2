package lndhub

import (
	"encoding/hex"
	"encoding/json"
	"strconv"
)

// buffer is bytes as Node.js writes them in JSON.
type buffer []byte

func (b buffer) MarshalJSON() ([]byte, error) {
	numbers := make([]int, len(b))
	for i, value := range b {
		numbers[i] = int(value)
	}
	return json.Marshal(struct {
		Type string `json:"type"`
		Data []int  `json:"data"`
	}{"Buffer", numbers})
}

func bufferOf(text string) buffer {
	decoded, _ := hex.DecodeString(text) // the hub's own
	return decoded
}

// amountOf reads a number, or a text that is a whole one.
func amountOf(value any) (int64, bool) {
	switch v := value.(type) {
	case float64:
		return int64(v), true
	case string:
		n, err := strconv.ParseInt(v, 10, 64)
		return n, err == nil
	default:
		return 0, false
	}
}

func (h *Hub) balance(c *call) (any, *Refusal) {
	type available struct{ AvailableBalance int64 }
	return struct{ BTC available }{available{h.Balance(c.user)}}, nil
}

type legacyInvoice struct {
	Hash           string `json:"r_hash"`
	PaymentRequest string `json:"payment_request"`
	PayReq         string `json:"pay_req"`
}

func (h *Hub) addInvoice(c *call) (any, *Refusal) {
	var body struct {
		Amount          any    `json:"amt"`
		Memo            string `json:"memo"`
		DescriptionHash string `json:"description_hash"`
	}
	if refused := c.bind(&body); refused != nil {
		return nil, refused
	}
	amount, ok := amountOf(body.Amount)
	if !ok {
		return nil, badArguments
	}
	i, refused := h.addInvoiceFor(c.user, amount, body.Memo, body.DescriptionHash)
	if refused != nil {
		return nil, refused
	}
	return legacyInvoice{i.Hash, i.Request, i.Request}, nil
}

// addInvoiceOf makes an invoice that pays the user of a login. Anybody may ask for it.
func (h *Hub) addInvoiceOf(c *call) (any, *Refusal) {
	h.mu.Lock()
	payee := h.byLogin(c.PathValue("user_login"))
	h.mu.Unlock()
	if payee == nil {
		return nil, badArguments
	}
	c.user = payee.ID
	return h.addInvoice(c)
}

type legacyIncoming struct {
	Hash           buffer            `json:"r_hash"`
	PaymentHash    string            `json:"payment_hash"`
	PaymentRequest string            `json:"payment_request"`
	Description    string            `json:"description"`
	PayReq         string            `json:"pay_req"`
	Timestamp      int64             `json:"timestamp"`
	Type           string            `json:"type"`
	ExpireTime     int64             `json:"expire_time"`
	Amount         int64             `json:"amt"`
	IsPaid         bool              `json:"ispaid"`
	Keysend        bool              `json:"keysend"`
	CustomRecords  map[uint64][]byte `json:"custom_records"`
}

func (h *Hub) incoming(c *call) (any, *Refusal) {
	list := []legacyIncoming{}
	for _, i := range h.listed(c.user, Incoming) {
		list = append(list, legacyIncoming{
			Hash: bufferOf(i.Hash), PaymentHash: i.Hash, PaymentRequest: i.Request, Description: i.Memo, PayReq: i.Request,
			Timestamp: i.Created.Unix(), Type: "user_invoice", ExpireTime: int64(invoiceLifespan.Seconds()), Amount: i.Amount,
			IsPaid: i.State == Settled, Keysend: i.Keysend, CustomRecords: i.Records,
		})
	}
	return list, nil
}

type legacyOutgoing struct {
	Hash          buffer            `json:"r_hash"`
	PaymentHash   buffer            `json:"payment_hash"`
	Preimage      string            `json:"payment_preimage"`
	Value         int64             `json:"value"`
	Type          string            `json:"type"`
	Fee           int64             `json:"fee"`
	Timestamp     int64             `json:"timestamp"`
	Memo          string            `json:"memo"`
	Keysend       bool              `json:"keysend"`
	CustomRecords map[uint64][]byte `json:"custom_records"`
}

func (h *Hub) outgoing(c *call) (any, *Refusal) {
	list := []legacyOutgoing{}
	for _, i := range h.listed(c.user, Outgoing) {
		list = append(list, legacyOutgoing{
			Hash: bufferOf(i.Hash), PaymentHash: bufferOf(i.Hash), Preimage: i.Preimage, Value: i.Amount, Type: "paid_invoice",
			Fee: i.Fee, Timestamp: i.Created.Unix(), Memo: i.Memo, Keysend: i.Keysend, CustomRecords: i.Records,
		})
	}
	return list, nil
}

func (h *Hub) checkPayment(c *call) (any, *Refusal) {
	i, refused := h.find(c.user, c.PathValue("payment_hash"))
	if refused != nil {
		return nil, refused
	}
	return map[string]bool{"paid": !i.Settled.IsZero()}, nil
}

type legacyRoute struct {
	TotalAmount int64 `json:"total_amt"`
	TotalFees   int64 `json:"total_fees"`
}

type legacyPayment struct {
	Hash            buffer       `json:"payment_hash"`
	PaymentRequest  string       `json:"payment_request,omitempty"`
	PayReq          string       `json:"pay_req,omitempty"`
	Amount          int64        `json:"num_satoshis,omitempty"`
	Description     string       `json:"description,omitempty"`
	Destination     string       `json:"destination,omitempty"` // of a keysend
	DescriptionHash string       `json:"description_hash,omitempty"`
	Error           *string      `json:"payment_error,omitempty"` // not of a keysend
	Preimage        buffer       `json:"payment_preimage"`
	Route           *legacyRoute `json:"payment_route"`
}

func legacyPaid(p Invoice) legacyPayment {
	routed := legacyRoute{TotalAmount: p.Amount, TotalFees: 0}
	if p.Destination != NodeKey {
		routed = legacyRoute{TotalAmount: p.Amount + p.Fee, TotalFees: p.Fee}
	}
	return legacyPayment{
		Hash: bufferOf(p.Hash), PaymentRequest: p.Request, PayReq: p.Request, Amount: p.Amount, Description: p.Memo,
		DescriptionHash: p.DescriptionHash, Preimage: bufferOf(p.Preimage), Route: &routed,
	}
}

func (h *Hub) pay(c *call) (any, *Refusal) {
	var body struct {
		Invoice string `json:"invoice"`
		Amount  any    `json:"amount"`
	}
	if refused := c.bind(&body); refused != nil {
		return nil, refused
	}
	chosen, _ := amountOf(body.Amount)
	p, refused, err := h.payBill(c.user, body.Invoice, chosen)
	switch {
	case refused != nil:
		return nil, refused
	case err != nil:
		return nil, legacyPaymentFailed(err)
	}
	paid := legacyPaid(p)
	paid.Error = new(string)
	return paid, nil
}

func (h *Hub) keysend(c *call) (any, *Refusal) {
	var body keysendBody
	if refused := c.bind(&body); refused != nil {
		return nil, refused
	}
	body.CustomRecords = body.OldCustomRecords
	if !body.isComplete() {
		return nil, badArguments
	}
	if body.Destination == NodeKey && body.CustomRecords[strconv.Itoa(recipientRecord)] == "" {
		return nil, noRecipient
	}
	if refused := h.mayPay(c.user, body.Amount, body.Destination); refused != nil {
		return nil, refused
	}
	p, refused, err := h.payNode(c.user, body)
	switch {
	case refused != nil:
		return nil, refused
	case err != nil:
		return nil, legacyPaymentFailed(err)
	}
	paid := legacyPaid(p)
	paid.Destination = p.Destination
	return paid, nil
}
