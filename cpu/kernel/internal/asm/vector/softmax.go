package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// lanesLoop writes a loop over the vectors of a row of lanes (a whole number of vectors): body gets the byte offset of the vector; then loops
// over rows start with down.
func (e isa) lanesLoop(lanes reg.GPVirtual, body func(at reg.GPVirtual)) {
	at := GP64()
	XORQ(at, at)
	Label("lanes")
	body(at)
	ADDQ(U8(e.bytes()), at)
	CMPQ(at, lanes)
	JLT(LabelRef("lanes"))
}

// down writes a loop over the rows of a block from its address p to end, stride bytes apart.
func (e isa) down(label string, p, end, stride reg.GPVirtual, body func()) {
	CMPQ(p, end)
	JGE(LabelRef(label + "end"))
	Label(label)
	body()
	ADDQ(stride, p)
	CMPQ(p, end)
	JLT(LabelRef(label))
	Label(label + "end")
}

// blockEnd is the address behind a slice.
func blockEnd(name string, from reg.GPVirtual) reg.GPVirtual {
	end := length(name)
	LEAQ(Mem{Base: from, Index: end, Scale: 4}, end)
	return end
}

// bytesOf is the length of a slice in bytes.
func bytesOf(name string) reg.GPVirtual {
	n := length(name)
	SHLQ(U8(2), n)
	return n
}

// softmax writes the steps of attention on blocks of scores, one query a lane.
func (e isa) softmax() {
	e.softmaxBlock()
	e.gradBlock()
	e.scaleLanes()
}

func (e isa) softmaxBlock() {
	e.begin("softmaxBlock", "func(block, top, sum, factor []float32)")
	block, top, sum, factor, stride := base("block"), base("top"), base("sum"), base("factor"), bytesOf("top")
	end := blockEnd("block", block)
	e.lanesLoop(stride, func(at reg.GPVirtual) {
		here := func(p reg.GPVirtual) Mem { return Mem{Base: p, Index: at, Scale: 1} }
		old := e.load(here(top))
		high := e.copyOf(old)
		p := GP64()
		LEAQ(here(block), p)
		e.down("highest", p, end, stride, func() { VMAXPS(Mem{Base: p}, high, high) })
		VMOVUPS(high, here(top))
		shift := e.choose(e.compare(equal, high, word(infinity|signBit)), number(0), high)
		scale := e.exp(e.sub(old, shift))
		VMOVUPS(scale, here(factor))
		total := e.mul(scale, here(sum))
		part := e.zero()
		LEAQ(here(block), p)
		e.down("exponentials", p, end, stride, func() {
			x := e.exp(e.sub(e.load(Mem{Base: p}), shift))
			VMOVUPS(x, Mem{Base: p})
			VADDPS(x, part, part)
		})
		VADDPS(part, total, total)
		VMOVUPS(total, here(sum))
	})
	e.end()
}

func (e isa) gradBlock() {
	e.begin("gradBlock", "func(p, dp, shift, delta []float32, scale float32)")
	p, dp, shift, delta, stride := base("p"), base("dp"), base("shift"), base("delta"), bytesOf("shift")
	end := blockEnd("p", p)
	scale := e.scalar("scale")
	e.lanesLoop(stride, func(at reg.GPVirtual) {
		here := func(p reg.GPVirtual) Mem { return Mem{Base: p, Index: at, Scale: 1} }
		low, mean := e.load(here(shift)), e.load(here(delta))
		row, other := GP64(), GP64()
		LEAQ(here(p), row)
		LEAQ(here(dp), other)
		e.down("rows", row, end, stride, func() {
			x := e.exp(e.sub(e.load(Mem{Base: row}), low))
			VMOVUPS(x, Mem{Base: row})
			d := e.mul(e.mul(x, e.sub(e.load(Mem{Base: other}), mean)), scale)
			VMOVUPS(d, Mem{Base: other})
			ADDQ(stride, other)
		})
	})
	e.end()
}

func (e isa) scaleLanes() {
	e.begin("scaleLanes", "func(block, factor []float32)")
	block, factor, stride := base("block"), base("factor"), bytesOf("factor")
	end := blockEnd("block", block)
	e.lanesLoop(stride, func(at reg.GPVirtual) {
		f := e.load(Mem{Base: factor, Index: at, Scale: 1})
		p := GP64()
		LEAQ(Mem{Base: block, Index: at, Scale: 1}, p)
		e.down("rows", p, end, stride, func() { VMOVUPS(e.mul(f, Mem{Base: p}), Mem{Base: p}) })
	})
	e.end()
}
