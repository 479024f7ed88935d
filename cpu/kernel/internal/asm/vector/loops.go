package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// begin declares a kernel.
func (e isa) begin(name, signature string) {
	TEXT(name+e.name, NOSPLIT, signature)
	Doc(name + e.name + " is " + name + "Plain, or that entry of the tables of plain functions, in vectors.")
	Pragma("noescape")
}

// end finishes a kernel.
func (e isa) end() {
	VZEROUPPER()
	RET()
}

// base loads the address of a slice.
func base(name string) reg.GPVirtual {
	p := GP64()
	Load(Param(name).Base(), p)
	return p
}

// length loads the length of a slice.
func length(name string) reg.GPVirtual {
	n := GP64()
	Load(Param(name).Len(), n)
	return n
}

// scalar loads a number into all lanes.
func (e isa) scalar(name string) vec {
	x := XMM()
	Load(Param(name), x)
	v := e.vec()
	VBROADCASTSS(x, v)
	return v
}

// each writes a loop over n elements: full is called for vectors at byte offset at, rest for the last lanes.
func (e isa) each(n reg.GPVirtual, full func(at reg.GPVirtual), rest func(at reg.GPVirtual, t tail)) {
	at := GP64()
	XORQ(at, at)
	SUBQ(U8(e.lanes), n)
	JLT(LabelRef("rest"))
	Label("loop")
	full(at)
	ADDQ(U8(e.bytes()), at)
	SUBQ(U8(e.lanes), n)
	JGE(LabelRef("loop"))
	Label("rest")
	ADDQ(U8(e.lanes), n)
	JZ(LabelRef("end"))
	rest(at, e.tailOf(n))
	Label("end")
}

// kernel writes dst[i] = f(sources at i, scalars).
func (e isa) kernel(name, signature string, sources, scalars []string, f func(v []vec, c []vec) vec) {
	e.begin(name, signature)
	dst, n := base("dst"), length("dst")
	var from []reg.GPVirtual
	for _, s := range sources {
		if s == "dst" {
			from = append(from, dst)
		} else {
			from = append(from, base(s))
		}
	}
	var numbers []vec
	for _, s := range scalars {
		numbers = append(numbers, e.scalar(s))
	}
	e.each(n, func(at reg.GPVirtual) {
		var v []vec
		for _, p := range from {
			v = append(v, e.load(Mem{Base: p, Index: at, Scale: 1}))
		}
		VMOVUPS(f(v, numbers), Mem{Base: dst, Index: at, Scale: 1})
	}, func(at reg.GPVirtual, t tail) {
		var v []vec
		for _, p := range from {
			v = append(v, t.load(Mem{Base: p, Index: at, Scale: 1}))
		}
		t.store(f(v, numbers), Mem{Base: dst, Index: at, Scale: 1})
	})
	e.end()
}

// rows writes a loop over the rows of slices, length elements each, one for every element of per: row gets a function that
// calls full for each vector of the row, at a byte offset, and rest for its last lanes, if any.
func (e isa) rows(per string, slices []reg.GPVirtual, row func(number reg.GPVirtual, each func(full func(at reg.GPVirtual), rest func(at reg.GPVirtual, t tail)))) {
	number, rows, width := base(per), length(per), GP64()
	Load(Param("length"), width)
	whole, left := GP64(), GP64()
	MOVQ(width, left)
	ANDQ(U8(e.lanes-1), left)
	MOVQ(width, whole)
	SUBQ(left, whole)
	SHLQ(U8(2), whole)
	SHLQ(U8(2), width)
	t := e.tailOf(left)
	Label("row")
	row(number, func(full func(at reg.GPVirtual), rest func(at reg.GPVirtual, t tail)) {
		at := GP64()
		XORQ(at, at)
		CMPQ(at, whole)
		JGE(LabelRef("rest"))
		Label("loop")
		full(at)
		ADDQ(U8(e.bytes()), at)
		CMPQ(at, whole)
		JLT(LabelRef("loop"))
		Label("rest")
		TESTQ(left, left)
		JZ(LabelRef("next"))
		rest(at, t)
		Label("next")
	})
	for _, p := range slices {
		ADDQ(width, p)
	}
	ADDQ(U8(4), number)
	DECQ(rows)
	JNZ(LabelRef("row"))
}

// rowZip writes dst[r, i] = f(a[r, i], b[r]).
func (e isa) rowZip(name string, f func(a, b vec) vec) {
	e.begin(name, "func(dst, a, b []float32, length int)")
	dst, a := base("dst"), base("a")
	e.rows("b", []reg.GPVirtual{dst, a}, func(number reg.GPVirtual, each func(func(reg.GPVirtual), func(reg.GPVirtual, tail))) {
		b := e.splat(Mem{Base: number})
		each(func(at reg.GPVirtual) {
			VMOVUPS(f(e.load(Mem{Base: a, Index: at, Scale: 1}), b), Mem{Base: dst, Index: at, Scale: 1})
		}, func(at reg.GPVirtual, t tail) {
			t.store(f(t.load(Mem{Base: a, Index: at, Scale: 1}), b), Mem{Base: dst, Index: at, Scale: 1})
		})
	})
	e.end()
}

// rowFold writes the reduction of every row of x to an element of dst, from a number given by its bits.
func (e isa) rowFold(name string, start uint32, join func(sum, x vec)) {
	e.begin(name, "func(dst, x []float32, length int)")
	x := base("x")
	none := e.load(word(start))
	e.rows("dst", []reg.GPVirtual{x}, func(number reg.GPVirtual, each func(func(reg.GPVirtual), func(reg.GPVirtual, tail))) {
		sum := e.copyOf(none)
		each(func(at reg.GPVirtual) {
			join(sum, e.load(Mem{Base: x, Index: at, Scale: 1}))
		}, func(at reg.GPVirtual, t tail) {
			v := t.load(Mem{Base: x, Index: at, Scale: 1})
			if start != 0 {
				v = e.choose(t.m, v, none)
			}
			join(sum, v)
		})
		e.across(sum, join)
		VMOVSS(sum.AsX(), Mem{Base: number})
	})
	e.end()
}
