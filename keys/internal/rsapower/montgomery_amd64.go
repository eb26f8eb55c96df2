package rsapower

import "golang.org/x/sys/cpu"

// Either can be switched off by GODEBUG.
var supported = cpu.X86.HasAVX512F && cpu.X86.HasAVX512IFMA

// montgomery sets product to a*b/2**2080 modulo n, or n more, in 40 digits that have to be carried: each is below 2**60.
// inverse is -1/n modulo 2**52. a and b are below 2n, their digits have been carried, and either may be product.
//
//go:noescape
func montgomery(product, a, b, n *digits, inverse uint64)
