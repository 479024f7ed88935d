package lanes

import (
	"math"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
)

// Table declares constant words in the file that is being written.
func Table(name string, words ...uint32) operand.Mem {
	m := build.GLOBL(name, attr.RODATA|attr.NOPTR)
	for i, w := range words {
		build.DATA(4*i, operand.U32(w))
	}
	return m
}

// Masks declares n words of ones followed by n of zeros: read at word n-i, it is the mask of the first i lanes.
func Masks(name string, n int) operand.Mem {
	words := make([]uint32, 2*n)
	for i := range n {
		words[i] = math.MaxUint32
	}
	return Table(name, words...)
}

// Numbers declares 16 lane numbers.
func Numbers(name string, f func(lane int) int) operand.Mem {
	words := make([]uint32, 16)
	for i := range words {
		words[i] = uint32(f(i))
	}
	return Table(name, words...)
}
