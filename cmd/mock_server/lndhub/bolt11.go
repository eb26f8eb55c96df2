package lndhub

import (
	"crypto/rand"
	"encoding/hex"
	"strconv"
	"strings"
	"time"
)

// bech32 is the alphabet that payment requests are written in, five bits a letter.
const bech32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"

// longestMemo is what fits into a payment request.
const longestMemo = 639

// request writes an invoice as BOLT 11 has it, for the regression test network. Only its signature is made up: nobody's key
// is known here.
func (i *Invoice) request() string {
	prefix := "lnbcrt"
	if i.Amount > 0 { // else the payer chooses
		prefix += strconv.FormatInt(i.Amount, 10) + "0n" // 1 sat is 10 nano-bitcoin
	}
	data := number(i.Created.Unix(), 7)
	field := func(kind byte, value []byte) {
		data = append(data, byte(strings.IndexByte(bech32, kind)), byte(len(value)>>5), byte(len(value)&31))
		data = append(data, value...)
	}
	hash, _ := hex.DecodeString(i.Hash)
	field('p', fives(hash))
	secret := make([]byte, 32)
	rand.Read(secret)
	field('s', fives(secret))
	if described, err := hex.DecodeString(i.DescriptionHash); err == nil && len(described) == 32 {
		field('h', fives(described))
	} else {
		field('d', fives([]byte(i.Memo)))
	}
	if node, err := hex.DecodeString(i.Destination); err == nil && len(node) == 33 {
		field('n', fives(node))
	}
	field('x', number(int64(i.Expires.Sub(i.Created)/time.Second), 4))
	field('9', number(1<<14|1<<9, 3)) // payment secret, onion of variable length
	signature := make([]byte, 65)
	rand.Read(signature[:64])
	data = append(data, fives(signature)...)

	var text strings.Builder
	text.WriteString(prefix + "1")
	for _, five := range append(data, checksum(prefix, data)...) {
		text.WriteByte(bech32[five])
	}
	return text.String()
}

// number is a number in so many groups of five bits.
func number(n int64, groups int) []byte {
	out := make([]byte, groups)
	for g := groups - 1; g >= 0; g-- {
		out[g] = byte(n & 31)
		n >>= 5
	}
	return out
}

// fives takes octets apart into groups of five bits, with zeros at the end.
func fives(octets []byte) []byte {
	var out []byte
	kept, bits := 0, 0
	for _, octet := range octets {
		kept, bits = kept<<8|int(octet), bits+8
		for ; bits >= 5; bits -= 5 {
			out = append(out, byte(kept>>(bits-5)&31))
		}
		kept &= 1<<bits - 1
	}
	if bits > 0 {
		out = append(out, byte(kept<<(5-bits)))
	}
	return out
}

// checksum is BIP 173's.
func checksum(prefix string, data []byte) []byte {
	sum := uint32(1)
	add := func(value byte) {
		top := sum >> 25
		sum = sum&0x1ffffff<<5 ^ uint32(value)
		for n, generator := range []uint32{0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3} {
			if top>>n&1 == 1 {
				sum ^= generator
			}
		}
	}
	for n := range prefix {
		add(prefix[n] >> 5)
	}
	add(0)
	for n := range prefix {
		add(prefix[n] & 31)
	}
	for _, value := range data {
		add(value)
	}
	for range 6 {
		add(0)
	}
	return number(int64(sum^1), 6)
}
