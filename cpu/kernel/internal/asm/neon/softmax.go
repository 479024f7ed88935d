package main

import (
	"github.com/gowalrus/walrus/cpu/kernel/internal/asm/fit"
)

// sideBySide is the number of rows of a block of scores whose arithmetic is interleaved, so that its long chains overlap.
const sideBySide = 4

// block is a block of scores, [rows, lanes], of which a kernel goes through the columns, four lanes at a time.
type block struct {
	*kernel
	start, end, stride, column, limit register // column: the first row of the present lanes; stride: bytes between rows
	rows                              [sideBySide]register
}

// newBlock loads the slice of the block and the number of lanes, which is the length of another.
func newBlock(k *kernel, slice, lanes string) *block {
	b := &block{kernel: k, start: k.argument(slice + "_base"), end: k.argument(slice + "_len"), stride: k.bytes(lanes + "_len"), column: k.register(), limit: k.register()}
	for i := range b.rows {
		b.rows[i] = k.register()
	}
	k.linef("ADD %s<<2, %s, %s", b.end, b.start, b.end)
	k.linef("ADD %s<<1, %s, %s", b.stride, b.stride, b.limit)
	k.linef("SUB %s, %s, %s", b.limit, b.end, b.limit)
	k.linef("MOVD %s, %s", b.start, b.column)
	return b
}

// lanes writes the loop over the columns; the number of lanes is a positive multiple of four.
func (b *block) lanes(body func()) {
	end, loop := b.register(), b.label()
	b.linef("ADD %s, %s, %s", b.stride, b.start, end)
	b.at(loop)
	body()
	b.linef("ADD $16, %s", b.column)
	b.linef("CMP %s, %s", end, b.column)
	b.branch("BLT", loop)
}

// down writes the loop over the rows of a column: some side by side, then those that are left.
func (b *block) down(body func(rows []register)) {
	p := b.rows[0]
	loop, rest, one, end := b.label(), b.label(), b.label(), b.label()
	b.linef("MOVD %s, %s", b.column, p)
	b.at(loop)
	b.linef("CMP %s, %s", b.limit, p)
	b.branch("BGE", rest)
	for i := range b.rows[1:] {
		b.linef("ADD %s, %s, %s", b.stride, b.rows[i], b.rows[i+1])
	}
	body(b.rows[:])
	b.linef("ADD %s, %s, %s", b.stride, b.rows[sideBySide-1], p)
	b.branch("JMP", loop)
	b.at(rest)
	b.at(one)
	b.linef("CMP %s, %s", b.end, p)
	b.branch("BGE", end)
	body(b.rows[:1])
	b.linef("ADD %s, %s", b.stride, p)
	b.branch("JMP", one)
	b.at(end)
}

// holdExp2 keeps the constants of exp2 in registers.
func (k *kernel) holdExp2() {
	k.hold(bitsOf(1), bitsOf(128), bitsOf(-150), 127)
	for _, c := range fit.Exp2 {
		k.hold(bitsOf(c))
	}
}

// exp2 is 2^x for each of several vectors, step by step side by side. Gradual underflow, 0 at -Inf and NaN are kept.
func (k *kernel) exp2(xs []vector) []vector {
	var whole, rest, powers []vector
	for _, x := range xs {
		x = k.of(fmin, k.of(fmax, x, k.number(-150)), k.number(128))
		n := k.of(frintm, x)
		whole, rest = append(whole, n), append(rest, k.of(fsub, x, n))
	}
	last := len(fit.Exp2) - 1
	for range xs {
		powers = append(powers, k.number(fit.Exp2[last]))
	}
	terms := append([]float64{1}, fit.Exp2[:last]...)
	for i := len(terms) - 1; i >= 0; i-- {
		for j, p := range powers {
			next := k.fresh(bitsOf(terms[i]))
			k.do(fmla, next, p, rest[j])
			powers[j] = next
		}
	}
	for j, p := range powers {
		powers[j] = k.power(p, whole[j])
	}
	return powers
}

// softmaxSteps are the steps of attention on blocks of scores, one query a lane.
func softmaxSteps() []*kernel { return []*kernel{softmaxBlock(), gradBlock(), scaleLanes()} }

func softmaxBlock() *kernel {
	k := newKernel("softmaxBlock", "block, top, sum, factor []float32)", "is softmaxBlockPlain in vectors; the number of lanes is a multiple of four.")
	b := newBlock(k, "block", "top")
	top, sum, factor := k.argument("top_base"), k.argument("sum_base"), k.argument("factor_base")
	k.holdExp2()
	none := k.word(infinity | signBit)
	b.lanes(func() {
		old := k.load(top, 0)
		var highs, parts []vector
		for range sideBySide {
			highs = append(highs, k.copyOf(old))
			parts = append(parts, k.fresh(0))
		}
		b.down(func(rows []register) {
			for i, row := range rows {
				k.do(fmax, highs[i], highs[i], k.load(row, 0))
			}
		})
		high := k.combine(highs, fmax)
		k.store(high, top, 16)
		shift := k.choose(k.of(fcmeq, high, none), k.word(0), high)
		scale := k.exp2([]vector{k.of(fsub, old, shift)})[0]
		k.store(scale, factor, 16)
		b.down(func(rows []register) {
			var xs []vector
			for _, row := range rows {
				xs = append(xs, k.of(fsub, k.load(row, 0), shift))
			}
			for i, x := range k.exp2(xs) {
				k.store(x, rows[i], 0)
				k.do(fadd, parts[i], parts[i], x)
			}
		})
		total := k.combine(parts, fadd)
		k.do(fmla, total, scale, k.load(sum, 0))
		k.store(total, sum, 16)
	})
	return k
}

// combine folds vectors into the first, halves at a time.
func (k *kernel) combine(v []vector, join instruction) vector {
	for n := len(v) / 2; n > 0; n /= 2 {
		for i, x := range v[:n] {
			k.do(join, x, x, v[i+n])
		}
	}
	return v[0]
}

func gradBlock() *kernel {
	k := newKernel("gradBlock", "p, dp, shift, delta []float32, scale float32)", "is gradBlockPlain in vectors; the number of lanes is a multiple of four.")
	b := newBlock(k, "p", "shift")
	apart, shift, delta, there := k.argument("dp_base"), k.argument("shift_base"), k.argument("delta_base"), k.register()
	k.linef("SUB %s, %s", b.start, apart) // from a row of p to that of dp
	scale := k.splatArgument("scale")
	k.holdExp2()
	b.lanes(func() {
		low, mean := k.load(shift, 16), k.load(delta, 16)
		b.down(func(rows []register) {
			var xs []vector
			for _, row := range rows {
				xs = append(xs, k.of(fsub, k.load(row, 0), low))
			}
			for i, x := range k.exp2(xs) {
				k.store(x, rows[i], 0)
				k.linef("ADD %s, %s, %s", apart, rows[i], there)
				k.store(k.of(fmul, k.of(fmul, x, k.of(fsub, k.load(there, 0), mean)), scale), there, 0)
			}
		})
	})
	return k
}

func scaleLanes() *kernel {
	k := newKernel("scaleLanes", "block, factor []float32)", "is scaleLanesPlain in vectors; the number of lanes is a multiple of four.")
	b := newBlock(k, "block", "factor")
	factor := k.argument("factor_base")
	b.lanes(func() {
		f := k.load(factor, 16)
		b.down(func(rows []register) {
			for _, row := range rows {
				k.store(k.of(fmul, k.load(row, 0), f), row, 0)
			}
		})
	})
	return k
}
