package main

import (
	"fmt"

	"github.com/gowalrus/walrus/cpu/kernel/internal/asm/lanes"
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/ir"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// unroll is the number of steps of k in the main loop.
const unroll = 2

const signature = "func(k int, a *float32, aRow, aCol int, b *float32, bRow int, c *float32, cRow, cols int, accumulate bool)"

func main() {
	ConstraintExpr("amd64")
	table := lanes.Masks("tileMasks", 16)
	for vectors := 1; vectors <= 2; vectors++ {
		for rows := 1; rows <= 14; rows++ {
			(&tile{rows: rows, vectors: vectors, halfVector: true}).wide()
			(&tile{rows: rows, vectors: vectors}).wide()
			(&tile{rows: rows, vectors: vectors, half: true}).wide()
		}
		for rows := 1; rows <= 6; rows++ {
			(&tile{rows: rows, vectors: vectors, table: table}).narrow()
		}
		for rows := 1; rows <= 4; rows++ {
			(&tile{rows: rows, vectors: vectors, table: table}).pairs()
		}
	}
	peak("peakWide", zmm)
	peak("peakNarrow", ymm)
	vendor()
	Generate()
}

// vendor writes the query of the maker of the processor.
func vendor() {
	TEXT("cpuVendor", NOSPLIT, "func() (b, d, c uint32)")
	Doc("cpuVendor returns the twelve characters that name the maker of the processor, four in each number.")
	XORL(reg.EAX, reg.EAX)
	CPUID()
	Store(reg.EBX, Return("b"))
	Store(reg.EDX, Return("d"))
	Store(reg.ECX, Return("c"))
	RET()
}

// peak writes a loop of independent multiply-adds, as many as hide their latency.
func peak(name string, vec func() Op) {
	TEXT(name, NOSPLIT, "func(rounds int)")
	Doc(name + " does rounds times 14 multiply-adds of a vector in registers; rounds is at least 1.")
	rounds := GP64()
	Load(Param("rounds"), rounds)
	x := vec()
	VXORPS(x, x, x)
	var sums []Op
	for range 14 {
		v := vec()
		VXORPS(v, v, v)
		sums = append(sums, v)
	}
	Label("loop")
	for _, v := range sums {
		VFMADD231PS(x, x, v)
	}
	DECQ(rounds)
	JNZ(LabelRef("loop"))
	VZEROUPPER()
	RET()
}

func zmm() Op { return ZMM() }
func ymm() Op { return YMM() }

// numbered returns the next of the 32 registers.
func (t *tile) numbered() Op {
	all := []Op{reg.Z0, reg.Z1, reg.Z2, reg.Z3, reg.Z4, reg.Z5, reg.Z6, reg.Z7, reg.Z8, reg.Z9, reg.Z10, reg.Z11, reg.Z12, reg.Z13, reg.Z14, reg.Z15,
		reg.Z16, reg.Z17, reg.Z18, reg.Z19, reg.Z20, reg.Z21, reg.Z22, reg.Z23, reg.Z24, reg.Z25, reg.Z26, reg.Z27, reg.Z28, reg.Z29, reg.Z30, reg.Z31}
	t.used++
	return all[t.used-1]
}

// multiplyAdd adds b·x to sum: one product a lane, or, for pairs of bfloat16, two (VDPBF16PS, written as its bytes:
// EVEX.512.F3.0F38.W0 52 /r).
func (t *tile) multiplyAdd(b, x, sum Op) {
	if !t.half {
		VFMADD231PS(b, x, sum)
		return
	}
	number := func(v Op) uint8 { return uint8(v.(reg.VecPhysical).PhysicalIndex()) }
	inverted := func(n, bit uint8, to int) uint8 { return (^n >> bit & 1) << to }
	d, y, z := number(sum), number(x), number(b)
	for _, code := range []uint8{
		0x62,
		inverted(d, 3, 7) | inverted(z, 4, 6) | inverted(z, 3, 5) | inverted(d, 4, 4) | 2,
		^y&15<<3 | 4 | 2,
		0x40 | inverted(y, 4, 3),
		0x52,
		0xc0 | d&7<<3 | z&7,
	} {
		Instruction(&ir.Instruction{Opcode: "BYTE", Operands: []Op{U8(code)}})
	}
}

// tile is one kernel while it is written.
type tile struct {
	rows, vectors int
	table         Mem
	half          bool // elements are pairs of bfloat16
	halfVector    bool // the last vector has half the width: where multiply-adds of that width cost half, no column is idle

	rowPtr     []reg.GPVirtual // one for every three rows of a
	aRow, aCol reg.GPVirtual   // bytes
	b, bRow    reg.GPVirtual
	sum        [][]Op
	used       int // registers in use, where they are numbered here because the assembler does not know the instruction
}

// begin declares the kernel, loads its arguments and clears the sums. It returns k and cols.
func (t *tile) begin(name string, width int, vec func(v int) Op) (k, cols reg.GPVirtual) {
	TEXT(fmt.Sprintf("%s%dx%d", name, t.rows, t.columns(width)), NOSPLIT, signature)
	Doc(fmt.Sprintf("%s%dx%d multiplies a tile of %d rows by up to %d columns; see tileFunc.", name, t.rows, t.columns(width), t.rows, t.columns(width)))
	Pragma("noescape")
	k, cols = GP64(), GP64()
	t.aRow, t.aCol, t.b, t.bRow = GP64(), GP64(), GP64(), GP64()
	Load(Param("k"), k)
	for _, p := range []struct {
		name string
		to   reg.GPVirtual
	}{{"aRow", t.aRow}, {"aCol", t.aCol}, {"bRow", t.bRow}} {
		Load(Param(p.name), p.to)
		SHLQ(U8(2), p.to)
	}
	Load(Param("b"), t.b)
	for i := 0; i < t.rows; i += 3 {
		p := GP64()
		if i == 0 {
			Load(Param("a"), p)
		} else {
			LEAQ(Mem{Base: t.rowPtr[len(t.rowPtr)-1], Index: t.aRow, Scale: 2}, p)
			ADDQ(t.aRow, p)
		}
		t.rowPtr = append(t.rowPtr, p)
	}
	for range t.rows {
		var line []Op
		for v := range t.vectors {
			x := vec(v)
			VXORPS(x, x, x)
			line = append(line, x)
		}
		t.sum = append(t.sum, line)
	}
	Load(Param("cols"), cols)
	return k, cols
}

// columns is the number of columns for vectors of the given width.
func (t *tile) columns(width int) int {
	if t.halfVector {
		return t.vectors*width - width/2
	}
	return t.vectors * width
}

// isHalf tells whether a vector has half the width.
func (t *tile) isHalf(v int) bool { return t.halfVector && v == t.vectors-1 }

// element is a[i] of the present step.
func (t *tile) element(i int) Mem {
	m := Mem{Base: t.rowPtr[i/3]}
	if i%3 > 0 {
		m.Index, m.Scale = t.aRow, uint8(i%3)
	}
	return m
}

// loop writes the loop over k: loadB brings in the vectors of b, broadcast an element of a.
func (t *tile) loop(label string, k reg.GPVirtual, loadB func() []Op, broadcast func(Mem) Op) {
	step := func() {
		b := loadB()
		for i := range t.rows {
			x := broadcast(t.element(i))
			for v := range t.vectors {
				y := x
				if t.isHalf(v) {
					y = x.(reg.VecVirtual).AsY()
				}
				t.multiplyAdd(b[v], y, t.sum[i][v])
			}
		}
		for _, p := range t.rowPtr {
			ADDQ(t.aCol, p)
		}
		ADDQ(t.bRow, t.b)
	}
	count := GP64()
	MOVQ(k, count)
	SUBQ(U8(unroll), count)
	JLT(LabelRef(label + "rest"))
	Label(label + "loop")
	for range unroll {
		step()
	}
	SUBQ(U8(unroll), count)
	JGE(LabelRef(label + "loop"))
	Label(label + "rest")
	ADDQ(U8(unroll), count)
	JZ(LabelRef(label + "end"))
	Label(label + "one")
	step()
	DECQ(count)
	JNZ(LabelRef(label + "one"))
	Label(label + "end")
}

// store adds to or overwrites c; put writes one vector, add adds the old value first.
func (t *tile) store(label string, c, cRow reg.GPVirtual, add func(Mem, Op, int), put func(Op, Mem, int), width int) {
	accumulate := GP64()
	Load(Param("accumulate"), accumulate.As8())
	TESTB(accumulate.As8(), accumulate.As8())
	JZ(LabelRef(label + "overwrite"))
	at := GP64()
	MOVQ(c, at)
	for i := range t.rows {
		for v := range t.vectors {
			add(Mem{Base: at, Disp: v * width}, t.sum[i][v], v)
		}
		if i < t.rows-1 {
			ADDQ(cRow, at)
		}
	}
	Label(label + "overwrite")
	for i := range t.rows {
		for v := range t.vectors {
			put(t.sum[i][v], Mem{Base: c, Disp: v * width}, v)
		}
		if i < t.rows-1 {
			ADDQ(cRow, c)
		}
	}
}

// wide writes the AVX-512 kernel: where columns are missing, lanes beyond them are masked off in every access. Whole tiles have a loop of their
// own, because a masked load takes a turn of the units that multiply.
func (t *tile) wide() {
	name, vec := "tileWide", func(v int) Op {
		if t.isHalf(v) {
			return YMM()
		}
		return ZMM()
	}
	if t.half {
		name, vec = "tileHalf", func(int) Op { return t.numbered() }
	}
	k, cols := t.begin(name, 16, vec)
	c, cRow := result()
	line := GP64()
	MOVQ(c, line)
	for i := range t.rows { // c arrives while the products are computed
		for v := range t.vectors {
			PREFETCHT0(Mem{Base: line, Disp: 64 * v})
		}
		if i < t.rows-1 {
			ADDQ(cRow, line)
		}
	}
	kept := t.used
	loop := func(label string, load func(m Mem, x Op, v int)) {
		t.loop(label, k, func() []Op {
			t.used = kept
			var b []Op
			for v := range t.vectors {
				x := vec(v)
				load(Mem{Base: t.b, Disp: 64 * v}, x, v)
				PREFETCHT0(Mem{Base: t.b, Index: t.bRow, Scale: 8, Disp: 64 * v})
				b = append(b, x)
			}
			return b
		}, func(m Mem) Op {
			if t.used > kept+t.vectors+1 { // two registers take turns
				t.used = kept + t.vectors
			}
			x := vec(0)
			VBROADCASTSS(m, x)
			return x
		})
	}
	CMPQ(cols, U8(t.columns(16)))
	JNE(LabelRef("masked"))
	loop("full", func(m Mem, x Op, _ int) { VMOVUPS(m, x) })
	t.storeWhole(c, cRow, 64)
	Label("masked")
	ones := GP64()
	MOVQ(I64(-1), ones)
	BZHIQ(cols, ones, ones)
	masks := []reg.OpmaskVirtual{K(), K()}[:t.vectors]
	KMOVW(ones.As32(), masks[0])
	if t.vectors == 2 {
		SHRQ(U8(16), ones)
		KMOVW(ones.As32(), masks[1])
	}
	loop("masked", func(m Mem, x Op, v int) { VMOVUPS_Z(m, masks[v], x) })
	t.store("masked", c, cRow, func(m Mem, sum Op, v int) {
		VADDPS_Z(m, sum, masks[v], sum)
	}, func(sum Op, m Mem, v int) {
		VMOVUPS(sum, masks[v], m)
	}, 64)
	VZEROUPPER()
	RET()
}

// narrow writes the AVX2 kernel: masks live in memory, since sums and operands fill the registers. Whole tiles have none, because a masked
// store is some forty operations on AMD's processors.
func (t *tile) narrow() {
	k, cols := t.begin("tileNarrow", 8, func(int) Op { return YMM() })
	mask := t.maskOf(cols)
	broadcast := func(m Mem) Op {
		x := YMM()
		VBROADCASTSS(m, x)
		return x
	}
	CMPQ(cols, U8(32*t.vectors))
	JNE(LabelRef("masked"))
	t.loop("full", k, func() []Op {
		var b []Op
		for v := range t.vectors {
			x := YMM()
			VMOVUPS(Mem{Base: t.b, Disp: 32 * v}, x)
			b = append(b, x)
		}
		return b
	}, broadcast)
	c, cRow := result()
	t.storeWhole(c, cRow, 32)
	Label("masked")
	t.loop("masked", k, func() []Op {
		var b []Op
		for v := range t.vectors {
			m, x := YMM(), YMM()
			VMOVUPS(Mem{Base: mask, Disp: 32 * v}, m)
			VMASKMOVPS(Mem{Base: t.b, Disp: 32 * v}, m, x)
			b = append(b, x)
		}
		return b
	}, broadcast)
	t.storeMasked(mask)
}

// maskOf is the address of the masks for a number of columns, which becomes a number of bytes: the mask of lane i of n columns is
// word 16-n+i of the table.
func (t *tile) maskOf(cols reg.GPVirtual) reg.GPVirtual {
	mask := GP64()
	LEAQ(t.table, mask)
	ADDQ(U8(64), mask)
	SHLQ(U8(2), cols)
	SUBQ(cols, mask)
	return mask
}

// result loads the address and the row stride, in bytes, of c.
func result() (c, cRow reg.GPVirtual) {
	c, cRow = GP64(), GP64()
	Load(Param("c"), c)
	Load(Param("cRow"), cRow)
	SHLQ(U8(2), cRow)
	return c, cRow
}

// storeWhole ends a kernel for a whole tile of vectors of so many bytes.
func (t *tile) storeWhole(c, cRow reg.GPVirtual, width int) {
	t.store("whole", c, cRow, func(m Mem, sum Op, v int) {
		VADDPS(m, sum, sum)
	}, func(sum Op, m Mem, v int) {
		VMOVUPS(sum, m)
	}, width)
	VZEROUPPER()
	RET()
}

// storeMasked ends an AVX2 kernel for a tile that lacks columns.
func (t *tile) storeMasked(mask reg.GPVirtual) {
	c, cRow := result()
	m, old := YMM(), YMM()
	t.store("part", c, cRow, func(at Mem, sum Op, v int) {
		VMOVUPS(Mem{Base: mask, Disp: 32 * v}, m)
		VMASKMOVPS(at, m, old)
		VADDPS(old, sum, sum)
	}, func(sum Op, at Mem, v int) {
		VMOVUPS(Mem{Base: mask, Disp: 32 * v}, m)
		VMASKMOVPS(sum, m, at)
	}, 32)
	VZEROUPPER()
	RET()
}
