package main

import (
	"fmt"
	"math"
	"slices"

	"github.com/gowalrus/walrus/cpu/kernel/internal/asm/lanes"
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// vec is a vector register of the instruction set that is being written.
type vec = reg.VecVirtual

// isa writes the same arithmetic for AVX-512 (wide) or AVX2 (narrow).
type isa struct {
	wide  bool
	lanes int
	name  string // suffix of the kernels' names
}

var (
	avx512 = isa{wide: true, lanes: 16, name: "Wide"}
	avx2   = isa{lanes: 8, name: "Narrow"}
)

// bytes is the size of a vector.
func (e isa) bytes() int { return 4 * e.lanes }

// vec allocates a register.
func (e isa) vec() vec {
	if e.wide {
		return ZMM()
	}
	return YMM()
}

// constants holds one table of 16 copies for each number that is used.
var constants = map[uint32]Mem{}

// word is a constant vector in memory, given by its bits.
func word(bits uint32) Mem {
	m, ok := constants[bits]
	if !ok {
		m = lanes.Table(fmt.Sprintf("word%08x", bits), slices.Repeat([]uint32{bits}, 16)...)
		constants[bits] = m
	}
	return m
}

// number is a constant vector in memory.
func number(x float64) Mem { return word(math.Float32bits(float32(x))) }

// load brings a vector from memory.
func (e isa) load(m Op) vec {
	v := e.vec()
	VMOVUPS(m, v)
	return v
}

// splat repeats an element of memory.
func (e isa) splat(m Op) vec {
	v := e.vec()
	VBROADCASTSS(m, v)
	return v
}

// zero is a vector of zeros.
func (e isa) zero() vec {
	v := e.vec()
	VXORPS(v, v, v)
	return v
}

// unary arithmetic and its kin return new registers; the second operand may be in memory.

func (e isa) add(a vec, b Op) vec { d := e.vec(); VADDPS(b, a, d); return d }
func (e isa) sub(a vec, b Op) vec { d := e.vec(); VSUBPS(b, a, d); return d }
func (e isa) mul(a vec, b Op) vec { d := e.vec(); VMULPS(b, a, d); return d }
func (e isa) div(a vec, b Op) vec { d := e.vec(); VDIVPS(b, a, d); return d }
func (e isa) and(a vec, b Op) vec { d := e.vec(); VANDPS(b, a, d); return d }
func (e isa) or(a vec, b Op) vec  { d := e.vec(); VORPS(b, a, d); return d }
func (e isa) xor(a vec, b Op) vec { d := e.vec(); VXORPS(b, a, d); return d }
func (e isa) sqrt(a Op) vec       { d := e.vec(); VSQRTPS(a, d); return d }

// max is the larger number; when either is NaN it is b.
func (e isa) max(a vec, b Op) vec { d := e.vec(); VMAXPS(b, a, d); return d }

// min is the smaller number; when either is NaN it is b.
func (e isa) min(a vec, b Op) vec { d := e.vec(); VMINPS(b, a, d); return d }

// fma is a*b + c with one rounding, in the register of a.
func (e isa) fma(a vec, b vec, c Op) vec { VFMADD213PS(c, b, a); return a }

// fmaOf is a*b + c in a new register.
func (e isa) fmaOf(a vec, b Op, c vec) vec {
	d := e.vec()
	VMOVAPS(c, d)
	VFMADD231PS(b, a, d)
	return d
}

// fnma adds -a*b to c, in the register of c.
func (e isa) fnma(a vec, b Op, c vec) vec { VFNMADD231PS(b, a, c); return c }

// copyOf is a new register with the value of a.
func (e isa) copyOf(a vec) vec {
	d := e.vec()
	VMOVAPS(a, d)
	return d
}

// polynomial is Σ c[i] x^i in a new register.
func (e isa) polynomial(x vec, c ...float64) vec {
	sum := e.load(number(c[len(c)-1]))
	for i := len(c) - 2; i >= 0; i-- {
		e.fma(sum, x, number(c[i]))
	}
	return sum
}

// round is the nearest whole number in the given mode: 0 to even, 1 down, 2 up.
func (e isa) round(a Op, mode uint8) vec {
	d := e.vec()
	if e.wide {
		VRNDSCALEPS(U8(mode|8), a, d)
	} else {
		VROUNDPS(U8(mode|8), a, d)
	}
	return d
}

// Predicates of compare.
const (
	equal       = 0x00
	less        = 0x11
	unordered   = 0x03
	notAtLeast0 = 0x19 // not >=: less or unordered
)

// mask is the result of a comparison: an opmask register or a vector of ones and zeros.
type mask struct {
	k reg.OpmaskVirtual
	v vec
}

// compare tells in which lanes a op b.
func (e isa) compare(op uint8, a vec, b Op) mask {
	if e.wide {
		m := mask{k: K()}
		VCMPPS(U8(op), b, a, m.k)
		return m
	}
	m := mask{v: e.vec()}
	VCMPPS(U8(op), b, a, m.v)
	return m
}

// choose is yes where m holds, else no; yes may be in memory.
func (e isa) choose(m mask, yes Op, no vec) vec {
	d := e.vec()
	if e.wide {
		VBLENDMPS(yes, no, m.k, d)
	} else {
		VBLENDVPS(m.v, yes, no, d)
	}
	return d
}

// tail is the access to the last lanes of a slice: the first n lanes of a vector.
type tail struct {
	e isa
	m mask
}

// tailOf makes the access to n lanes, n in a register below the number of lanes.
func (e isa) tailOf(n reg.GPVirtual) tail {
	t := tail{e: e}
	if e.wide {
		ones := GP64()
		MOVQ(I64(-1), ones)
		BZHIQ(n, ones, ones)
		t.m.k = K()
		KMOVW(ones.As32(), t.m.k)
		return t
	}
	at, words := GP64(), GP64()
	LEAQ(laneMasks(), at)
	MOVQ(n, words)
	NEGQ(words)
	t.m.v = e.load(Mem{Base: at, Disp: 32, Index: words, Scale: 4})
	return t
}

var laneTable Mem

// laneMasks is a table of 8 words of ones and 8 of zeros.
func laneMasks() Mem {
	if laneTable.Symbol.Name == "" {
		laneTable = lanes.Masks("laneMasks", 8)
	}
	return laneTable
}

// load reads the lanes; the others are zero.
func (t tail) load(m Mem) vec {
	v := t.e.vec()
	if t.e.wide {
		VMOVUPS_Z(m, t.m.k, v)
	} else {
		VMASKMOVPS(m, t.m.v, v)
	}
	return v
}

// store writes the lanes.
func (t tail) store(v vec, m Mem) {
	if t.e.wide {
		VMOVUPS(v, t.m.k, m)
	} else {
		VMASKMOVPS(v, t.m.v, m)
	}
}
