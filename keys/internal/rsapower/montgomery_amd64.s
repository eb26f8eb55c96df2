#include "textflag.h"

// func montgomery(product, a, b, n *digits, inverse uint64)
//
// Montgomery's multiplication, digit by digit of b, as in a column of long multiplication. The sum, Z0 to Z4, has a digit in
// each lane of 64 bits. A round adds the digit's multiple of a, and the multiple of n that makes the lowest digit of the sum
// 0, which is then dropped. Products have 104 bits: the low half of each is added before the others move down by a lane, the
// high half, which belongs to the next digit, after it. A lane takes part in at most 40 rounds and gets four numbers of 52
// bits in each, and one carry when it has become the lowest: the sum of all is below 2**60.
TEXT ·montgomery(SB), NOSPLIT, $0-40
	MOVQ product+0(FP), DI
	MOVQ a+8(FP), AX
	MOVQ b+16(FP), SI
	MOVQ n+24(FP), BX
	MOVQ inverse+32(FP), R8

	VMOVDQU64 0(AX), Z5
	VMOVDQU64 64(AX), Z6
	VMOVDQU64 128(AX), Z7
	VMOVDQU64 192(AX), Z8
	VMOVDQU64 256(AX), Z9
	VMOVDQU64 0(BX), Z16
	VMOVDQU64 64(BX), Z17
	VMOVDQU64 128(BX), Z18
	VMOVDQU64 192(BX), Z19
	VMOVDQU64 256(BX), Z20

	VPXORQ Z0, Z0, Z0
	VPXORQ Z1, Z1, Z1
	VPXORQ Z2, Z2, Z2
	VPXORQ Z3, Z3, Z3
	VPXORQ Z4, Z4, Z4
	VPXORQ Z15, Z15, Z15 // 0, what moves into the highest lane

	MOVQ  $1, AX
	KMOVW AX, K1 // the lowest lane alone
	MOVQ  $40, CX

round:
	// sum += low halves of a * digit
	VPBROADCASTQ (SI), Z10
	VPMADD52LUQ  Z5, Z10, Z0
	VPMADD52LUQ  Z6, Z10, Z1
	VPMADD52LUQ  Z7, Z10, Z2
	VPMADD52LUQ  Z8, Z10, Z3
	VPMADD52LUQ  Z9, Z10, Z4

	// multiple = sum * inverse, of which the multiplications take the low 52 bits
	VMOVQ        X0, AX
	IMULQ        R8, AX
	VPBROADCASTQ AX, Z11

	// sum += low halves of n * multiple
	VPMADD52LUQ Z16, Z11, Z0
	VPMADD52LUQ Z17, Z11, Z1
	VPMADD52LUQ Z18, Z11, Z2
	VPMADD52LUQ Z19, Z11, Z3
	VPMADD52LUQ Z20, Z11, Z4

	// sum >>= 52: every lane moves down, and what the lowest held above its 52 zeros is carried
	VPSRLQ.Z $52, Z0, K1, Z12
	VALIGNQ  $1, Z0, Z1, Z0
	VALIGNQ  $1, Z1, Z2, Z1
	VALIGNQ  $1, Z2, Z3, Z2
	VALIGNQ  $1, Z3, Z4, Z3
	VALIGNQ  $1, Z4, Z15, Z4
	VPADDQ   Z12, Z0, Z0

	// sum += high halves of a * digit + n * multiple
	VPMADD52HUQ Z5, Z10, Z0
	VPMADD52HUQ Z6, Z10, Z1
	VPMADD52HUQ Z7, Z10, Z2
	VPMADD52HUQ Z8, Z10, Z3
	VPMADD52HUQ Z9, Z10, Z4
	VPMADD52HUQ Z16, Z11, Z0
	VPMADD52HUQ Z17, Z11, Z1
	VPMADD52HUQ Z18, Z11, Z2
	VPMADD52HUQ Z19, Z11, Z3
	VPMADD52HUQ Z20, Z11, Z4

	ADDQ $8, SI
	DECQ CX
	JNZ  round

	VMOVDQU64 Z0, 0(DI)
	VMOVDQU64 Z1, 64(DI)
	VMOVDQU64 Z2, 128(DI)
	VMOVDQU64 Z3, 192(DI)
	VMOVDQU64 Z4, 256(DI)
	VZEROUPPER
	RET
