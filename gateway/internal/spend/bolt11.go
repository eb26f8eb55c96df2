package spend

import (
	"encoding/hex"
	"math"
	"strconv"
	"strings"
	"time"
)

// What is wrong with an invoice.
const (
	NoInvoice       Unreadable = "The invoice is no BOLT 11 invoice: form or checksum are wrong."
	AnotherNetwork  Unreadable = "The invoice is of another network."
	NoInvoiceAmount Unreadable = "The invoice names no amount, or one below 1 sat."
	Expired         Unreadable = "The invoice has expired."
)

// Invoice is what is read of a BOLT 11 invoice. Its signature is left to the node that pays.
type Invoice struct {
	Sat     int64  // the amount, rounded up
	Hash    string // of the payment, in hexadecimal
	Expires time.Time
}

// longestInvoice is what lnd reads at most.
const longestInvoice = 7089

// The parts of an invoice's data, in groups of 5 bits.
const (
	timestampSize = 7
	signatureSize = 104
	hashSize      = 52
	fieldHead     = 3 // type and length
)

const defaultExpiry = time.Hour

// ReadInvoice reads an invoice of a network: bc, tb, tbs, bcrt. In capitals it is the same invoice. One whose hash or expiry could
// be read in two ways is refused.
func ReadInvoice(text, network string) (Invoice, error) {
	if len(text) > longestInvoice {
		return Invoice{}, NoInvoice
	}
	prefix, data, ok := decodeBech32(text)
	if !ok || len(data) < timestampSize+signatureSize {
		return Invoice{}, NoInvoice
	}
	var i Invoice
	var err error
	if i.Sat, err = readPrefix(prefix, network); err != nil {
		return Invoice{}, err
	}
	stamp, data := data[:timestampSize], data[timestampSize:len(data)-signatureSize]
	begins, _ := number(stamp)
	expiry := int64(defaultExpiry / time.Second)
	hasExpiry := false
	for len(data) > 0 {
		if len(data) < fieldHead {
			return Invoice{}, NoInvoice
		}
		kind, size := alphabet[data[0]], int(data[1])<<5|int(data[2])
		if data = data[fieldHead:]; len(data) < size {
			return Invoice{}, NoInvoice
		}
		value := data[:size]
		data = data[size:]
		switch {
		case kind == 'p' && size == hashSize:
			hash, ok := octets(value)
			if !ok || i.Hash != "" {
				return Invoice{}, NoInvoice
			}
			i.Hash = hex.EncodeToString(hash)
		case kind == 'x':
			seconds, ok := number(value)
			if !ok || hasExpiry {
				return Invoice{}, NoInvoice
			}
			expiry, hasExpiry = seconds, true
		}
	}
	if i.Hash == "" {
		return Invoice{}, NoInvoice
	}
	i.Expires = time.Unix(begins+expiry, 0).UTC()
	return i, nil
}

// number reads one of up to 48 bits.
func number(groups []byte) (n int64, ok bool) {
	for _, group := range groups {
		if n = n<<5 | int64(group); n >= 1<<48 {
			return 0, false
		}
	}
	return n, true
}

// readPrefix reads ln, the network and the amount.
func readPrefix(prefix, network string) (sat int64, err error) {
	rest, ok := strings.CutPrefix(prefix, "ln"+network)
	switch {
	case !strings.HasPrefix(prefix, "ln"):
		return 0, NoInvoice
	case !ok || rest != "" && (rest[0] < '0' || rest[0] > '9'):
		return 0, AnotherNetwork
	case rest == "":
		return 0, NoInvoiceAmount
	}
	digits := strings.TrimRight(rest, "munp")
	value, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || len(rest)-len(digits) > 1 || digits[0] == '0' {
		return 0, NoInvoice
	}
	// A bitcoin is 10¹¹ millisatoshi.
	millisat := int64(0)
	switch rest[len(digits):] {
	case "":
		millisat, ok = times(value, 100_000_000_000)
	case "m":
		millisat, ok = times(value, 100_000_000)
	case "u":
		millisat, ok = times(value, 100_000)
	case "n":
		millisat, ok = times(value, 100)
	case "p":
		millisat, ok = value/10, value%10 == 0
	}
	switch {
	case !ok || millisat > math.MaxInt64-999:
		return 0, NoInvoice
	case millisat < 1000: // lndhub.go pays the amount that the body names then
		return 0, NoInvoiceAmount
	}
	if sat = (millisat + 999) / 1000; sat > MaxAmount {
		return 0, NoInvoice
	}
	return sat, nil
}

func times(a, b int64) (int64, bool) {
	if a > math.MaxInt64/b {
		return 0, false
	}
	return a * b, true
}
