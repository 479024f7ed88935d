package cpu

import (
	"fmt"

	"github.com/gowalrus/walrus/cpu/kernel"
)

// lowerPatchProduct computes a float32 convolution as one matrix product per batch entry: rows are output positions,
// the contracted axis runs over kernel positions and input channels. The matrix of patches is never stored: the product
// reads it through gather.
func (p *program) lowerPatchProduct(c convolution, input, weights, out located) {
	a := c.axesOf(input.v, weights.v, out.v)
	taps, positions := 1, 1
	for _, s := range a.space {
		taps *= s.kernel
		positions *= s.output
	}
	depth := taps * a.in
	// Weights as a dense [taps * in, out] matrix.
	x := c.axes
	order := append(append([]int(nil), x.KernelSpatial...), x.KernelInputChannels, x.KernelOutputChannels)
	w := weights
	w.v = w.v.transposed(order)
	w = p.dense(w)
	result := out
	direct := make([]int, 0, len(x.OutputSpatial)+2)
	direct = append(append(append(direct, x.OutputBatch), x.OutputSpatial...), x.OutputChannels)
	ordered := out.v.transposed(direct)
	rows := view{dims: ordered.dims[1 : len(direct)-1], strides: ordered.strides[1 : len(direct)-1]}.collapsed()
	if len(rows.dims) > 1 { // the rows of the result are not one axis: compute elsewhere, then copy
		result = located{p.newStorage(out.s.dtype, out.v.size()), denseView(ordered.dims)}
		rows = view{dims: []int{positions}, strides: []int{a.out}}
		ordered = result.v
	}
	rowStride := 0
	if len(rows.dims) == 1 {
		rowStride = rows.strides[0]
	}
	g := newPatchGather(&a, input)
	last := len(direct) - 1
	p.addOpaque(&opaqueOp{kind: fmt.Sprintf("convolution %v taps %d", ordered.dims, taps), reads: []located{input, w}, out: []*storage{result.s},
		flops: 2 * float64(out.v.size()) * float64(depth),
		run: func(e *execution) error {
			data := e.float32s(located{input.s, view{}})
			return e.backend().kernels.Gemm(e.backend().pool, &kernel.Gemm{Batch: []int{a.batch}, M: positions, N: a.out, K: depth,
				A: kernel.Matrix{Gather: func(dst []float32, batch, row, col int) { g.fill(dst, data, batch, row, col) }},
				B: kernel.Matrix{Data: e.float32s(w), RowStride: a.out, ColStride: 1, BatchStrides: []int{0}},
				C: kernel.Matrix{Data: e.float32s(result), RowStride: rowStride, ColStride: ordered.strides[last], BatchStrides: []int{ordered.strides[0]}}})
		}})
	if result.s != out.s {
		p.store(located{result.s, result.v.transposed(inverseOf(direct))}, out)
	}
}

// patchGather reads rows of the matrix of patches.
type patchGather struct {
	a     *convolutionAxes
	start int
}

func newPatchGather(a *convolutionAxes, input located) *patchGather {
	return &patchGather{a: a, start: input.v.offset}
}

// fill writes elements col.. of the patch at output position row.
func (g *patchGather) fill(dst []float32, data []float32, batch, row, col int) {
	a := g.a
	rank := len(a.space)
	var o, k [6]int
	for axis := rank - 1; axis >= 0; axis-- {
		o[axis] = row % a.space[axis].output
		row /= a.space[axis].output
	}
	tap, channel := col/a.in, col%a.in
	for axis := rank - 1; axis >= 0; axis-- {
		k[axis] = tap % a.space[axis].kernel
		tap /= a.space[axis].kernel
	}
	base := g.start + batch*a.inputBatch
	for len(dst) > 0 {
		n := min(a.in-channel, len(dst))
		at, inside := base+channel*a.inputChannel, true
		for axis := range rank {
			from, ok := a.space[axis].source(o[axis], k[axis])
			if !ok {
				inside = false
				break
			}
			at += from * a.space[axis].inputStride
		}
		place(dst[:n], data, at, a.inputChannel, inside)
		dst = dst[n:]
		channel = 0
		for axis := rank - 1; axis >= 0; axis-- {
			if k[axis]++; k[axis] < a.space[axis].kernel {
				break
			}
			k[axis] = 0
		}
	}
}
