package cpu

import (
	"fmt"
	"slices"

	"github.com/gomlx/compute/dtypes"
)

// convolutionAxes are the strides of the three tensors of a convolution by the role of their axes.
type convolutionAxes struct {
	batch, in, out           int // extents: output batch, input channels of a group, output channels
	inputBatch, inputChannel int // strides
	kernelIn, kernelOut      int
	outBatch, outChannel     int
	space                    []spaceAxis
}

// spaceAxis is one spatial axis.
type spaceAxis struct {
	input, kernel, output                     int // extents
	inputStride, kernelStride, outputStride   int // in memory
	stride, padding, inputDilation, kernelDil int
}

func (c convolution) axesOf(input, kernel, output view) convolutionAxes {
	x := c.axes
	a := convolutionAxes{batch: output.dims[x.OutputBatch], in: kernel.dims[x.KernelInputChannels], out: kernel.dims[x.KernelOutputChannels],
		inputBatch: input.strides[x.InputBatch], inputChannel: input.strides[x.InputChannels],
		kernelIn: kernel.strides[x.KernelInputChannels], kernelOut: kernel.strides[x.KernelOutputChannels],
		outBatch: output.strides[x.OutputBatch], outChannel: output.strides[x.OutputChannels]}
	for i := range x.InputSpatial {
		in, k, out := x.InputSpatial[i], x.KernelSpatial[i], x.OutputSpatial[i]
		a.space = append(a.space, spaceAxis{input.dims[in], kernel.dims[k], output.dims[out], input.strides[in], kernel.strides[k],
			output.strides[out], c.strides[i], c.paddings[i][0], c.inputDilation[i], c.kernelDilation[i]})
	}
	return a
}

// source returns the input index that output index o sees through kernel index k, and whether there is one.
func (s *spaceAxis) source(o, k int) (int, bool) {
	at := o*s.stride + k*s.kernelDil - s.padding
	if s.inputDilation == 1 {
		return at, uint(at) < uint(s.input)
	}
	if at < 0 || at%s.inputDilation != 0 {
		return 0, false
	}
	at /= s.inputDilation
	return at, at < s.input
}

// lowerConvolution computes convolutions.
func (p *program) lowerConvolution(x *instr, in []located) error {
	c := x.attr.(convolution)
	if p.depthwise(c, x, in) {
		return nil
	}
	out := p.destination(x.out[0])
	if len(c.strides) > 0 && c.channelGroups == 1 && c.batchGroups == 1 && out.s.dtype == dtypes.Float32 && out.v.size() > 0 && in[1].v.size() > 0 {
		if a := c.axesOf(in[0].v, in[1].v, out.v); a.isKernelGradient() {
			p.lowerKernelGradient(c, p.positive(in[0]), p.positive(in[1]), out)
		} else {
			p.lowerPatchProduct(c, p.positive(in[0]), p.positive(in[1]), out)
		}
		return nil
	}
	run := plainConvolutions[out.s.dtype]
	a := c.axesOf(in[0].v, in[1].v, out.v)
	p.addOpaque(&opaqueOp{kind: fmt.Sprintf("plain convolution %v", out.v.dims), reads: in, out: []*storage{out.s}, run: func(e *execution) error {
		e.backend().pool.RunRange(a.batch*a.out, 1, func(from, to int) {
			for i := from; i < to; i++ {
				run(e, c, &a, in[0], in[1], out, i/a.out, i%a.out)
			}
		})
		return nil
	}})
	return nil
}

// plainConvolutions compute one channel of one batch entry of the output, per data type.
var plainConvolutions = map[dtypes.DType]func(e *execution, c convolution, a *convolutionAxes, in, kernel, out located, batch, channel int){
	dtypes.Float32: plainConvolution[float32], dtypes.Float64: plainConvolution[float64],
	dtypes.Int8: plainConvolution[int8], dtypes.Int16: plainConvolution[int16], dtypes.Int32: plainConvolution[int32], dtypes.Int64: plainConvolution[int64],
	dtypes.Uint8: plainConvolution[uint8], dtypes.Uint16: plainConvolution[uint16], dtypes.Uint32: plainConvolution[uint32], dtypes.Uint64: plainConvolution[uint64],
}

func plainConvolution[T number](e *execution, c convolution, a *convolutionAxes, in, kernel, out located, batch, channel int) {
	x := slice[T](e.base[in.s.id], in.s.size)
	w := slice[T](e.base[kernel.s.id], kernel.s.size)
	y := slice[T](e.base[out.s.id], out.s.size)
	rank := len(a.space)
	firstChannel := channel / max(1, a.out/c.channelGroups) * a.in
	group := channel / max(1, a.out/c.batchGroups)
	xBase := in.v.offset + (group*a.batch+batch)*a.inputBatch + firstChannel*a.inputChannel
	wBase := kernel.v.offset + channel*a.kernelOut
	o, k := make([]int, rank), make([]int, rank)
	outSizes, kernelSizes := make([]int, rank), make([]int, rank)
	for i, s := range a.space {
		outSizes[i], kernelSizes[i] = s.output, s.kernel
	}
	for more := len(y) > 0; more; more = advance(o, outSizes) {
		var sum T
		clear(k)
	taps:
		for next := !slices.Contains(kernelSizes, 0); next; next = advance(k, kernelSizes) {
			xAt, wAt := xBase, wBase
			for i := range a.space {
				s := &a.space[i]
				from, ok := s.source(o[i], k[i])
				if !ok {
					continue taps
				}
				xAt += from * s.inputStride
				wAt += k[i] * s.kernelStride
			}
			for range a.in {
				sum += x[xAt] * w[wAt]
				xAt += a.inputChannel
				wAt += a.kernelIn
			}
		}
		at := out.v.offset + batch*a.outBatch + channel*a.outChannel
		for i, s := range a.space {
			at += o[i] * s.outputStride
		}
		y[at] = sum
	}
}

// advance counts index up in row-major order; false after the last.
func advance(index, sizes []int) bool {
	for axis := len(index) - 1; axis >= 0; axis-- {
		if index[axis]++; index[axis] < sizes[axis] {
			return true
		}
		index[axis] = 0
	}
	return false
}
