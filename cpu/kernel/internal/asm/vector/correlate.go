package main

import (
	"strconv"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// correlation has the registers of correlate.
type correlation struct {
	e           isa
	dst, x, w   reg.GPVirtual // of the present channels
	stride, by3 reg.GPVirtual // bytes between rows, and three times as many
}

// correlate writes dst[i, c] += sum over k of w[k, c] x[i+k, c] for some channels c side by side, rows stride apart: the inner
// loop of a depthwise convolution (k counts the kernel's taps) and of its gradient (k counts the points of a row). Rows of dst
// stay in registers, eight or seven of them, so that a multiplication costs one load.
func (e isa) correlate() {
	e.begin("correlate", "func(dst, x, w *float32, stride, channels, outer, inner int)")
	c := correlation{e: e, dst: param("dst"), x: param("x"), w: param("w"), stride: param("stride"), by3: GP64()}
	SHLQ(U8(2), c.stride)
	LEAQ(Mem{Base: c.stride, Index: c.stride, Scale: 2}, c.by3)
	left := param("channels")
	Label("channels")
	CMPQ(left, U8(e.lanes))
	JLT(LabelRef("rest"))
	c.rows("full", func(m Mem) vec { return e.load(m) }, func(v vec, m Mem) { VMOVUPS(v, m) })
	for _, p := range []reg.GPVirtual{c.dst, c.x, c.w} {
		ADDQ(U8(e.bytes()), p)
	}
	SUBQ(U8(e.lanes), left)
	JMP(LabelRef("channels"))
	Label("rest")
	TESTQ(left, left)
	JZ(LabelRef("end"))
	t := e.tailOf(left)
	c.rows("rest", t.load, t.store)
	Label("end")
	e.end()
}

// param loads a number or an address.
func param(name string) reg.GPVirtual {
	p := GP64()
	Load(Param(name), p)
	return p
}

// row is the address of row i from p, where q is one row behind p.
func (c correlation) row(i int, p, q reg.GPVirtual) Mem {
	switch i {
	case 0:
		return Mem{Base: p}
	case 1, 2, 4:
		return Mem{Base: p, Index: c.stride, Scale: uint8(i)}
	case 3, 6:
		return Mem{Base: p, Index: c.by3, Scale: uint8(i / 3)}
	case 5:
		return Mem{Base: q, Index: c.stride, Scale: 4}
	default:
		return Mem{Base: q, Index: c.by3, Scale: 2}
	}
}

// rows goes through the rows of dst, for the channels of one vector.
func (c correlation) rows(name string, load func(Mem) vec, store func(vec, Mem)) {
	outer, d, x := param("outer"), GP64(), GP64()
	MOVQ(c.dst, d)
	MOVQ(c.x, x)
	Label(name + "8")
	CMPQ(outer, U8(8))
	JLT(LabelRef(name + "7"))
	c.block(name+"8", 8, d, x, load, store)
	SUBQ(U8(8), outer)
	JMP(LabelRef(name + "8"))
	Label(name + "7")
	CMPQ(outer, U8(7))
	JLT(LabelRef(name + "1"))
	c.block(name+"7", 7, d, x, load, store)
	SUBQ(U8(7), outer)
	Label(name + "1")
	TESTQ(outer, outer)
	JZ(LabelRef(name + "End"))
	c.block(name+"1", 1, d, x, load, store)
	DECQ(outer)
	JMP(LabelRef(name + "1"))
	Label(name + "End")
}

// block does n rows of dst and moves d and x behind them.
func (c correlation) block(name string, n int, d, x reg.GPVirtual, load func(Mem) vec, store func(vec, Mem)) {
	p, q, w, inner := GP64(), GP64(), GP64(), param("inner")
	sums := make([]vec, n)
	LEAQ(Mem{Base: d, Index: c.stride, Scale: 1}, q)
	for i := range sums {
		sums[i] = load(c.row(i, d, q))
	}
	MOVQ(x, p)
	LEAQ(Mem{Base: x, Index: c.stride, Scale: 1}, q)
	MOVQ(c.w, w)
	loop := name + "Of" + strconv.Itoa(n)
	Label(loop)
	factor := load(Mem{Base: w})
	for i := range sums {
		VFMADD231PS(load(c.row(i, p, q)), factor, sums[i])
	}
	for _, r := range []reg.GPVirtual{p, q, w} {
		ADDQ(c.stride, r)
	}
	DECQ(inner)
	JNZ(LabelRef(loop))
	LEAQ(Mem{Base: d, Index: c.stride, Scale: 1}, q)
	for i := range sums {
		store(sums[i], c.row(i, d, q))
	}
	for range n {
		ADDQ(c.stride, d)
		ADDQ(c.stride, x)
	}
}
