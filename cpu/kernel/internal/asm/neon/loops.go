package main

import (
	"fmt"
	"strings"
)

// walk writes a loop over n elements of the sources and, unless it is "", of dst; all of them move on behind these elements, and
// n becomes 0 or less. body gets a vector of each source and returns what is stored; the last vector is filled up with the bits fill.
func (k *kernel) walk(n, dst register, sources []register, fill uint32, body func(v []vector) vector) {
	rest, end := k.label(), k.label()
	k.linef("SUBS $4, %s", n)
	k.branch("BLT", rest)
	loop := k.label()
	k.at(loop)
	var v []vector
	for _, s := range sources {
		v = append(v, k.load(s, 16))
	}
	if y := body(v); dst != "" {
		k.store(y, dst, 16)
	}
	k.linef("SUBS $4, %s", n)
	k.branch("BGE", loop)
	k.at(rest)
	k.linef("ADDS $4, %s", n)
	k.branch("BEQ", end)
	v = nil
	for _, s := range sources {
		v = append(v, k.loadSome(s, n, fill))
	}
	if y := body(v); dst != "" {
		k.storeSome(y, dst, n)
	}
	k.at(end)
}

// elementwise writes dst[i] = f(sources at i, scalars).
func elementwise(name, signature string, sources, scalars []string, f func(k *kernel, v, c []vector) vector) *kernel {
	k := newKernel(name, signature, "is "+name+"Plain, or that entry of the tables of plain functions, in vectors.")
	dst, n := k.argument("dst_base"), k.argument("dst_len")
	var from []register
	for _, s := range sources {
		from = append(from, k.argument(s+"_base"))
	}
	var numbers []vector
	for _, s := range scalars {
		numbers = append(numbers, k.splatArgument(s))
	}
	k.walk(n, dst, from, 0, func(v []vector) vector { return f(k, v, numbers) })
	return k
}

// maps are the functions of one argument.
func maps() (all []*kernel) {
	for _, f := range []struct {
		name string
		f    func(k *kernel, x vector) vector
	}{
		{"neg", func(k *kernel, x vector) vector { return k.of(fneg, x) }},
		{"abs", func(k *kernel, x vector) vector { return k.of(fabs, x) }},
		{"sign", (*kernel).sign},
		{"square", func(k *kernel, x vector) vector { return k.of(fmul, x, x) }},
		{"sqrt", func(k *kernel, x vector) vector { return k.of(fsqrt, x) }},
		{"rsqrt", func(k *kernel, x vector) vector { return k.of(fdiv, k.number(1), k.of(fsqrt, x)) }},
		{"reciprocal", func(k *kernel, x vector) vector { return k.of(fdiv, k.number(1), x) }},
		{"exp", (*kernel).exp},
		{"expm1", (*kernel).expm1},
		{"log", (*kernel).log},
		{"log1p", (*kernel).log1p},
		{"tanh", (*kernel).tanh},
		{"erf", (*kernel).erf},
		{"sigmoid", (*kernel).sigmoid},
		{"silu", (*kernel).silu},
		{"gelu", (*kernel).gelu},
		{"geluTanh", (*kernel).geluTanh},
		{"floor", func(k *kernel, x vector) vector { return k.of(frintm, x) }},
		{"ceil", func(k *kernel, x vector) vector { return k.of(frintp, x) }},
		{"round", func(k *kernel, x vector) vector { return k.of(frintn, x) }},
	} {
		all = append(all, elementwise(f.name, "dst, x []float32)", []string{"x"}, nil, func(k *kernel, v, _ []vector) vector { return f.f(k, v[0]) }))
	}
	return all
}

// zips are the functions of two arguments: of slices, of a slice and a number on either side, and of the rows of a slice
// and a number for each.
func zips() (all []*kernel) {
	for _, f := range []struct {
		name string
		code instruction
	}{{"add", fadd}, {"sub", fsub}, {"mul", fmul}, {"div", fdiv}, {"max", fmax}, {"min", fmin}} {
		capital := strings.ToUpper(f.name[:1]) + f.name[1:]
		all = append(all,
			elementwise(f.name, "dst, a, b []float32)", []string{"a", "b"}, nil, func(k *kernel, v, _ []vector) vector { return k.of(f.code, v[0], v[1]) }),
			elementwise(f.name+"Scalar", "dst, a []float32, b float32)", []string{"a"}, []string{"b"}, func(k *kernel, v, c []vector) vector { return k.of(f.code, v[0], c[0]) }),
			elementwise("scalar"+capital, "dst []float32, a float32, b []float32)", []string{"b"}, []string{"a"}, func(k *kernel, v, c []vector) vector { return k.of(f.code, c[0], v[0]) }),
			rowZip(f.name+"Rows", func(k *kernel, a, b vector) vector { return k.of(f.code, a, b) }),
			rowZip("rows"+capital, func(k *kernel, a, b vector) vector { return k.of(f.code, b, a) }))
	}
	return all
}

