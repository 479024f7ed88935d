package main

import (
	. "github.com/mmcloughlin/avo/build"
)

func main() {
	ConstraintExpr("amd64")
	for _, e := range []isa{avx512, avx2} {
		e.maps()
		e.zips()
		e.reductions()
		e.softmax()
		e.correlate()
	}
	avx512.choices()
	Generate()
}

// maps writes the functions of one argument.
func (e isa) maps() {
	one := func(x vec) vec { return e.load(number(1)) }
	for _, f := range []struct {
		name string
		f    func(vec) vec
	}{
		{"neg", func(x vec) vec { return e.xor(x, word(signBit)) }},
		{"abs", func(x vec) vec { return e.and(x, word(restBits)) }},
		{"sign", e.sign},
		{"square", func(x vec) vec { return e.mul(x, x) }},
		{"sqrt", func(x vec) vec { return e.sqrt(x) }},
		{"rsqrt", func(x vec) vec { return e.div(one(x), e.sqrt(x)) }},
		{"reciprocal", func(x vec) vec { return e.div(one(x), x) }},
		{"exp", e.exp},
		{"expm1", e.expm1},
		{"log", e.log},
		{"log1p", e.log1p},
		{"tanh", e.tanh},
		{"erf", e.erf},
		{"sigmoid", e.sigmoid},
		{"silu", e.silu},
		{"gelu", e.gelu},
		{"geluTanh", e.geluTanh},
		{"floor", func(x vec) vec { return e.round(x, 1) }},
		{"ceil", func(x vec) vec { return e.round(x, 2) }},
		{"round", func(x vec) vec { return e.round(x, 0) }},
	} {
		e.kernel(f.name, "func(dst, x []float32)", []string{"x"}, nil, func(v []vec, _ []vec) vec { return f.f(v[0]) })
	}
}

// zips writes the functions of two arguments: of slices, of a slice and a number on either side, and of the
// rows of a slice and a number for each.
func (e isa) zips() {
	for _, f := range []struct {
		name string
		f    func(a, b vec) vec
	}{
		{"add", func(a, b vec) vec { return e.add(a, b) }},
		{"sub", func(a, b vec) vec { return e.sub(a, b) }},
		{"mul", func(a, b vec) vec { return e.mul(a, b) }},
		{"div", func(a, b vec) vec { return e.div(a, b) }},
		{"max", e.maxNaN},
		{"min", e.minNaN},
	} {
		e.kernel(f.name, "func(dst, a, b []float32)", []string{"a", "b"}, nil, func(v []vec, _ []vec) vec { return f.f(v[0], v[1]) })
		e.kernel(f.name+"Scalar", "func(dst, a []float32, b float32)", []string{"a"}, []string{"b"}, func(v []vec, c []vec) vec { return f.f(v[0], c[0]) })
		e.kernel("scalar"+string(f.name[0]-32)+f.name[1:], "func(dst []float32, a float32, b []float32)", []string{"b"}, []string{"a"},
			func(v []vec, c []vec) vec { return f.f(c[0], v[0]) })
		e.rowZip(f.name+"Rows", f.f)
		e.rowZip("rows"+string(f.name[0]-32)+f.name[1:], func(a, b vec) vec { return f.f(b, a) })
	}
}
