package lndhub

import (
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
)

type paidV2 struct {
	PaymentRequest  string `json:"payment_request,omitempty"`
	Amount          int64  `json:"amount,omitempty"`
	Fee             int64  `json:"fee"`
	Description     string `json:"description,omitempty"`
	DescriptionHash string `json:"description_hash,omitempty"`
	Destination     string `json:"destination,omitempty"`
	PaymentPreimage string `json:"payment_preimage,omitempty"`
	PaymentHash     string `json:"payment_hash,omitempty"`
}

// payV2 pays an invoice. One that names no amount is refused, whatever amount the body names: lndhub.go does not get along
// with the number's type.
func (h *Hub) payV2(c *call) (any, *Refusal) {
	var body struct {
		Invoice string `json:"invoice"`
		Amount  int64  `json:"amount"`
	}
	if refused := c.bind(&body); refused != nil {
		return nil, refused
	}
	if body.Amount < 0 {
		return nil, badArguments
	}
	p, refused, err := h.payBill(c.user, body.Invoice, 0)
	switch {
	case refused != nil:
		return nil, refused
	case err != nil:
		return nil, paymentFailed(err)
	}
	return paidV2{p.Request, p.Amount, p.Fee, p.Memo, p.DescriptionHash, p.Destination, p.Preimage, p.Hash}, nil
}

// payBill pays a payment request; chosen is the amount for one that names none. What is refused was not recorded, what
// failed was.
func (h *Hub) payBill(user int64, request string, chosen int64) (p Invoice, refused *Refusal, failed error) {
	due, refused := h.decode(strings.ToLower(request))
	switch {
	case refused != nil:
		return p, refused, nil
	case due.Expires.Unix() < h.now().Unix():
		return p, invoiceExpired, nil
	case due.Amount == 0 && chosen <= 0:
		return p, badArguments, nil
	case due.Amount == 0:
		due.Amount = chosen
	}
	if refused := h.mayPay(user, due.Amount, due.Destination); refused != nil {
		return p, refused, nil
	}
	payment := due
	payment.Type, payment.State, payment.Preimage, payment.Created = Outgoing, Initialized, "", h.now()
	failed = h.execute(user, h.begin(user, payment))
	p, _ = h.newest(user, payment.Hash)
	return p, nil, failed
}

// begin records a payment before it is made, and returns the record.
func (h *Hub) begin(user int64, payment Invoice) *Invoice {
	h.mu.Lock()
	defer h.mu.Unlock()
	a := h.account(user)
	a.invoices = append(a.invoices, &payment)
	return &payment
}

// newest returns the user's newest payment with that hash.
func (h *Hub) newest(user int64, hash string) (Invoice, bool) {
	found := h.Invoices(user, func(i *Invoice) bool { return i.Type == Outgoing && i.Hash == hash })
	if len(found) == 0 {
		return Invoice{}, false
	}
	return found[0], true
}

type keysendBody struct {
	Amount           int64             `json:"amount"`
	Destination      string            `json:"destination"`
	Memo             string            `json:"memo"`
	OldCustomRecords map[string]string `json:"customRecords"`
	CustomRecords    map[string]string `json:"custom_records"`
}

func (b keysendBody) isComplete() bool { return b.Amount > 0 && b.Destination != "" }

type keysendV2 struct {
	Amount          int64             `json:"amount"`
	Fee             int64             `json:"fee"`
	Description     string            `json:"description,omitempty"`
	DescriptionHash string            `json:"description_hash,omitempty"`
	Destination     string            `json:"destination,omitempty"`
	CustomRecords   map[string]string `json:"custom_records"`
	PaymentPreimage string            `json:"payment_preimage,omitempty"`
	PaymentHash     string            `json:"payment_hash,omitempty"`
}

