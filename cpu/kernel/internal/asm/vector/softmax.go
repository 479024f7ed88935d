package main

import (
	"github.com/gowalrus/walrus/cpu/kernel/internal/asm/fit"
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

// down writes a loop over the rows of a block from its address p to end, stride bytes apart: as many at a time as their
// arithmetic is interleaved, so that its long chains overlap, then those that are left.
func (e isa) down(label string, p, end, stride reg.GPVirtual, body func(rows []Mem)) {
	rows := []Mem{{Base: p}, {Base: p, Index: stride, Scale: 1}}
	limit, step := GP64(), GP64()
	MOVQ(end, limit)
	if e.wide {
		half := GP64()
		LEAQ(Mem{Base: p, Index: stride, Scale: 2}, half)
		rows = append(rows, Mem{Base: half}, Mem{Base: half, Index: stride, Scale: 1})
		LEAQ(Mem{Base: stride, Index: stride, Scale: 2}, step)
		SUBQ(step, limit)
		MOVQ(stride, step)
		SHLQ(U8(2), step)
		CMPQ(p, limit)
		JGE(LabelRef(label + "rest"))
		Label(label)
		body(rows)
		ADDQ(step, half)
	} else {
		SUBQ(stride, limit)
		LEAQ(Mem{Base: stride, Index: stride, Scale: 1}, step)
		CMPQ(p, limit)
		JGE(LabelRef(label + "rest"))
		Label(label)
		body(rows)
	}
	ADDQ(step, p)
	CMPQ(p, limit)
	JLT(LabelRef(label))
	Label(label + "rest")
	CMPQ(p, end)
	JGE(LabelRef(label + "end"))
	Label(label + "one")
	body(rows[:1])
	ADDQ(stride, p)
	CMPQ(p, end)
	JLT(LabelRef(label + "one"))
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

// exp2Terms are the coefficients of 2^f, in registers where there are enough of them.
func (e isa) exp2Terms() []Op {
	terms := []Op{number(1)}
	for _, c := range fit.Exp2 {
		terms = append(terms, number(c))
	}
	for i := range terms {
		if e.wide {
			terms[i] = e.load(terms[i])
		}
	}
	return terms
}

// exp2 is 2^x for each of several vectors, step by step side by side. Gradual underflow, 0 at -Inf and NaN are kept.
func (e isa) exp2(xs []vec, terms []Op) []vec {
	var whole, rest, powers []vec
	for _, x := range xs {
		if e.wide { // floor(x) is VSCALEFPS's own business
			f := e.vec()
			VREDUCEPS(U8(9), x, f)
			whole, rest = append(whole, x), append(rest, f)
			continue
		}
		x = e.min(e.load(number(128)), e.max(e.load(number(-150)), x))
		n := e.round(x, 1)
		whole, rest = append(whole, n), append(rest, e.sub(x, n))
	}
	last := len(terms) - 1
	for range xs {
		p := e.vec()
		VMOVAPS(terms[last], p)
		powers = append(powers, p)
	}
	for i := last - 1; i >= 0; i-- {
		for j, p := range powers {
			e.fma(p, rest[j], terms[i])
		}
	}
	for j, p := range powers {
		powers[j] = e.power(p, whole[j])
	}
	return powers
}

func (e isa) softmaxBlock() {
	e.begin("softmaxBlock", "func(block, top, sum, factor []float32)")
	block, top, sum, factor, stride := base("block"), base("top"), base("sum"), base("factor"), bytesOf("top")
	end := blockEnd("block", block)
	terms := e.exp2Terms()
	e.lanesLoop(stride, func(at reg.GPVirtual) {
		here := func(p reg.GPVirtual) Mem { return Mem{Base: p, Index: at, Scale: 1} }
		old := e.load(here(top))
		highs := []vec{e.copyOf(old), e.copyOf(old)}
		if e.wide {
			highs = append(highs, e.copyOf(old), e.copyOf(old))
		}
		p := GP64()
		LEAQ(here(block), p)
		e.down("highest", p, end, stride, func(rows []Mem) {
			for i, row := range rows {
				VMAXPS(row, highs[i], highs[i])
			}
		})
		high := e.combine(highs, e.max)
		VMOVUPS(high, here(top))
		shift := e.choose(e.compare(equal, high, word(infinity|signBit)), number(0), high)
		scale := e.exp2([]vec{e.sub(old, shift)}, terms)[0]
		VMOVUPS(scale, here(factor))
		var parts []vec
		for range highs {
			parts = append(parts, e.zero())
		}
		LEAQ(here(block), p)
		e.down("exponentials", p, end, stride, func(rows []Mem) {
			var xs []vec
			for _, row := range rows {
				xs = append(xs, e.sub(e.load(row), shift))
			}
			for i, x := range e.exp2(xs, terms) {
				VMOVUPS(x, rows[i])
				VADDPS(x, parts[i], parts[i])
			}
		})
		total := e.add(e.mul(e.load(here(factor)), here(sum)), e.combine(parts, func(a vec, b Op) vec { return e.add(a, b) }))
		VMOVUPS(total, here(sum))
	})
	e.end()
}

// combine folds vectors, halves at a time.
func (e isa) combine(v []vec, f func(a vec, b Op) vec) vec {
	for n := len(v) / 2; n > 0; n /= 2 {
		for i := range n {
			v[i] = f(v[i], v[i+n])
		}
	}
	return v[0]
}

func (e isa) gradBlock() {
	e.begin("gradBlock", "func(p, dp, shift, delta []float32, scale float32)")
	p, dp, shift, delta, stride := base("p"), base("dp"), base("shift"), base("delta"), bytesOf("shift")
	SUBQ(p, dp) // from a row of p to that of dp
	end := blockEnd("p", p)
	scale := e.scalar("scale")
	terms := e.exp2Terms()
	e.lanesLoop(stride, func(at reg.GPVirtual) {
		here := func(p reg.GPVirtual) Mem { return Mem{Base: p, Index: at, Scale: 1} }
		low, mean := e.load(here(shift)), e.load(here(delta))
		row := GP64()
		LEAQ(here(p), row)
		e.down("rows", row, end, stride, func(rows []Mem) {
			var xs []vec
			for _, row := range rows {
				xs = append(xs, e.sub(e.load(row), low))
			}
			other := GP64()
			for i, x := range e.exp2(xs, terms) {
				VMOVUPS(x, rows[i])
				LEAQ(rows[i], other)
				there := Mem{Base: other, Index: dp, Scale: 1}
				VMOVUPS(e.mul(e.mul(x, e.sub(e.load(there), mean)), scale), there)
			}
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
		e.down("rows", p, end, stride, func(rows []Mem) {
			for _, row := range rows {
				VMOVUPS(e.mul(f, row), row)
			}
		})
	})
	e.end()
}
