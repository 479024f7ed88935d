//go:build emulate && linux && amd64 && cgo

package emulate

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
)

// vector is the value of a ZMM register.
type vector [64]byte

func (v *vector) half(i int) uint16       { return binary.LittleEndian.Uint16(v[2*i:]) }
func (v *vector) word(i int) uint32       { return binary.LittleEndian.Uint32(v[4*i:]) }
func (v *vector) float(i int) float32     { return math.Float32frombits(v.word(i)) }
func (v *vector) setHalf(i int, x uint16) { binary.LittleEndian.PutUint16(v[2*i:], x) }
func (v *vector) setWord(i int, x uint32) { binary.LittleEndian.PutUint32(v[4*i:], x) }

// meaning makes n elements of to, which holds the destination's value, from those of the operands a and b.
type meaning func(to, a, b *vector, n, immediate int)

// instruction is one with an EVEX prefix and what it means.
type instruction struct {
	name                     string
	space, prefix, opcode, w byte // as in emulate.h
	to, from                 int  // bytes of an element of ModRM.reg and of ModRM.rm
	form                     form
	fill                     func(*rand.Rand) vector // random operands
	mean                     meaning
}

// form is the part of an instruction that is not the same in all.
type form struct {
	three      bool // vvvv names an operand, a
	immediates int  // it takes an immediate below this, or none
	digit      int  // ModRM.reg, where the result is in vvvv, or 0
	shortest   int  // the shortest length: 1 is 256 bits
	unmasked   bool
	memory     bool // ModRM.rm is no register
	single     bool // b in memory is one element
	whole      bool // b in memory is never one element for all
	blend      bool // elements that the mask does not choose are those of a
	toMask     bool // element i of the result is bit i of a mask
	fromMask   bool // b is a mask
	store      bool // the result is ModRM.rm, and b ModRM.reg
}

// encoding has the numbers of registers, where not all of one instruction use each.
type encoding struct {
	reg, other, rm, mask, length, immediate int
	zeroing, broadcast                      bool
	displacement                            []byte // rm is the base of an address, not an operand
}

// encode returns the bytes (the manual, section 2.7.1).
func (in *instruction) encode(e encoding) []byte {
	inverted := func(number, bit, at int) byte { return byte(^number>>bit&1) << at }
	p0 := in.space | inverted(e.reg, 3, 7) | inverted(e.rm, 4, 6) | inverted(e.rm, 3, 5) | inverted(e.reg, 4, 4)
	p1 := in.prefix | 4 | byte(^e.other&15)<<3 | in.w<<7
	p2 := byte(e.mask) | inverted(e.other, 4, 3) | byte(e.length)<<5
	if e.broadcast {
		p2 |= 1 << 4
	}
	if e.zeroing {
		p2 |= 1 << 7
	}
	mode := map[int]byte{0: 3, 1: 1, 4: 2}[len(e.displacement)]
	code := append([]byte{0x62, p0, p1, p2, in.opcode, mode<<6 | byte(e.reg&7)<<3 | byte(e.rm&7)}, e.displacement...)
	if in.form.immediates > 0 {
		code = append(code, byte(e.immediate))
	}
	return code
}

// Random operands. anything is any bits, numbers floats with exceptional ones among them, pairs bfloat16 as AMX's tests use them, and
// halfway floats that are often between two of bfloat16.
func anything(r *rand.Rand) vector { return vector(randomBytes(r, 64)) }

func pairs(r *rand.Rand) vector { return vector(values(r, 64)) }

func halfway(r *rand.Rand) vector {
	v := anything(r)
	for i := 0; i < 32; i += 2 * (1 + r.IntN(2)) {
		v.setHalf(i, 0x7FFF+uint16(r.IntN(3)))
	}
	return v
}

func numbers(r *rand.Rand) (v vector) {
	special := []float64{0, math.Copysign(0, -1), 1, -1, 0.5, -2.5, 1e30, math.Inf(1), math.Inf(-1), math.NaN()}
	for i := range 16 {
		x := r.NormFloat64() * math.Ldexp(1, r.IntN(12))
		if r.IntN(4) == 0 {
			x = special[r.IntN(len(special))]
		}
		v.setWord(i, math.Float32bits(float32(x)))
	}
	return v
}

// The meanings of elements that depend on nothing but the same ones of the operands.
func floats(f func(to, a, b float32) float32) meaning {
	return func(to, a, b *vector, n, _ int) {
		for i := range n {
			to.setWord(i, math.Float32bits(f(to.float(i), a.float(i), b.float(i))))
		}
	}
}

func words(f func(a, b uint32) uint32) meaning {
	return func(to, a, b *vector, n, _ int) {
		for i := range n {
			to.setWord(i, f(a.word(i), b.word(i)))
		}
	}
}

func withImmediate(f func(b uint32, immediate int) uint32) meaning {
	return func(to, _, b *vector, n, immediate int) {
		for i := range n {
			to.setWord(i, f(b.word(i), immediate))
		}
	}
}

func copied(to, _, b *vector, _, _ int) { *to = *b }

// places takes element i of the result, of 4 bytes, from place from(i) of a and, behind its n, b.
func places(from func(i, n, immediate int) int) meaning {
	return func(to, a, b *vector, n, immediate int) {
		for i := range n {
			if at := from(i, n, immediate); at < n {
				to.setWord(i, a.word(at))
			} else {
				to.setWord(i, b.word(at-n))
			}
		}
	}
}

// bitsOf makes a mask.
func bitsOf(f func(a, b *vector, i, immediate int) bool) meaning {
	return func(to, a, b *vector, n, immediate int) {
		clear(to[:8])
		for i := range n {
			if f(a, b, i, immediate) {
				to[i/8] |= 1 << (i % 8)
			}
		}
	}
}

// fused is a b + c, rounded once.
func fused(a, b, c float32) float32 {
	if sum := float64(a)*float64(b) + float64(c); math.IsNaN(sum) || math.IsInf(sum, 0) {
		return float32(sum)
	}
	return exactly(a, b, c)
}

// rounded is x with as many binary places as the immediate's high half says, in the direction of its low bits.
func rounded(x float32, immediate int) float64 {
	direction := immediate & 3
	if immediate&4 != 0 {
		direction = 0 // MXCSR's
	}
	unit := math.Ldexp(1, -(immediate >> 4))
	return [4]func(float64) float64{math.RoundToEven, math.Floor, math.Ceil, math.Trunc}[direction](float64(x)/unit) * unit
}

// brain is the bfloat16 nearest to x.
func brain(x float32) uint16 {
	bits := math.Float32bits(float32(flushed(x)))
	upper, lower := uint16(bits>>16), bits&0xFFFF
	switch {
	case x != x:
		return upper | 0x40
	case lower > 0x8000 || lower == 0x8000 && upper%2 == 1:
		return upper + 1
	}
	return upper
}
