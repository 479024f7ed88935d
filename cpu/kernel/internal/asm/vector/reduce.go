package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// partial is the number of vectors of partial sums: it hides the latency of an addition.
const partial = 4

// reductions writes the sums and the extremes of a slice. Lane i of partial vector j sums the elements 16(4k+j)+i (8 for
// AVX2); the partial sums are then added in pairs.
func (e isa) reductions() {
	add := func(sum, x vec) { VADDPS(x, sum, sum) }
	e.fold("sum", []string{"x"}, 0, func(sum vec, v []vec) { add(sum, v[0]) }, add)
	e.fold("sumSquares", []string{"x"}, 0, func(sum vec, v []vec) { VFMADD231PS(v[0], v[0], sum) }, add)
	e.fold("dot", []string{"a", "b"}, 0, func(sum vec, v []vec) { VFMADD231PS(v[1], v[0], sum) }, add)
	larger := func(top, x vec) { VMOVAPS(e.maxNaN(top, x), top) }
	e.fold("maxOf", []string{"x"}, infinity|signBit, func(top vec, v []vec) { larger(top, v[0]) }, larger)
	smaller := func(low, x vec) { VMOVAPS(e.minNaN(low, x), low) }
	e.fold("minOf", []string{"x"}, infinity, func(low vec, v []vec) { smaller(low, v[0]) }, smaller)
	e.rowFold("sumRows", 0, add)
	e.rowFold("maxOfRows", infinity|signBit, larger)
}

// fold writes a reduction that starts from a number given by its bits; take adds a vector of each source to a partial result, join
// merges two.
func (e isa) fold(name string, sources []string, start uint32, take func(sum vec, v []vec), join func(sum, x vec)) {
	signature := "func(x []float32) float32"
	if len(sources) == 2 {
		signature = "func(a, b []float32) float32"
	}
	e.begin(name, signature)
	n := length(sources[0])
	var from []reg.GPVirtual
	for _, s := range sources {
		from = append(from, base(s))
	}
	var sums []vec
	for range partial {
		sums = append(sums, e.load(word(start)))
	}
	at := GP64()
	XORQ(at, at)
	read := func(j int, load func(Mem) vec) []vec {
		var v []vec
		for _, p := range from {
			v = append(v, load(Mem{Base: p, Index: at, Scale: 1, Disp: j * e.bytes()}))
		}
		return v
	}
	plain := func(m Mem) vec { return e.load(m) }
	SUBQ(U8(partial*e.lanes), n)
	JLT(LabelRef("single"))
	Label("loop")
	for j := range partial {
		take(sums[j], read(j, plain))
	}
	ADDQ(I32(int32(partial*e.bytes())), at)
	SUBQ(U8(partial*e.lanes), n)
	JGE(LabelRef("loop"))
	Label("single")
	ADDQ(U8((partial-1)*e.lanes), n)
	JLT(LabelRef("rest"))
	Label("one")
	take(sums[0], read(0, plain))
	ADDQ(U8(e.bytes()), at)
	SUBQ(U8(e.lanes), n)
	JGE(LabelRef("one"))
	Label("rest")
	ADDQ(U8(e.lanes), n)
	JZ(LabelRef("end"))
	t := e.tailOf(n)
	take(sums[1], read(0, func(m Mem) vec {
		if start == 0 {
			return t.load(m)
		}
		return e.choose(t.m, t.load(m), e.load(word(start)))
	}))
	Label("end")
	join(sums[0], sums[1])
	join(sums[2], sums[3])
	join(sums[0], sums[2])
	e.across(sums[0], join)
	low := sums[0].AsX()
	Store(low, ReturnIndex(0))
	e.end()
}

// across merges the lanes of v into lane 0.
func (e isa) across(v vec, join func(sum, x vec)) {
	if e.wide {
		half := ZMM()
		VSHUFF32X4(U8(0x4e), v, v, half) // swap 256-bit halves
		join(v, half)
		quarter := ZMM()
		VSHUFF32X4(U8(0xb1), v, v, quarter)
		join(v, quarter)
	} else {
		half := YMM()
		VPERM2F128(U8(1), v, v, half)
		join(v, half)
	}
	for _, shuffle := range []uint8{0x4e, 0xb1} {
		x := e.vec()
		VPERMILPS(U8(shuffle), v, x)
		join(v, x)
	}
}
