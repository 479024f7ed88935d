package cpu

import (
	"fmt"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapeinference"
	"github.com/pkg/errors"
)

// dotAxes is the attribute of DotGeneral.
type dotAxes struct {
	lhsContracting, lhsBatch, rhsContracting, rhsBatch []int
	round                                              bool // see kernel.Gemm; the operands were bfloat16
}

// DotGeneral is the general product of two tensors: the result has the batch axes, then the remaining axes of lhs, then
// those of rhs. Half-precision operands are multiplied and added in float32 and rounded once. Where the operands are float32
// that was rounded to bfloat16, or the result is widened again, the kernels decide about the rounding (rounding.go).
func (f *function) DotGeneral(lhs compute.Value, lhsContracting, lhsBatch []int, rhs compute.Value, rhsContracting, rhsBatch []int,
	config compute.DotGeneralConfig) (compute.Value, error) {
	in, err := f.operands(lhs, rhs)
	if err != nil {
		return nil, err
	}
	shape, err := shapeinference.DotGeneral(in[0].shape, lhsContracting, lhsBatch, in[1].shape, rhsContracting, rhsBatch, config)
	if err != nil {
		return nil, err
	}
	t := in[0].shape.DType
	accumulator, output := config.AccumulatorDType, shape.DType
	if accumulator == dtypes.InvalidDType {
		accumulator = t
		if t.IsHalfPrecision() {
			accumulator = dtypes.Float32
		}
	}
	if accumulator.IsHalfPrecision() {
		accumulator = dtypes.Float32
	}
	if !dotSupported(accumulator) || !storable(output) {
		return nil, notImplementedFor(compute.OpTypeDotGeneral, accumulator)
	}
	l, err := f.convertAll(accumulator, in...)
	if err != nil {
		return nil, err
	}
	shape.DType = accumulator
	shape.AxisNames = nil
	y := f.emit(compute.OpTypeDotGeneral, shape, dotAxes{slices.Clone(lhsContracting), slices.Clone(lhsBatch),
		slices.Clone(rhsContracting), slices.Clone(rhsBatch), t == dtypes.BFloat16}, l...)
	return f.ConvertDType(y, output)
}

func dotSupported(t dtypes.DType) bool {
	return storable(t) && t != dtypes.Bool && !t.IsHalfPrecision()
}

func (f *function) convertAll(t dtypes.DType, values ...*value) ([]*value, error) {
	out := make([]*value, len(values))
	for i, v := range values {
		w, err := f.ConvertDType(v, t)
		if err != nil {
			return nil, err
		}
		out[i] = w.(*value)
	}
	return out, nil
}

// convolution is the attribute of ConvGeneral, all lists complete.
type convolution struct {
	axes                          compute.ConvolveAxesConfig
	strides                       []int
	paddings                      [][2]int
	inputDilation, kernelDilation []int
	channelGroups, batchGroups    int
	round                         bool // see dotAxes
}

// ConvGeneral is a convolution with any number of spatial axes; see compute.StandardOps. Half precision is computed in
// float32 and rounded once.
func (f *function) ConvGeneral(input, kernel compute.Value, axes compute.ConvolveAxesConfig, strides []int, paddings [][2]int,
	inputDilations, kernelDilations []int, channelGroups, batchGroups int) (compute.Value, error) {
	in, err := f.operands(input, kernel)
	if err != nil {
		return nil, err
	}
	rank := len(axes.InputSpatial)
	c := convolution{axes: axes.Clone(), strides: slices.Clone(strides), paddings: slices.Clone(paddings),
		inputDilation: slices.Clone(inputDilations), kernelDilation: slices.Clone(kernelDilations),
		channelGroups: max(1, channelGroups), batchGroups: max(1, batchGroups)}
	if c.paddings == nil {
		c.paddings = make([][2]int, rank)
	}
	for _, list := range []*[]int{&c.strides, &c.inputDilation, &c.kernelDilation} {
		if len(*list) == 0 {
			*list = slices.Repeat([]int{1}, rank)
		}
	}
	shape, err := shapeinference.ConvGeneral(in[0].shape, in[1].shape, axes, c.strides, c.paddings, c.inputDilation, c.kernelDilation,
		c.channelGroups, c.batchGroups)
	if err != nil {
		return nil, err
	}
	for _, pad := range c.paddings {
		if pad[0] < 0 || pad[1] < 0 {
			return nil, errors.Wrapf(compute.ErrNotImplemented, "cpu: ConvGeneral with negative padding %v", c.paddings)
		}
	}
	t := shape.DType
	wide := t
	if t.IsHalfPrecision() {
		wide = dtypes.Float32
	}
	c.round = t == dtypes.BFloat16
	if !dotSupported(wide) {
		return nil, notImplementedFor(compute.OpTypeConvGeneral, t)
	}
	operands, err := f.convertAll(wide, in...)
	if err != nil {
		return nil, err
	}
	shape.DType = wide
	return f.ConvertDType(f.emit(compute.OpTypeConvGeneral, shape, c, operands...), t)
}

// FusedDense is x W + bias with an activation.
func (f *function) FusedDense(x, weight, bias compute.Value, options compute.DenseConfig) (compute.Value, error) {
	in, err := f.operands(x, weight)
	if err != nil {
		return nil, err
	}
	if in[0].shape.Rank() < 1 || in[1].shape.Rank() < 1 {
		return nil, fmt.Errorf("cpu: FusedDense of shapes %s and %s", in[0].shape, in[1].shape)
	}
	contract := 0
	if options.WeightLayout == compute.DenseLayoutOutputsInput {
		contract = in[1].shape.Rank() - 1
	}
	y, err := f.DotGeneral(x, []int{in[0].shape.Rank() - 1}, nil, weight, []int{contract}, nil, compute.DotGeneralConfig{})
	if err != nil {
		return nil, err
	}
	if bias != nil {
		if y, err = f.addTrailing(y, bias); err != nil {
			return nil, err
		}
	}
	return f.activation(y, options.Activation)
}
