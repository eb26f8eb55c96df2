package lndhub

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// historyLimit is how many entries a list holds at most.
const historyLimit = 100

// errNoRows is how a database says that there is no open invoice, or no user, that an internal payment could go to.
var errNoRows = errors.New("sql: no rows in result set")

// account is a user, what they have in sat, and their invoices, oldest first.
type account struct {
	User
	balance  int64
	invoices []*Invoice
}

// record adds what happened before the hub began. The caller holds mu.
func (a *account) record(past Invoice) {
	a.invoices = append(a.invoices, &past)
	switch {
	case past.State != Settled:
	case past.Type == Incoming:
		a.balance += past.Amount
	default:
		a.balance -= past.Amount + past.Fee
	}
}

// Balance is what the user has, in sat. While a payment is under way it is without what that may cost.
func (h *Hub) Balance(user int64) int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	if a := h.account(user); a != nil {
		return a.balance
	}
	return 0
}

// Invoices are the user's newest ones that keep holds for, newest first.
func (h *Hub) Invoices(user int64, keep func(*Invoice) bool) []Invoice {
	h.mu.Lock()
	defer h.mu.Unlock()
	found := []Invoice{}
	a := h.account(user)
	if a == nil {
		return found
	}
	for _, i := range slices.Backward(a.invoices) {
		if len(found) < historyLimit && keep(i) {
			found = append(found, *i)
		}
	}
	return found
}

// Listed holds for what lists show: not for invoices that their node has not made, and payments that were not made.
func Listed(i *Invoice) bool { return i.State != Initialized && i.State != Failed }

// find returns the user's oldest invoice with that payment hash.
func (h *Hub) find(user int64, hash string) (Invoice, *Refusal) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, i := range h.account(user).invoices {
		if i.Hash == hash {
			return *i, nil
		}
	}
	return Invoice{}, badArguments
}

// addInvoiceFor makes an invoice that pays the user. An amount of 0 leaves it to the payer.
func (h *Hub) addInvoiceFor(user, amount int64, memo, descriptionHash string) (Invoice, *Refusal) {
	switch {
	case amount < 0 || descriptionHash != "" && !isHexadecimal(descriptionHash):
		return Invoice{}, badArguments
	case amount > maxAmount || len(memo) > longestMemo || strings.ContainsAny(descriptionHash, "xX"): // the node refuses it
		return Invoice{}, somethingWrong
	}
	i := newInvoiceOf(descriptionHash, NodeKey, amount, memo, h.now())
	i.Type = Incoming
	h.mu.Lock()
	defer h.mu.Unlock()
	a := h.account(user)
	a.invoices = append(a.invoices, i)
	h.payable[i.Request] = &bill{invoice: *i}
	return *i, nil
}

// mayPay is what is asked before anything is recorded. The node that is paid is known for bolt11 only.
func (h *Hub) mayPay(user, amount int64, destination string) *Refusal {
	needed := amount + h.serviceFee(amount)
	if h.config.FeeReserve {
		needed += h.feeCeiling(destination, amount)
	}
	if h.Balance(user) < needed {
		return notEnough
	}
	return nil
}

// feeCeiling is what is taken from an account for the routing fee, until it is known.
func (h *Hub) feeCeiling(destination string, amount int64) int64 {
	ceiling := int64(10)
	switch {
	case destination == NodeKey:
		return 0
	case amount > 1000:
		ceiling = (amount+99)/100 + 1
	}
	return min(ceiling, h.config.MaxFee)
}

func (h *Hub) serviceFee(amount int64) int64 {
	if amount <= h.config.NoServiceFeeUpTo {
		return 0
	}
	return (amount*h.config.ServiceFee + 999) / 1000
}

// execute makes a payment, whether or not anybody waits for it, and changes it to what became of it. The error is the
// node's, or the database's.
func (h *Hub) execute(user int64, payment *Invoice) error {
	held, err := h.hold(user, payment)
	if err != nil {
		return err
	}
	var preimage string
	var routed int64
	if payment.Destination == NodeKey {
		preimage, err = h.payInside(payment)
	} else {
		preimage, routed, err = h.payElsewhere(payment)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	book := func() {
		a := h.account(user)
		if err != nil {
			a.balance += held
			payment.State, payment.Error = Failed, err.Error()
			return
		}
		payment.Fee = routed + h.serviceFee(payment.Amount)
		a.balance += held - payment.Amount - payment.Fee
		payment.State, payment.Preimage, payment.Settled = Settled, preimage, h.now()
	}
	if h.config.Book != nil {
		if down := h.config.Book(*payment); down != nil {
			h.unbooked = append(h.unbooked, book)
			return cmp.Or(err, down)
		}
	}
	book()
	return err
}

// Restart is a start of lndhub.go: it asks the node about payments that were made, or failed, and could not be booked.
func (h *Hub) Restart() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, book := range h.unbooked {
		book()
	}
	h.unbooked = nil
}

// hold takes from the account what the payment may cost. The fees may leave it below zero, the amount may not.
func (h *Hub) hold(user int64, payment *Invoice) (int64, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	a := h.account(user)
	if a.balance < payment.Amount {
		return 0, fmt.Errorf("ERROR: invalid balance [user_id:%d] balance [%d] (SQLSTATE=P0001)", user, a.balance-payment.Amount)
	}
	held := payment.Amount + h.feeCeiling(payment.Destination, payment.Amount) + h.serviceFee(payment.Amount)
	a.balance -= held
	return held, nil
}

// payInside moves a payment to another user of the same node, and returns the preimage.
func (h *Hub) payInside(payment *Invoice) (string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	payee, due := h.dueTo(payment)
	if due == nil {
		return "", errNoRows
	}
	due.Amount, due.State, due.Settled = payment.Amount, Settled, h.now()
	payee.balance += payment.Amount
	return due.Preimage, nil
}

// dueTo finds the open invoice that is paid; for a keysend it makes one. The caller holds mu.
func (h *Hub) dueTo(payment *Invoice) (*account, *Invoice) {
	if payment.Keysend {
		payee := h.byLogin(string(payment.Records[recipientRecord]))
		if payee == nil {
			return nil, nil
		}
		due := *payment
		due.Type, due.Memo, due.Fee, due.Expires = Incoming, "", 0, h.now().Add(invoiceLifespan)
		payee.invoices = append(payee.invoices, &due)
		return payee, &due
	}
	for _, payee := range h.users {
		for _, due := range payee.invoices {
			if due.Type == Incoming && due.Hash == payment.Hash && due.State == Open {
				return payee, due
			}
		}
	}
	return nil, nil
}
