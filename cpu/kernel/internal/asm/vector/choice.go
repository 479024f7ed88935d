package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// choices writes comparisons to, and choices by, booleans of a byte each, 16 at a time.
func (e isa) choices() {
	for _, c := range []struct {
		name      string
		predicate uint8
	}{{"equal", 0}, {"notEqual", 4}, {"less", 0x11}, {"lessEqual", 0x12}} {
		e.pointers(c.name, "func(dst *bool, a, b *float32, n int)", []string{"dst", "a", "b"}, func(at func(name string, size uint8) Mem) {
			m := e.compare(c.predicate, e.load(at("a", 4)), at("b", 4))
			bytes := XMM()
			VPMOVM2B(m.k, bytes)
			VPAND(word(0x01010101), bytes, bytes)
			VMOVDQU(bytes, at("dst", 1))
		})
	}
	e.pointers("choose", "func(dst *float32, cond *bool, a, b *float32, n int)", []string{"dst", "cond", "a", "b"}, func(at func(name string, size uint8) Mem) {
		bytes, m := XMM(), mask{k: K()}
		VMOVDQU(at("cond", 1), bytes)
		VPTESTMB(bytes, bytes, m.k)
		VMOVUPS(e.choose(m, at("a", 4), e.load(at("b", 4))), at("dst", 4))
	})
}

// pointers writes a loop over whole vectors: n is a positive multiple of the lanes. body addresses the slices by name
// and size of an element.
func (e isa) pointers(name, signature string, slices []string, body func(at func(name string, size uint8) Mem)) {
	e.begin(name, signature)
	from := map[string]reg.GPVirtual{}
	for _, s := range slices {
		from[s] = GP64()
		Load(Param(s), from[s])
	}
	n, i := GP64(), GP64()
	Load(Param("n"), n)
	XORQ(i, i)
	Label("loop")
	body(func(name string, size uint8) Mem { return Mem{Base: from[name], Index: i, Scale: size} })
	ADDQ(U8(e.lanes), i)
	CMPQ(i, n)
	JLT(LabelRef("loop"))
	e.end()
}
