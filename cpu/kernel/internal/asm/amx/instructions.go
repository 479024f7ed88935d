package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/ir"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The instructions on tiles, which neither avo nor Go's assembler knows: Intel's manual (Instruction Set Reference, volume 2), encoded with
// VEX.128.0F38.W0, a mandatory prefix and an opcode each.

// tmm is the number of a tile's register, 0 to 7.
type tmm uint8

// memory is base + index + offset; rows of a tile are index bytes apart.
type memory struct {
	base, index reg.GPPhysical
	offset      uint8 // below 128
}

// prefix is the mandatory prefix of an instruction.
type prefix uint8

const (
	noPrefix prefix = 0
	prefixF3 prefix = 2
	prefixF2 prefix = 3
)

// high and low are the bits of a register's number in a prefix, inverted, and in the bytes behind the opcode.
func high(r reg.GPPhysical) uint8 { return ^uint8(r.PhysicalIndex()) >> 3 & 1 }
func low(r reg.GPPhysical) uint8  { return uint8(r.PhysicalIndex()) & 7 }

// onTiles encodes an instruction on registers alone: r and m in the byte behind the opcode, v in the prefix.
func onTiles(p prefix, opcode uint8, r, m, v tmm) []uint8 {
	return []uint8{0xc4, 0xe2, ^uint8(v)&15<<3 | uint8(p), opcode, 0xc0 | uint8(r)<<3 | uint8(m)}
}

// onMemory encodes an instruction on a tile in memory.
func onMemory(p prefix, opcode uint8, r tmm, m memory) []uint8 {
	return []uint8{0xc4, 1<<7 | high(m.index)<<6 | high(m.base)<<5 | 2, 0x78 | uint8(p), opcode, 1<<6 | uint8(r)<<3 | 4, low(m.index)<<3 | low(m.base), m.offset}
}

// onPointer encodes an instruction on the memory at a register, which is none of rsp, rbp, r12 and r13.
func onPointer(p prefix, opcode uint8, at reg.GPPhysical) []uint8 {
	return []uint8{0xc4, 3<<6 | high(at)<<5 | 2, 0x78 | uint8(p), opcode, low(at)}
}

// emit writes the bytes of an instruction below its text.
func emit(code []uint8, format string, args ...any) {
	build.Comment(fmt.Sprintf(format, args...))
	for _, b := range code {
		build.Instruction(&ir.Instruction{Opcode: "BYTE", Operands: []operand.Op{operand.U8(b)}})
	}
}

func (m memory) String() string {
	return fmt.Sprintf("%d(%s)(%s*1)", m.offset, m.base.Asm(), m.index.Asm())
}

func configure(from reg.GPPhysical) {
	emit(onPointer(noPrefix, 0x49, from), "LDTILECFG (%s)", from.Asm())
}
func release()              { emit(onTiles(noPrefix, 0x49, 0, 0, 0), "TILERELEASE") }
func zero(t tmm)            { emit(onTiles(prefixF2, 0x49, t, 0, 0), "TILEZERO TMM%d", t) }
func load(t tmm, m memory)  { emit(onMemory(prefixF2, 0x4b, t, m), "TILELOADD %v, TMM%d", m, t) }
func store(t tmm, m memory) { emit(onMemory(prefixF3, 0x4b, t, m), "TILESTORED TMM%d, %v", t, m) }

// multiplyAdd adds the products of pairs, a·b, to sum.
func multiplyAdd(sum, a, b tmm) {
	emit(onTiles(prefixF3, 0x5c, sum, a, b), "TDPBF16PS TMM%d, TMM%d, TMM%d", b, a, sum)
}