// rowZip writes dst[r, i] = f(a[r, i], b[r]); there is at least one row.
func rowZip(name string, f func(k *kernel, a, b vector) vector) *kernel {
	k := newKernel(name, "dst, a, b []float32, length int)", "sets dst[r, i] from a[r, i] and b[r], for rows of the given length.")
	dst, a, b, rows, length, left := k.argument("dst_base"), k.argument("a_base"), k.argument("b_base"), k.argument("b_len"), k.argument("length"), k.register()
	row := k.label()
	k.at(row)
	number := k.splat(fmt.Sprintf("4(%s)", b))
	k.linef("MOVD %s, %s", length, left)
	k.walk(left, dst, []register{a}, 0, func(v []vector) vector { return f(k, v[0], number) })
	k.linef("SUBS $1, %s", rows)
	k.branch("BNE", row)
	return k
}

// partial is the number of vectors of partial results of a reduction: they hide the latency of its instruction.
const partial = 8

// reductions are the sums and extremes of slices and of their rows. Lane i of partial vector j folds the elements
// 4(8k+j)+i; the partial results are then joined in pairs.
func reductions() []*kernel {
	add := func(k *kernel, sum, x vector) { k.do(fadd, sum, sum, x) }
	larger := func(k *kernel, top, x vector) { k.do(fmax, top, top, x) }
	smaller := func(k *kernel, low, x vector) { k.do(fmin, low, low, x) }
	single := func(join func(k *kernel, sum, x vector)) func(k *kernel, sum vector, v []vector) {
		return func(k *kernel, sum vector, v []vector) { join(k, sum, v[0]) }
	}
	return []*kernel{
		fold("sum", "x []float32) float32", []string{"x"}, 0, single(add), add),
		fold("sumSquares", "x []float32) float32", []string{"x"}, 0, func(k *kernel, sum vector, v []vector) { k.do(fmla, sum, v[0], v[0]) }, add),
		fold("dot", "a, b []float32) float32", []string{"a", "b"}, 0, func(k *kernel, sum vector, v []vector) { k.do(fmla, sum, v[0], v[1]) }, add),
		fold("maxOf", "x []float32) float32", []string{"x"}, infinity|signBit, single(larger), larger),
		fold("minOf", "x []float32) float32", []string{"x"}, infinity, single(smaller), smaller),
		rowFold("sumRows", 0, add),
		rowFold("maxOfRows", infinity|signBit, larger),
	}
}

// fold writes a reduction that starts from a number given by its bits; take adds a vector of each source to a partial
// result, join merges two.
func fold(name, signature string, sources []string, start uint32, take func(k *kernel, sum vector, v []vector), join func(k *kernel, sum, x vector)) *kernel {
	k := newKernel(name, signature, "is "+name+"Plain, or that entry of the tables of plain functions, in vectors.")
	n := k.argument(sources[0] + "_len")
	var from []register
	for _, s := range sources {
		from = append(from, k.argument(s+"_base"))
	}
	var sums []vector
	for range partial {
		sums = append(sums, k.fresh(start))
	}
	loop, rest := k.label(), k.label()
	k.linef("SUBS $%d, %s", 4*partial, n)
	k.branch("BLT", rest)
	k.at(loop)
	for _, sum := range sums {
		var v []vector
		for _, p := range from {
			v = append(v, k.load(p, 16))
		}
		take(k, sum, v)
	}
	k.linef("SUBS $%d, %s", 4*partial, n)
	k.branch("BGE", loop)
	k.at(rest)
	k.linef("ADD $%d, %s", 4*partial, n)
	k.walk(n, "", from, start, func(v []vector) vector {
		take(k, sums[0], v)
		return sums[0]
	})
	for n := partial / 2; n > 0; n /= 2 {
		for i, sum := range sums[:n] {
			join(k, sum, sums[i+n])
		}
	}
	k.across(sums[0], join)
	k.line("FMOVS F%d, "+k.parameter("ret"), sums[0])
	return k
}

// rowFold writes the reduction of every row of x to an element of dst; there is at least one row.
func rowFold(name string, start uint32, join func(k *kernel, sum, x vector)) *kernel {
	k := newKernel(name, "dst, x []float32, length int)", "folds every row of x, of the given length, into an element of dst.")
	dst, rows, x, length, left := k.argument("dst_base"), k.argument("dst_len"), k.argument("x_base"), k.argument("length"), k.register()
	k.hold(start)
	row := k.label()
	k.at(row)
	sum := k.fresh(start)
	k.linef("MOVD %s, %s", length, left)
	k.walk(left, "", []register{x}, start, func(v []vector) vector {
		join(k, sum, v[0])
		return sum
	})
	k.across(sum, join)
	k.line(fmt.Sprintf("FMOVS.P F%%d, 4(%s)", dst), sum)
	k.linef("SUBS $1, %s", rows)
	k.branch("BNE", row)
	return k
}

// across merges the lanes of v into lane 0.
func (k *kernel) across(v vector, join func(k *kernel, sum, x vector)) {
	join(k, v, k.of(swap, v, v))
	join(k, v, k.of(rev64, v))
}
