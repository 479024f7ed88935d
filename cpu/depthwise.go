package cpu

import (
	"fmt"
	"slices"

	"github.com/gomlx/compute/dtypes"
	"github.com/gowalrus/walrus/cpu/kernel"
)

// A convolution whose every channel has a kernel of its own is a sum of shifted rows (kernel.Correlation), and so is its
// gradient with respect to the kernel, which comes as a convolution whose batch is the channels, in groups of one. Both are done so
// where nothing is padded, strided or dilated and channels come last; plain loops do the rest.

// simple says that a convolution has neither strides nor padding nor dilation.
func (c convolution) simple() bool {
	ones := func(list []int) bool { return !slices.ContainsFunc(list, func(n int) bool { return n != 1 }) }
	return ones(c.strides) && ones(c.inputDilation) && ones(c.kernelDilation) &&
		!slices.ContainsFunc(c.paddings, func(p [2]int) bool { return p != [2]int{} })
}

// counted says that axes are first, first + 1, and so on.
func counted(axes []int, first int) bool {
	for i, axis := range axes {
		if axis != first+i {
			return false
		}
	}
	return true
}

// isDepthwise says whether a convolution is of input [batch, points.., channels] with a kernel [taps.., 1, channels].
func (c convolution) isDepthwise(input, weights, out view) bool {
	x, last := c.axes, len(input.dims)-1
	return c.batchGroups == 1 && c.channelGroups == input.dims[last] && c.simple() &&
		x.InputBatch == 0 && x.InputChannels == last && counted(x.InputSpatial, 1) &&
		counted(x.KernelSpatial, 0) && x.KernelInputChannels == last-1 && x.KernelOutputChannels == last &&
		x.OutputBatch == 0 && x.OutputChannels == last && counted(x.OutputSpatial, 1) &&
		weights.dims[last-1] == 1 && weights.dims[last] == input.dims[last] && weights.size() > 0 && out.size() > 0
}

// isDepthwiseGradient says whether a convolution is of input [samples, points.., channels] with what is like an output,
// [samples, points.., channels], to what is like a kernel, [taps.., 1, channels].
func (c convolution) isDepthwiseGradient(input, weights, out view) bool {
	x, last := c.axes, len(input.dims)-1
	return c.channelGroups == 1 && c.batchGroups == input.dims[last] && c.simple() &&
		x.InputBatch == last && x.InputChannels == 0 && counted(x.InputSpatial, 1) &&
		counted(x.KernelSpatial, 1) && x.KernelInputChannels == 0 && x.KernelOutputChannels == last &&
		counted(x.OutputSpatial, 0) && x.OutputBatch == last-1 && x.OutputChannels == last &&
		weights.dims[last] == input.dims[last] && weights.size() > 0 && out.size() > 0
}

// rows are the places of an array [outer.., row of points, channels]: every row begins at a multiple of its length.
type rows struct{ dims []int }

// start is the first element of the row at an index of the outer axes.
func (r rows) start(index []int) int {
	at := 0
	for i, n := range r.dims[:len(r.dims)-2] {
		at = at*n + index[i]
	}
	return at * r.dims[len(r.dims)-2] * r.dims[len(r.dims)-1]
}

// lowerDepthwise computes a depthwise convolution, one task a row of the output.
func (p *program) lowerDepthwise(input, weights located, out located) {
	input, weights = p.dense(input), p.dense(weights)
	x, w, y := rows{input.v.dims}, rows{weights.v.dims}, rows{out.v.dims}
	last := len(x.dims) - 1
	channels, taps, points := x.dims[last], w.dims[last-2], y.dims[last-1]
	outer := append(append([]int{}, w.dims[:last-2]...), 1) // of the kernel; one for the axis of its inputs
	tasks := out.s.size / (points * channels)
	flops := 2 * float64(out.s.size) * float64(weights.v.size()/channels)
	p.addOpaque(&opaqueOp{kind: fmt.Sprintf("depthwise convolution %v taps %v", y.dims, w.dims[:last-1]), reads: []located{input, weights}, out: []*storage{out.s}, flops: flops,
		run: func(e *execution) error {
			from, kernels, to := e.float32s(input), e.float32s(weights), e.float32s(out)
			return firstError(e, tasks, func(task int) error {
				at := unravel(task, y.dims[:last-1])
				row := to[task*points*channels:][:points*channels]
				clear(row)
				source := slices.Clone(at)
				tap := make([]int, len(outer)-1)
				for more := true; more; more = advance(tap, outer[:len(tap)]) {
					for i, k := range tap {
						source[1+i] = at[1+i] + k
					}
					c := kernel.Correlation{Dst: row, X: from[x.start(source):], W: kernels[tapStart(tap, w.dims):], Stride: channels, Channels: channels, Outer: points, Inner: taps}
					if err := e.backend().kernels.Correlate(c); err != nil {
						return err
					}
				}
				return nil
			})
		}})
}

