package main

import (
	"strings"
	"sync"
	"time"
)

const (
	// nodeKey is the public key of the Lightning node that all demo users share.
	nodeKey = "02d3a1f7c5be4609ab1827c7e3d9f05b6c1487a2e9f03b5d7c61e8a4f2097b3d5e"
	// shopKey is the node of a shop elsewhere: paying it costs a routing fee.
	shopKey = "03b5c7e9f10a2d4f6b8c0e1a3d5f7092b4c6e8fa1c3e5072946b8d0f2a4c6e8f10"
	// recipientRecord is the keysend record that says which user of the node is paid.
	recipientRecord = "696969"
	// maxAmount is all there is, in sat: sums stay far from overflowing.
	maxAmount = 21_000_000 * 100_000_000
	// historyLimit is how many entries a list holds at most.
	historyLimit = 100
)

// ledger is the demo wallet's memory: every user's balance and history. A user comes to be, with an opening balance,
// the first time somebody asks. Methods answer at once and are safe for concurrent use; a payment happens whole or not
// at all. Errors are of type *refusal.
type ledger struct {
	now func() time.Time

	mu       sync.Mutex
	accounts map[int64]*account
	payable  map[string]invoice // by payment request
}

// account is one user's money, in sat, and history, oldest first.
type account struct {
	balance int64
	history []*entry
}

// invoice is what a payment request asks for. The payee is nil for one of another node.
type invoice struct {
	*entry
	payee *account
}

func newLedger(now func() time.Time) *ledger {
	return &ledger{now: now, accounts: map[int64]*account{}, payable: map[string]invoice{}}
}

// account returns the user's account. The caller holds mu.
func (l *ledger) account(userID int64) *account {
	a, ok := l.accounts[userID]
	if !ok {
		a = openingAccount(userID, l.now())
		l.accounts[userID] = a
	}
	return a
}

// Balance is what the user has, in sat.
func (l *ledger) Balance(userID int64) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.account(userID).balance
}

// History lists the user's newest entries that pass the filter, newest first.
func (l *ledger) History(userID int64, keep func(entry) bool) []entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	history := l.account(userID).history
	found := []entry{}
	for i := len(history) - 1; i >= 0 && len(found) < historyLimit; i-- {
		if e := *history[i]; keep(e) {
			found = append(found, e)
		}
	}
	return found
}

// Find returns the user's newest entry with that payment hash.
func (l *ledger) Find(userID int64, hash string) (entry, error) {
	found := l.History(userID, func(e entry) bool { return e.hash == hash })
	if len(found) == 0 {
		return entry{}, errBadArguments
	}
	return found[0], nil
}

// AddInvoice makes an invoice that pays the user. An amount of 0 lets the payer choose.
func (l *ledger) AddInvoice(userID, amount int64, memo, descriptionHash string) (entry, error) {
	if amount < 0 || amount > maxAmount {
		return entry{}, errBadArguments
	}
	e := newEntry(nodeKey, amount, memo, l.now())
	e.incoming, e.descriptionHash = true, descriptionHash

	l.mu.Lock()
	defer l.mu.Unlock()
	payee := l.account(userID)
	payee.history = append(payee.history, e)
	l.payable[e.request] = invoice{e, payee}
	return *e, nil
}

// ShopInvoice makes an invoice of the shop elsewhere, for the user to pay.
func (l *ledger) ShopInvoice(amount int64, memo string) entry {
	e := newEntry(shopKey, amount, memo, l.now())
	l.mu.Lock()
	defer l.mu.Unlock()
	l.payable[e.request] = invoice{e, nil}
	return *e
}

// Pay pays a payment request that AddInvoice or ShopInvoice made. The amount counts only for one that names none.
func (l *ledger) Pay(userID int64, request string, amount int64) (entry, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	due, ok := l.payable[strings.ToLower(request)]
	if !ok {
		return entry{}, errBadArguments
	}
	if due.amount > 0 {
		amount = due.amount
	}
	now := l.now()
	switch {
	case amount <= 0 || amount > maxAmount:
		return entry{}, errBadArguments
	case due.settled():
		return entry{}, errPaid
	case now.After(due.expires):
		return entry{}, errExpired
	}
	payment := due.payment(amount, routingFee(due.destination, amount), now)
	if err := l.settle(l.account(userID), payment, due.payee); err != nil {
		return entry{}, err
	}
	due.amount, due.paidAt = amount, now
	return *payment, nil
}

// Keysend pays a node without an invoice. A payment to nodeKey needs the record that names the user who receives it.
func (l *ledger) Keysend(userID int64, destination string, amount int64, memo string, records map[string][]byte) (entry, error) {
	if amount <= 0 || amount > maxAmount {
		return entry{}, errBadArguments
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	e := newEntry(destination, amount, memo, now)
	e.request, e.keysend, e.records = "", true, records

	var payee *account
	if destination == nodeKey {
		if payee = l.recipient(string(records[recipientRecord])); payee == nil {
			return entry{}, errNoRecipient
		}
	}
	payment := e.payment(amount, routingFee(destination, amount), now)
	if err := l.settle(l.account(userID), payment, payee); err != nil {
		return entry{}, err
	}
	if payee != nil {
		e.incoming, e.paidAt = true, now
		payee.history = append(payee.history, e)
	}
	return *payment, nil
}

// settle moves the money: from the payer, fee included, to the payee if there is one here. The caller holds mu.
func (l *ledger) settle(payer *account, payment *entry, payee *account) error {
	if payer.balance < payment.amount+feeReserve(payment.destination, payment.amount) {
		return errBalance
	}
	payer.balance -= payment.amount + payment.fee
	payer.history = append(payer.history, payment)
	if payee != nil {
		payee.balance += payment.amount
	}
	return nil
}

// recipient finds the account that a keysend record names, or nil. The caller holds mu.
func (l *ledger) recipient(name string) *account {
	for id, a := range l.accounts {
		if name != "" && profileOf(id).Identifier == name {
			return a
		}
	}
	return nil
}

// feeReserve is what lndhub.go wants to see in the account on top of the amount.
func feeReserve(destination string, amount int64) int64 {
	switch {
	case destination == nodeKey:
		return 0
	case amount <= 1000:
		return 10
	default:
		return (amount+99)/100 + 1
	}
}

// routingFee is what the payment costs in the end: nothing between users of one node.
func routingFee(destination string, amount int64) int64 {
	if destination == nodeKey {
		return 0
	}
	return 1 + amount/1000
}
