package rsapower

import (
	"encoding/binary"
	"math/big"
)

const (
	digitBits = 52
	digitMask = 1<<digitBits - 1
)

// digits are a number below 2**2080, 52 bits in each, the lowest first: what the instructions multiply.
type digits [40]uint64

func digitsOf(n *big.Int) (d digits) {
	var b [Size]byte
	n.FillBytes(b[:])
	d.setBytes(&b)
	return d
}

// setBytes reads a big-endian number.
func (d *digits) setBytes(b *[Size]byte) {
	var rest uint64 // what of the bytes read is in no digit yet
	var bits uint
	word := Size
	for i := range d {
		d[i] = rest & digitMask
		if bits >= digitBits {
			rest >>= digitBits
			bits -= digitBits
			continue
		}
		rest = 0
		if word > 0 {
			word -= 8
			next := binary.BigEndian.Uint64(b[word:])
			d[i] |= next << bits & digitMask
			rest = next >> (digitBits - bits)
			bits += 64 - digitBits
		}
	}
}

// bytes writes a number below 2**2048, big-endian.
func (d *digits) bytes(b *[Size]byte) {
	var word uint64
	var bits uint
	at := Size
	for _, digit := range d {
		word |= digit << bits
		if bits += digitBits; bits < 64 {
			continue
		}
		at -= 8
		binary.BigEndian.PutUint64(b[at:], word)
		bits -= 64
		word = digit >> (digitBits - bits)
	}
}

// carry makes what is more than 52 bits of a digit part of the next one.
func (d *digits) carry() {
	var carry uint64
	for i, digit := range d {
		digit += carry
		d[i] = digit & digitMask
		carry = digit >> digitBits
	}
}

func (d *digits) less(other *digits) bool {
	for i := len(d) - 1; i >= 0; i-- {
		if d[i] != other[i] {
			return d[i] < other[i]
		}
	}
	return false
}

// subtract takes away a number that is not greater.
func (d *digits) subtract(other *digits) {
	var borrow uint64
	for i := range d {
		difference := d[i] - other[i] - borrow
		d[i] = difference & digitMask
		borrow = difference >> 63
	}
}