// tapStart is the first element of a kernel [taps.., 1, channels] at an index of all but the last axis of taps.
func tapStart(tap, dims []int) int {
	at := 0
	for i, k := range tap {
		at = at*dims[i] + k
	}
	n := len(dims)
	return at * dims[n-3] * dims[n-1]
}

// gradientChannels is the number of channels of a task: results do not depend on it.
const gradientChannels = 32

// lowerDepthwiseGradient computes the gradient with respect to the kernel, one task for some channels of a row of taps.
func (p *program) lowerDepthwiseGradient(input, adjoint located, out located) {
	input, adjoint = p.dense(input), p.dense(adjoint)
	x, y, w := rows{input.v.dims}, rows{adjoint.v.dims}, out.v.dims
	last := len(x.dims) - 1
	channels, taps, points := x.dims[last], w[last-2], y.dims[last-1]
	outer := w[:last-2]
	blocks := (channels + gradientChannels - 1) / gradientChannels
	tasks := blocks
	for _, n := range outer {
		tasks *= n
	}
	flops := 2 * float64(adjoint.v.size()) * float64(out.s.size/channels)
	p.addOpaque(&opaqueOp{kind: fmt.Sprintf("depthwise gradient %v of %v", w[:last-1], y.dims), reads: []located{input, adjoint}, out: []*storage{out.s}, flops: flops,
		run: func(e *execution) error {
			from, given, to := e.float32s(input), e.float32s(adjoint), e.float32s(out)
			return firstError(e, tasks, func(task int) error {
				first := task % blocks * gradientChannels
				n := min(gradientChannels, channels-first)
				tap := unravel(task/blocks, outer)
				dst := to[tapStart(tap, w)+first:]
				for j := range taps {
					clear(dst[j*channels:][:n])
				}
				at := make([]int, last-1)
				source := make([]int, last-1)
				for more := true; more; more = advance(at, y.dims[:last-1]) {
					copy(source, at)
					for i, k := range tap {
						source[1+i] += k
					}
					c := kernel.Correlation{Dst: dst, X: from[x.start(source)+first:], W: given[y.start(at)+first:], Stride: channels, Channels: n, Outer: taps, Inner: points}
					if err := e.backend().kernels.Correlate(c); err != nil {
						return err
					}
				}
				return nil
			})
		}})
}

// unravel is the index of element n of an array.
func unravel(n int, dims []int) []int {
	index := make([]int, len(dims))
	for i := len(dims) - 1; i >= 0; i-- {
		index[i], n = n%dims[i], n/dims[i]
	}
	return index
}

// firstError runs tasks in parallel and returns the error of the first of them that had one.
func firstError(e *execution, tasks int, run func(task int) error) error {
	failed := make([]error, tasks)
	e.backend().pool.Run(tasks, func(task, _ int) { failed[task] = run(task) })
	for _, err := range failed {
		if err != nil {
			return err
		}
	}
	return nil
}

// depthwise lowers a convolution that is depthwise or the gradient of one, and tells whether it did.
func (p *program) depthwise(c convolution, x *instr, in []located) bool {
	out := x.out[0].shape
	if out.DType != dtypes.Float32 || len(in[0].v.dims) < 3 {
		return false
	}
	result := denseView(out.Dimensions)
	switch {
	case c.isDepthwise(in[0].v, in[1].v, result):
		p.lowerDepthwise(p.positive(in[0]), p.positive(in[1]), p.fresh(x.out[0]))
	case c.isDepthwiseGradient(in[0].v, in[1].v, result):
		p.lowerDepthwiseGradient(p.positive(in[0]), p.positive(in[1]), p.fresh(x.out[0]))
	default:
		return false
	}
	return true
}
