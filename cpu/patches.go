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
			return e.backend().kernels.Gemm(e.backend().pool, &kernel.Gemm{Batch: []int{a.batch}, M: positions, N: a.out, K: depth, Round: c.round,
				A: kernel.Matrix{Gather: func(dst []float32, batch, row, col int) { g.fill(dst, data, batch, row, col) }},
				B: kernel.Matrix{Data: e.float32s(w), RowStride: a.out, ColStride: 1, BatchStrides: []int{0}},
				C: kernel.Matrix{Data: e.float32s(result), RowStride: rowStride, ColStride: ordered.strides[last], BatchStrides: []int{ordered.strides[0]}}})
		}})
	if result.s != out.s {
		p.store(located{result.s, result.v.transposed(inverseOf(direct))}, out)
	}
}

// patchGather reads rows of a matrix of patches: a row is a place of the kernel, its columns are taps and channels. Computing the
// gradient of a kernel, the convolution at hand has places for taps and taps for places, channels for a batch and samples for
// channels (swapped).
type patchGather struct {
	a          *convolutionAxes
	start      int
	rows, cols [6]int // places and taps along each axis
	width      int    // channels
	stride     int    // in memory from channel to channel
	outer      int    // from sample to sample
	swapped    bool
}

func newPatchGather(a *convolutionAxes, input located) *patchGather {
	g := &patchGather{a: a, start: input.v.offset, width: a.in, stride: a.inputChannel, outer: a.inputBatch}
	for i, s := range a.space {
		g.rows[i], g.cols[i] = s.output, s.kernel
	}
	return g
}

// newTapGather reads the forward pass's patches for the gradient of its kernel; rows go on from sample to sample.
func newTapGather(a *convolutionAxes, input located) *patchGather {
	g := &patchGather{a: a, start: input.v.offset, width: a.batch, stride: a.inputBatch, outer: a.inputChannel, swapped: true}
	for i, s := range a.space {
		g.rows[i], g.cols[i] = s.kernel, s.output
	}
	return g
}

// fill writes elements col.. of the patch of a row.
func (g *patchGather) fill(dst []float32, data []float32, batch, row, col int) {
	rank := len(g.a.space)
	var place, tap [6]int
	for axis := rank - 1; axis >= 0; axis-- {
		place[axis] = row % g.rows[axis]
		row /= g.rows[axis]
	}
	next, channel := col/g.width, col%g.width
	for axis := rank - 1; axis >= 0; axis-- {
		tap[axis] = next % g.cols[axis]
		next /= g.cols[axis]
	}
	base, last := g.start+(batch+row)*g.outer, rank-1
	for len(dst) > 0 {
		at, inside := g.position(base, &place, &tap)
		if !inside {
			n := min(g.width*(g.cols[last]-tap[last])-channel, len(dst))
			clear(dst[:n])
			dst = dst[n:]
		} else {
			dst = g.along(dst, data, at, place[last], tap[last], channel)
		}
		channel, tap[last] = 0, 0
		for axis := last - 1; axis >= 0; axis-- {
			if tap[axis]++; tap[axis] < g.cols[axis] {
				break
			}
			tap[axis] = 0
		}
	}
}

// along writes the taps along the last axis from one of them and its channel on, and returns what is left to write. Neighbours in memory
// are copied at once.
func (g *patchGather) along(dst []float32, data []float32, at, place, tap, channel int) []float32 {
	last := len(g.a.space) - 1
	s, taps := &g.a.space[last], g.cols[last]
	for ; tap < taps && len(dst) > 0; tap++ {
		n := min(g.width-channel, len(dst))
		from, inside := g.source(last, place, tap)
		start := at + from*s.inputStride + channel*g.stride
		switch {
		case !inside:
			clear(dst[:n])
		case g.stride == 1:
			if !g.swapped && s.inputStride == g.width && s.kernelDil == 1 && s.inputDilation == 1 {
				more := min(taps-tap, s.input-from) - 1
				n = min(n+more*g.width, len(dst))
				tap += (channel + n - 1) / g.width
			}
			copy(dst[:n], data[start:start+n])
		default:
			for i := range dst[:n] {
				dst[i] = data[start+i*g.stride]
			}
		}
		dst = dst[n:]
		channel = 0
	}
	return dst
}

// position is where the input begins, but for the last axis, that a place sees through a tap, from a position on; and whether there is one.
func (g *patchGather) position(at int, place, tap *[6]int) (int, bool) {
	for axis := range len(g.a.space) - 1 {
		from, ok := g.source(axis, place[axis], tap[axis])
		if !ok {
			return 0, false
		}
		at += from * g.a.space[axis].inputStride
	}
	return at, true
}

// source is the input index along an axis that a place sees through a tap, and whether there is one.
func (g *patchGather) source(axis, place, tap int) (int, bool) {
	if g.swapped {
		place, tap = tap, place
	}
	return g.a.space[axis].source(place, tap)
}