// keysendV2 pays a node without an invoice. A payment that its node did not make is answered with 200 and an error:
// lndhub.go gives this error no status.
func (h *Hub) keysendV2(c *call) (any, *Refusal) {
	var body keysendBody
	if refused := c.bind(&body); refused != nil {
		return nil, refused
	}
	if !body.isComplete() {
		return nil, badArguments
	}
	if refused := h.mayPay(c.user, body.Amount, ""); refused != nil {
		return nil, refused
	}
	if body.CustomRecords == nil {
		body.CustomRecords = body.OldCustomRecords
	}
	p, refused, err := h.payNode(c.user, body)
	switch {
	case refused != nil:
		return nil, refused
	case err != nil:
		return nil, refusal(http.StatusOK, 10, err.Error())
	}
	return keysendAnswer(body, p), nil
}

func keysendAnswer(body keysendBody, p Invoice) *keysendV2 {
	return &keysendV2{
		Amount: p.Amount, Fee: p.Fee, Description: body.Memo, Destination: body.Destination,
		CustomRecords: body.CustomRecords, PaymentPreimage: p.Preimage, PaymentHash: p.Hash,
	}
}

// payNode makes a keysend with the body's CustomRecords. One to a key that is none stays initialized for ever.
func (h *Hub) payNode(user int64, body keysendBody) (p Invoice, refused *Refusal, failed error) {
	if body.Destination == NodeKey && body.CustomRecords[strconv.Itoa(recipientRecord)] == "" {
		return p, noRecipient, nil
	}
	payment := *newInvoice(body.Destination, body.Amount, body.Memo, h.now())
	payment.Type, payment.State, payment.Request, payment.Keysend = Outgoing, Initialized, "", true
	payment.Expires = payment.Created
	recorded := h.begin(user, payment)
	if key, err := hex.DecodeString(body.Destination); err != nil || len(key) != 33 {
		return p, invalidDestination, nil
	}
	records := map[uint64][]byte{}
	for number, value := range body.CustomRecords {
		n, err := strconv.Atoi(number)
		if err != nil {
			return p, badArguments, nil
		}
		records[uint64(n)] = []byte(value)
	}
	h.mu.Lock()
	recorded.Records = records
	h.mu.Unlock()
	failed = h.execute(user, recorded)
	p, _ = h.newest(user, payment.Hash)
	return p, nil, failed
}

type keysendResult struct {
	Keysend *keysendV2 `json:"keysend,omitempty"`
	Error   *Refusal   `json:"error,omitempty"`
}

type keysendResults struct {
	Keysends []keysendResult `json:"keysends"`
}

// keysendsV2 makes several keysends, one after another. When none was made, the status is 500.
func (h *Hub) keysendsV2(c *call) (any, *Refusal) {
	var body struct {
		Keysends []keysendBody `json:"keysends"`
	}
	if refused := c.bind(&body); refused != nil {
		return nil, refused
	}
	total := int64(0)
	for _, k := range body.Keysends {
		if !k.isComplete() {
			return nil, badArguments
		}
		total += k.Amount
	}
	if refused := h.mayPay(c.user, total, ""); refused != nil {
		return nil, refused
	}
	results, made := keysendResults{Keysends: []keysendResult{}}, false
	for _, k := range body.Keysends {
		sent := k.CustomRecords
		if k.CustomRecords == nil {
			k.CustomRecords = k.OldCustomRecords
		}
		p, refused, err := h.payNode(c.user, k)
		if err != nil {
			refused = refusal(0, 10, err.Error())
		}
		if refused != nil {
			results.Keysends = append(results.Keysends, keysendResult{
				Keysend: &keysendV2{Destination: k.Destination, CustomRecords: sent}, Error: refused,
			})
			continue
		}
		results.Keysends = append(results.Keysends, keysendResult{Keysend: keysendAnswer(k, p)})
		made = true
	}
	if !made {
		return nil, &Refusal{status: http.StatusInternalServerError, body: results}
	}
	return results, nil
}
