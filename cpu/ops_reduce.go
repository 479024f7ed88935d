package cpu

import (
	"fmt"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapeinference"
	"github.com/gomlx/compute/shapes"
)

// fold says by which elementwise operation a reduction combines elements, and from what it starts.
type fold struct {
	op   compute.OpType
	init foldInit
}

// foldInit is the neutral element of a fold.
type foldInit uint8

const (
	initZero foldInit = iota // 0 or false
	initOne                  // 1
	initOnes                 // all bits set, or true
	initLowest
	initHighest
)

var folds = map[compute.OpType]fold{
	compute.OpTypeReduceSum:        {compute.OpTypeAdd, initZero},
	compute.OpTypeReduceProduct:    {compute.OpTypeMul, initOne},
	compute.OpTypeReduceMax:        {compute.OpTypeMax, initLowest},
	compute.OpTypeReduceMin:        {compute.OpTypeMin, initHighest},
	compute.OpTypeReduceBitwiseAnd: {compute.OpTypeBitwiseAnd, initOnes},
	compute.OpTypeReduceBitwiseOr:  {compute.OpTypeBitwiseOr, initZero},
	compute.OpTypeReduceBitwiseXor: {compute.OpTypeBitwiseXor, initZero},
	compute.OpTypeReduceLogicalAnd: {compute.OpTypeLogicalAnd, initOnes},
	compute.OpTypeReduceLogicalOr:  {compute.OpTypeLogicalOr, initZero},
	compute.OpTypeReduceLogicalXor: {compute.OpTypeLogicalXor, initZero},
}

// reduce records a reduction over the given axes, all if none are given. Half-precision values are reduced in float32.
func (f *function) reduce(op compute.OpType, x compute.Value, axes []int) (compute.Value, error) {
	in, err := f.operands(x)
	if err != nil {
		return nil, err
	}
	if len(axes) == 0 {
		for axis := range in[0].shape.Rank() {
			axes = append(axes, axis)
		}
	}
	axes = slices.Sorted(slices.Values(axes))
	for i, axis := range axes {
		if axis < 0 || axis >= in[0].shape.Rank() || i > 0 && axes[i-1] == axis {
			return nil, fmt.Errorf("cpu: %s over axes %v of shape %s", op, axes, in[0].shape)
		}
	}
	t := in[0].shape.DType
	if f.builder.backend.tiles.find(folds[op].op, t, t) == nil {
		return nil, notImplementedFor(op, t)
	}
	if t.IsHalfPrecision() {
		wide, err := f.ConvertDType(x, dtypes.Float32)
		if err != nil {
			return nil, err
		}
		y, err := f.reduce(op, wide, axes)
		if err != nil {
			return nil, err
		}
		return f.ConvertDType(y, t)
	}
	shape, err := shapeinference.Reduce(in[0].shape, axes)
	if err != nil {
		return nil, err
	}
	if shape.Size() == in[0].shape.Size() {
		return f.emit(compute.OpTypeReshape, shape, nil, in[0]), nil
	}
	return f.emit(op, shape, axes, in[0]), nil
}

// ArgMinMax returns the position of the smallest or largest element along an axis; the first NaN wins.
func (f *function) ArgMinMax(x compute.Value, axis int, outputDType dtypes.DType, isMin bool) (compute.Value, error) {
	in, err := f.operands(x)
	if err != nil {
		return nil, err
	}
	if axis < 0 {
		axis += in[0].shape.Rank()
	}
	shape, err := shapeinference.ArgMinMax(in[0].shape, axis, outputDType)
	if err != nil {
		return nil, err
	}
	if in[0].shape.Dimensions[axis] == 0 || !storable(in[0].shape.DType) || !storable(outputDType) {
		return nil, notImplementedFor(compute.OpTypeArgMinMax, in[0].shape.DType)
	}
	return f.emit(compute.OpTypeArgMinMax, shape, argAxis{axis, isMin}, in[0]), nil
}

// argAxis is the attribute of ArgMinMax.
type argAxis struct {
	axis  int
	isMin bool
}

// RNGBitGenerator fills shape with random bits of the Philox generator and returns the advanced state.
func (f *function) RNGBitGenerator(state compute.Value, shape shapes.Shape) (compute.Value, compute.Value, error) {
	in, err := f.operands(state)
	if err != nil {
		return nil, nil, err
	}
	if !in[0].shape.Equal(compute.RNGStateShape) {
		return nil, nil, fmt.Errorf("cpu: RNGBitGenerator with state of shape %s; expected %s", in[0].shape, compute.RNGStateShape)
	}
	if shape.IsDynamic() || !storable(shape.DType) || shape.DType == dtypes.Bool {
		return nil, nil, notImplementedFor(compute.OpTypeRNGBitGenerator, shape.DType)
	}
	out := f.emitMany(compute.OpTypeRNGBitGenerator, []shapes.Shape{in[0].shape, shape}, nil, in[0])
	return out[0], out[1], nil
}

// ReduceSum adds all elements along the given axes, which are removed.
func (f *function) ReduceSum(x compute.Value, axes ...int) (compute.Value, error) {
	return f.reduce(compute.OpTypeReduceSum, x, axes)
}

// ReduceProduct multiplies all elements along the given axes, which are removed.
func (f *function) ReduceProduct(x compute.Value, axes ...int) (compute.Value, error) {
	return f.reduce(compute.OpTypeReduceProduct, x, axes)
}

// ReduceMax takes the largest of all elements along the given axes, which are removed.
func (f *function) ReduceMax(x compute.Value, axes ...int) (compute.Value, error) {
	return f.reduce(compute.OpTypeReduceMax, x, axes)
}

// ReduceMin takes the smallest of all elements along the given axes, which are removed.
func (f *function) ReduceMin(x compute.Value, axes ...int) (compute.Value, error) {
	return f.reduce(compute.OpTypeReduceMin, x, axes)
}

// ReduceBitwiseAnd combines by AND the bits of all elements along the given axes, which are removed.
func (f *function) ReduceBitwiseAnd(x compute.Value, axes ...int) (compute.Value, error) {
	return f.reduce(compute.OpTypeReduceBitwiseAnd, x, axes)
}

// ReduceBitwiseOr combines by OR the bits of all elements along the given axes, which are removed.
func (f *function) ReduceBitwiseOr(x compute.Value, axes ...int) (compute.Value, error) {
	return f.reduce(compute.OpTypeReduceBitwiseOr, x, axes)
}

// ReduceBitwiseXor combines by XOR the bits of all elements along the given axes, which are removed.
func (f *function) ReduceBitwiseXor(x compute.Value, axes ...int) (compute.Value, error) {
	return f.reduce(compute.OpTypeReduceBitwiseXor, x, axes)
}

// ReduceLogicalAnd combines by AND all elements along the given axes, which are removed.
func (f *function) ReduceLogicalAnd(x compute.Value, axes ...int) (compute.Value, error) {
	return f.reduce(compute.OpTypeReduceLogicalAnd, x, axes)
}

// ReduceLogicalOr combines by OR all elements along the given axes, which are removed.
func (f *function) ReduceLogicalOr(x compute.Value, axes ...int) (compute.Value, error) {
	return f.reduce(compute.OpTypeReduceLogicalOr, x, axes)
}

// ReduceLogicalXor combines by XOR all elements along the given axes, which are removed.
func (f *function) ReduceLogicalXor(x compute.Value, axes ...int) (compute.Value, error) {
	return f.reduce(compute.OpTypeReduceLogicalXor, x, axes)
}
