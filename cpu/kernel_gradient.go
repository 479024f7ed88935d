package cpu

import (
	"fmt"

	"github.com/gowalrus/walrus/cpu/kernel"
)

// The gradient of a convolution with respect to its kernel comes as a convolution too: its batch is the input channels, its
// kernel the adjoint of the output, as large as the grid, and its output points are the taps. As a product of patches it would
// have a few rows, and patches as long as the grid. It is the transpose of a product of the forward pass's patches, which have
// taps x input channels elements that lie side by side in runs of channels:
//
//	gradient[out, taps x in] = sum over samples and points of adjoint[points, out] patch[points, taps x in]

// isKernelGradient says whether a convolution is better computed so: it has fewer output points than taps.
func (a *convolutionAxes) isKernelGradient() bool {
	points, taps := 1, 1
	for _, s := range a.space {
		if s.inputDilation != 1 {
			return false
		}
		points *= s.output
		taps *= s.kernel
	}
	return points < taps && a.batch > 1
}

// lowerKernelGradient computes the convolution as the transposed product.
func (p *program) lowerKernelGradient(c convolution, input, adjoint, out located) {
	// Here and below the names are those of the forward pass: its points are this convolution's taps.
	x := c.axes
	order := append(append([]int{x.KernelInputChannels}, x.KernelSpatial...), x.KernelOutputChannels)
	adjoint.v = adjoint.v.transposed(order)
	adjoint = p.dense(adjoint) // [samples, points.., out]
	a := c.axesOf(input.v, denseView(adjoint.v.dims).transposed(inverseOf(order)), out.v)
	result := out
	direct := append(append([]int{x.OutputChannels}, x.OutputSpatial...), x.OutputBatch)
	ordered := out.v.transposed(direct) // [out, taps.., in]
	columns := view{dims: ordered.dims[1:], strides: ordered.strides[1:]}.collapsed()
	if len(columns.dims) > 1 {
		result = located{p.newStorage(out.s.dtype, out.v.size()), denseView(ordered.dims)}
		columns = view{dims: []int{out.v.size() / a.out}, strides: []int{1}}
		ordered = result.v
	}
	columnStride := 1
	if len(columns.dims) == 1 {
		columnStride = columns.strides[0]
	}
	g := newTapGather(&a, input)
	points := adjoint.v.size() / a.out
	width := out.v.size() / a.out
	p.addOpaque(&opaqueOp{kind: fmt.Sprintf("kernel gradient %v points %d", ordered.dims, points), reads: []located{input, adjoint}, out: []*storage{result.s},
		flops: 2 * float64(out.v.size()) * float64(points),
		run: func(e *execution) error {
			data := e.float32s(located{input.s, view{}})
			return e.backend().kernels.Gemm(e.backend().pool, &kernel.Gemm{M: a.out, N: width, K: points,
				A: kernel.Matrix{Data: e.float32s(adjoint), RowStride: 1, ColStride: a.out},
				B: kernel.Matrix{Gather: func(dst []float32, batch, row, col int) { g.fill(dst, data, batch, row, col) }},
				C: kernel.Matrix{Data: e.float32s(result), RowStride: ordered.strides[0], ColStride: columnStride}})
		}})
	if result.s != out.s {
		p.store(located{result.s, result.v.transposed(inverseOf(direct))}, out)
	}
}

// inverseOf is the permutation that undoes one.
func inverseOf(order []int) []int {
	inverse := make([]int, len(order))
	for i, axis := range order {
		inverse[axis] = i
	}
	return inverse
}
