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
//	gradient[taps x in, out] = sum over samples and points of patch[points, taps x in] adjoint[points, out]
//
// Patches of some points at a time are written out, since the product reads them across.

// patchElements is about how many elements of patches are written out at a time, for at least patchPoints points. Results depend
// on both, not on the number of workers.
const (
	patchElements = 1 << 17
	patchPoints   = 128
)

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
	direct := append(append([]int{}, x.OutputSpatial...), x.OutputBatch, x.OutputChannels)
	ordered := out.v.transposed(direct) // [taps.., in, out]
	if !ordered.isDense() {
		result = located{p.newStorage(out.s.dtype, out.v.size()), denseView(ordered.dims)}
	}
	g := newTapGather(&a, input)
	points := adjoint.v.size() / a.out
	width := out.v.size() / a.out
	step := min(points, max(patchPoints, patchElements/width))
	scratch := located{p.newStorage(out.s.dtype, step*width), denseView([]int{step, width})}
	p.addOpaque(&opaqueOp{kind: fmt.Sprintf("kernel gradient %v points %d", ordered.dims, points), reads: []located{input, adjoint}, out: []*storage{result.s, scratch.s},
		flops: 2 * float64(out.v.size()) * float64(points),
		run: func(e *execution) error {
			data, patches, given := e.float32s(located{input.s, view{}}), e.float32s(scratch), e.float32s(adjoint)
			pool := e.backend().pool
			for first := 0; first < points; first += step {
				n := min(step, points-first)
				pool.RunRange(n, max(1, 1<<14/width), func(from, to int) {
					for i := from; i < to; i++ {
						g.fill(patches[i*width:][:width], data, 0, first+i, 0)
					}
				})
				err := e.backend().kernels.Gemm(pool, &kernel.Gemm{M: width, N: a.out, K: n, Round: c.round, Accumulate: first > 0,
					A: kernel.ColMajor(patches, width), B: kernel.RowMajor(given[first*a.out:], a.out), C: kernel.RowMajor(e.float32s(result), a.out)})
				if err != nil {
					return err
				}
			}
			return nil
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
