package cpu

import (
	"slices"

	"github.com/gomlx/compute/dtypes"
)

// lowerPlainDot computes products of types other than float32 with plain loops over dense copies [batch, m, k] and
// [batch, n, k].
func (p *program) lowerPlainDot(x *instr, in []located) {
	attr := x.attr.(dotAxes)
	arrange := func(l located, batch, contracting []int) (located, int) {
		var free []int
		rows := 1
		for axis, d := range l.v.dims {
			if !slices.Contains(batch, axis) && !slices.Contains(contracting, axis) {
				free = append(free, axis)
				rows *= d
			}
		}
		l.v = l.v.transposed(slices.Concat(batch, free, contracting))
		return p.dense(l), rows
	}
	a, m := arrange(in[0], attr.lhsBatch, attr.lhsContracting)
	b, n := arrange(in[1], attr.rhsBatch, attr.rhsContracting)
	k := 1
	for _, axis := range attr.lhsContracting {
		k *= in[0].v.dims[axis]
	}
	out := p.fresh(x.out[0])
	run := plainDots[out.s.dtype]
	p.addOpaque(&opaqueOp{kind: "plain dot", reads: []located{a, b}, out: []*storage{out.s},
		flops: 2 * float64(out.s.size) * float64(k),
		run: func(e *execution) error {
			rows := out.s.size / max(1, n)
			e.backend().pool.RunRange(rows, max(1, 1<<16/max(1, n*k)), func(from, to int) {
				run(e, a, b, out, m, n, k, from, to)
			})
			return nil
		}})
}

// plainDots compute rows from..to-1 of the result, counted over the whole batch, per data type.
var plainDots = map[dtypes.DType]func(e *execution, a, b, out located, m, n, k, from, to int){
	dtypes.Float32: plainDot[float32], dtypes.Float64: plainDot[float64],
	dtypes.Int8: plainDot[int8], dtypes.Int16: plainDot[int16], dtypes.Int32: plainDot[int32], dtypes.Int64: plainDot[int64],
	dtypes.Uint8: plainDot[uint8], dtypes.Uint16: plainDot[uint16], dtypes.Uint32: plainDot[uint32], dtypes.Uint64: plainDot[uint64],
}

func plainDot[T number](e *execution, a, b, out located, m, n, k, from, to int) {
	x := slice[T](e.base[a.s.id], a.s.size)[a.v.offset:]
	y := slice[T](e.base[b.s.id], b.s.size)[b.v.offset:]
	z := slice[T](e.base[out.s.id], out.s.size)
	for row := from; row < to; row++ {
		left := x[row*k : (row+1)*k]
		entry := row / m
		for col := range n {
			right := y[(entry*n+col)*k:][:k]
			var sum T
			for i, v := range left {
				sum += v * right[i]
			}
			z[row*n+col] = sum
		}
	}
}
