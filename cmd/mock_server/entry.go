package main

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"strconv"
	"time"
)

// invoiceLifespan is how long an invoice can be paid.
const invoiceLifespan = 24 * time.Hour

// entry is one invoice or payment in a user's history. The payment request is empty for a keysend payment.
type entry struct {
	incoming, keysend        bool
	hash, preimage           string // hex; the hash is the preimage's SHA-256
	request                  string
	memo, descriptionHash    string
	destination              string // the public key of the node that is paid
	amount, fee              int64  // sat
	records                  map[string][]byte
	created, expires, paidAt time.Time // paidAt is zero until it is paid
}

func (e *entry) settled() bool { return !e.paidAt.IsZero() }

// bech32 is the alphabet that payment requests are written in.
var bech32 = base32.NewEncoding("qpzry9x8gf2tvdw0s3jn54khce6mua7l").WithPadding(base32.NoPadding)

// newEntry makes an invoice that nobody has paid yet, with a fresh payment hash. The payment request looks like a
// BOLT11 one of a test network and holds the amount and the hash, but no signature: only this server can read it.
func newEntry(destination string, amount int64, memo string, now time.Time) *entry {
	preimage := make([]byte, 32)
	rand.Read(preimage)
	hash := sha256.Sum256(preimage)

	units := "" // no amount: the payer chooses
	if amount > 0 {
		units = strconv.FormatInt(amount, 10) + "0n" // 1 sat is 10 nano-bitcoin
	}
	filler := make([]byte, 65)
	rand.Read(filler)
	return &entry{
		hash:        hex.EncodeToString(hash[:]),
		preimage:    hex.EncodeToString(preimage),
		request:     "lnbcrt" + units + "1" + bech32.EncodeToString(append(hash[:], filler...)),
		memo:        memo,
		destination: destination,
		amount:      amount,
		created:     now,
		expires:     now.Add(invoiceLifespan),
	}
}

// payment is the entry in the payer's history that pays e.
func (e *entry) payment(amount, fee int64, now time.Time) *entry {
	paid := *e
	paid.incoming, paid.amount, paid.fee, paid.paidAt = false, amount, fee, now
	paid.created = now
	return &paid
}
