//go:build !amd64

package rsapower

const supported = false

func montgomery(_, _, _, _ *digits, _ uint64) { panic("there is no modulus on this processor") }
