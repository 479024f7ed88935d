package main

import (
	"fmt"
	"strings"
)

// instruction is a calculation on vectors: how assemblers write it, with D, N and M for the numbers of the destination and
// the sources, and its bits where those numbers are 0 (Arm Architecture Reference Manual, C4.1, "Data Processing - Scalar
// Floating-Point and Advanced SIMD").
type instruction struct {
	text string
	bits uint32
}

// Four float32. fmla and fmls add to the destination and subtract from it.
var (
	fadd   = instruction{"fadd vD.4s, vN.4s, vM.4s", 0x4e20d400}
	fsub   = instruction{"fsub vD.4s, vN.4s, vM.4s", 0x4ea0d400}
	fmul   = instruction{"fmul vD.4s, vN.4s, vM.4s", 0x6e20dc00}
	fdiv   = instruction{"fdiv vD.4s, vN.4s, vM.4s", 0x6e20fc00}
	fmax   = instruction{"fmax vD.4s, vN.4s, vM.4s", 0x4e20f400} // NaN where either is, and so is fmin
	fmin   = instruction{"fmin vD.4s, vN.4s, vM.4s", 0x4ea0f400}
	fmla   = instruction{"fmla vD.4s, vN.4s, vM.4s", 0x4e20cc00}
	fmls   = instruction{"fmls vD.4s, vN.4s, vM.4s", 0x4ea0cc00}
	fabs   = instruction{"fabs vD.4s, vN.4s", 0x4ea0f800}
	fneg   = instruction{"fneg vD.4s, vN.4s", 0x6ea0f800}
	fsqrt  = instruction{"fsqrt vD.4s, vN.4s", 0x6ea1f800}
	frintn = instruction{"frintn vD.4s, vN.4s", 0x4e218800} // to the nearest whole number, halves to even
	frintm = instruction{"frintm vD.4s, vN.4s", 0x4e219800} // down
	frintp = instruction{"frintp vD.4s, vN.4s", 0x4ea18800} // up
	fcvtzs = instruction{"fcvtzs vD.4s, vN.4s", 0x4ea1b800} // to int32
	scvtf  = instruction{"scvtf vD.4s, vN.4s", 0x4e21d800}  // from int32
)

// Relations of four float32: ones where they hold, else zeros; none holds for NaN.
var (
	fcmeq = instruction{"fcmeq vD.4s, vN.4s, vM.4s", 0x4e20e400}
	fcmge = instruction{"fcmge vD.4s, vN.4s, vM.4s", 0x6e20e400}
	fcmgt = instruction{"fcmgt vD.4s, vN.4s, vM.4s", 0x6ea0e400}
)

// Whole numbers and bits.
var (
	add    = instruction{"add vD.4s, vN.4s, vM.4s", 0x4ea08400}
	sub    = instruction{"sub vD.4s, vN.4s, vM.4s", 0x6ea08400}
	and    = instruction{"and vD.16b, vN.16b, vM.16b", 0x4e201c00}
	orr    = instruction{"orr vD.16b, vN.16b, vM.16b", 0x4ea01c00}
	not    = instruction{"mvn vD.16b, vN.16b", 0x6e205800}
	bsl    = instruction{"bsl vD.16b, vN.16b, vM.16b", 0x6e601c00}   // N where the destination is 1, M where it is 0
	tested = instruction{"cmtst vD.16b, vN.16b, vM.16b", 0x4e208c00} // ones in a byte where N and M have a common 1
	clear4 = instruction{"movi vD.4s, #0", 0x4f000400}
)

// shl, sshr and ushr shift four words by n bits; the first of the two to the right keeps the sign.
func shl(n uint32) instruction {
	return instruction{fmt.Sprintf("shl vD.4s, vN.4s, #%d", n), 0x4f005400 | (32+n)<<16}
}
func sshr(n uint32) instruction {
	return instruction{fmt.Sprintf("sshr vD.4s, vN.4s, #%d", n), 0x4f000400 | (64-n)<<16}
}
func ushr(n uint32) instruction {
	return instruction{fmt.Sprintf("ushr vD.4s, vN.4s, #%d", n), 0x6f000400 | (64-n)<<16}
}

// Rearrangements. uzp takes the even (1) or odd (2) elements of N, then of M; zip the lower (1) or upper (2) halves of both in turn;
// trn the even (1) or odd (2) elements of both in turn.
var (
	dup      = instruction{"dup vD.4s, vN.s[0]", 0x4e040400}
	swap     = instruction{"ext vD.16b, vN.16b, vM.16b, #8", 0x6e004000} // the upper half of N, then the lower one of M
	rev64    = instruction{"rev64 vD.4s, vN.4s", 0x4ea00800}             // neighbours exchanged
	uzp1     = instruction{"uzp1 vD.4s, vN.4s, vM.4s", 0x4e801800}
	uzp1Half = instruction{"uzp1 vD.8h, vN.8h, vM.8h", 0x4e401800}
	uzp2Half = instruction{"uzp2 vD.8h, vN.8h, vM.8h", 0x4e405800}
	uzp1Byte = instruction{"uzp1 vD.16b, vN.16b, vM.16b", 0x4e001800}
	zip1Half = instruction{"zip1 vD.8h, vN.8h, vM.8h", 0x4e403800}
	zip2Half = instruction{"zip2 vD.8h, vN.8h, vM.8h", 0x4e407800}
	zip1Byte = instruction{"zip1 vD.16b, vN.16b, vM.16b", 0x4e003800}
	zip2Byte = instruction{"zip2 vD.16b, vN.16b, vM.16b", 0x4e007800}
	trn1     = instruction{"trn1 vD.4s, vN.4s, vM.4s", 0x4e802800}
	trn2     = instruction{"trn2 vD.4s, vN.4s, vM.4s", 0x4e806800}
	trn1Pair = instruction{"trn1 vD.2d, vN.2d, vM.2d", 0x4ec02800}
	trn2Pair = instruction{"trn2 vD.2d, vN.2d, vM.2d", 0x4ec06800}
	shll     = instruction{"shll vD.4s, vN.4h, #16", 0x2e613800} // the lower four halves of N become the upper halves of words
	shll2    = instruction{"shll2 vD.4s, vN.8h, #16", 0x6e613800}
)

// write is the line for registers: the destination, then the sources.
func (i instruction) write(registers []int) string {
	bits, text := i.bits, i.text
	for at, r := range registers {
		text = strings.ReplaceAll(text, "v"+"DNM"[at:at+1], fmt.Sprintf("v%d", r))
		bits |= uint32(r) << [...]int{0, 5, 16}[at]
	}
	return fmt.Sprintf("WORD $0x%08x // %s", bits, text)
}
