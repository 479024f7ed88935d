package cpu

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/dtypes/bfloat16"
	"github.com/gomlx/compute/dtypes/float16"
	"github.com/gomlx/compute/shapeinference"
	"github.com/gomlx/compute/shapes"
	"github.com/pkg/errors"
)

// Layout operations only rearrange elements. Most have no code of their own: they become views.

// Reshape reinterprets the row-major elements with other dimensions.
func (f *function) Reshape(x compute.Value, dims ...int) (compute.Value, error) {
	in, err := f.operands(x)
	if err != nil {
		return nil, err
	}
	shape, err := shapeinference.Reshape(in[0].shape, dims)
	if err != nil {
		return nil, err
	}
	return f.emit(compute.OpTypeReshape, shape, nil, in[0]), nil
}

// Transpose permutes axes: axis i of the result is axis permutation[i] of x.
func (f *function) Transpose(x compute.Value, permutation ...int) (compute.Value, error) {
	in, err := f.operands(x)
	if err != nil {
		return nil, err
	}
	shape, err := shapeinference.Transpose(in[0].shape, permutation)
	if err != nil {
		return nil, err
	}
	return f.emit(compute.OpTypeTranspose, shape, slices.Clone(permutation), in[0]), nil
}

// BroadcastInDim repeats x along new axes and axes of extent 1.
func (f *function) BroadcastInDim(x compute.Value, outputShape shapes.Shape, axes []int) (compute.Value, error) {
	in, err := f.operands(x)
	if err != nil {
		return nil, err
	}
	if outputShape.IsDynamic() {
		return nil, errors.Wrapf(compute.ErrNotImplemented, "cpu: BroadcastInDim to %s: unknown dimensions", outputShape)
	}
	if err := shapeinference.BroadcastInDim(in[0].shape, outputShape, axes, nil); err != nil {
		return nil, err
	}
	return f.emit(compute.OpTypeBroadcastInDim, outputShape, slices.Clone(axes), in[0]), nil
}

// sliceRange is the attribute of a Slice.
type sliceRange struct{ starts, limits, steps []int }

// Slice takes a box out of x, every strides[i]-th element along axis i.
func (f *function) Slice(x compute.Value, starts, limits, strides []int) (compute.Value, error) {
	in, err := f.operands(x)
	if err != nil {
		return nil, err
	}
	limits = slices.Clone(limits)
	for axis := range limits {
		if limits[axis] == shapes.DynamicDim && axis < in[0].shape.Rank() {
			limits[axis] = in[0].shape.Dimensions[axis]
		}
	}
	shape, err := shapeinference.Slice(in[0].shape, starts, limits, strides)
	if err != nil {
		return nil, err
	}
	return f.emit(compute.OpTypeSlice, shape, sliceRange{slices.Clone(starts), limits, slices.Clone(strides)}, in[0]), nil
}

// Reverse runs the given axes backwards.
func (f *function) Reverse(x compute.Value, axes ...int) (compute.Value, error) {
	in, err := f.operands(x)
	if err != nil {
		return nil, err
	}
	for i, axis := range axes {
		if axis < 0 || axis >= in[0].shape.Rank() || slices.Contains(axes[:i], axis) {
			return nil, fmt.Errorf("cpu: Reverse of axes %v of shape %s", axes, in[0].shape)
		}
	}
	return f.emit(compute.OpTypeReverse, in[0].shape, slices.Clone(axes), in[0]), nil
}

// Concatenate joins tensors along one axis.
func (f *function) Concatenate(axis int, operands ...compute.Value) (compute.Value, error) {
	in, err := f.operands(operands...)
	if err != nil {
		return nil, err
	}
	if len(in) == 1 {
		return in[0], nil
	}
	all := make([]shapes.Shape, len(in))
	for i, v := range in {
		all[i] = v.shape
	}
	shape, err := shapeinference.Concatenate(all, axis)
	if err != nil {
		return nil, err
	}
	return f.emit(compute.OpTypeConcatenate, shape, axis, in...), nil
}

// Pad adds fillValue before, after and between the elements of x; negative amounts before and after remove elements.
func (f *function) Pad(x, fillValue compute.Value, axes ...compute.PadAxis) (compute.Value, error) {
	in, err := f.operands(x, fillValue)
	if err != nil {
		return nil, err
	}
	shape, err := shapeinference.Pad(in[0].shape, axes...)
	if err != nil {
		return nil, err
	}
	if in[1].shape.DType != shape.DType || !in[1].shape.IsScalar() {
		return nil, fmt.Errorf("cpu: Pad of %s with a fill value of shape %s", in[0].shape, in[1].shape)
	}
	config := slices.Clone(axes)
	for len(config) < shape.Rank() {
		config = append(config, compute.PadAxis{})
	}
	for axis, pad := range config {
		if pad.Interior < 0 || shape.Dimensions[axis] < 0 {
			return nil, fmt.Errorf("cpu: Pad of %s with %+v", in[0].shape, axes)
		}
	}
	return f.emit(compute.OpTypePad, shape, config, in...), nil
}

// Iota returns a constant that counts from 0 along one axis.
func (f *function) Iota(shape shapes.Shape, axis int) (compute.Value, error) {
	switch {
	case shape.IsDynamic() || !storable(shape.DType) || shape.DType == dtypes.Bool:
		return nil, notImplementedFor(compute.OpTypeIota, shape.DType)
	case axis < 0 || axis >= shape.Rank():
		return nil, fmt.Errorf("cpu: Iota along axis %d of shape %s", axis, shape)
	case f.returned:
		return nil, fmt.Errorf("cpu: operation added to function %q after Return", f.name)
	}
	n := shape.Dimensions[axis]
	size := shape.DType.Size()
	line := f.emit(compute.OpTypeConstant, shapes.Make(shape.DType, n), &constant{alignedBytes(n * size)})
	for i := range n {
		putNumber(line.def.attr.(*constant).bytes[i*size:], shape.DType, i)
	}
	return f.emit(compute.OpTypeBroadcastInDim, shape, []int{axis}, line), nil
}

// putNumber stores a whole number as an element of type t.
func putNumber(at []byte, t dtypes.DType, x int) {
	switch {
	case t == dtypes.Float64:
		binary.LittleEndian.PutUint64(at, math.Float64bits(float64(x)))
	case t == dtypes.Float32:
		binary.LittleEndian.PutUint32(at, math.Float32bits(float32(x)))
	case t == dtypes.Float16:
		binary.LittleEndian.PutUint16(at, float16.FromFloat32(float32(x)).Bits())
	case t == dtypes.BFloat16:
		binary.LittleEndian.PutUint16(at, bfloat16.FromFloat32(float32(x)).Bits())
	default:
		for i := range t.Size() {
			at[i] = byte(x >> (8 * i))
		}
	}
}

// Bitcast reinterprets the bytes of x as another data type.
func (f *function) Bitcast(x compute.Value, target dtypes.DType) (compute.Value, error) {
	in, err := f.operands(x)
	if err != nil {
		return nil, err
	}
	if !storable(target) {
		return nil, notImplementedFor(compute.OpTypeBitcast, target)
	}
	shape, err := shapeinference.Bitcast(in[0].shape, target)
	if err != nil {
		return nil, err
	}
	return f.emit(compute.OpTypeBitcast, shape, nil, in[0]), nil
}

// gatherAxes is the attribute of Gather.
type gatherAxes struct {
	vector                              int
	offset, collapsed, startMap, extent []int
}

// Gather collects slices of operand at positions held in startIndices; see compute.StandardOps.
func (f *function) Gather(operand, startIndices compute.Value, indexVectorAxis int,
	offsetOutputAxes, collapsedSliceAxes, startIndexMap, sliceSizes []int, indicesAreSorted bool) (compute.Value, error) {
	in, err := f.operands(operand, startIndices)
	if err != nil {
		return nil, err
	}
	shape, err := shapeinference.Gather(in[0].shape, in[1].shape, indexVectorAxis, offsetOutputAxes, collapsedSliceAxes,
		startIndexMap, sliceSizes, indicesAreSorted)
	if err != nil {
		return nil, err
	}
	return f.emit(compute.OpTypeGather, shape, gatherAxes{indexVectorAxis, slices.Clone(offsetOutputAxes),
		slices.Clone(collapsedSliceAxes), slices.Clone(startIndexMap), slices.Clone(sliceSizes)}, in...), nil
}

// scatterAxes is the attribute of the Scatter operations.
type scatterAxes struct {
	vector                      int
	window, inserted, toOperand []int
}

func (f *function) scatter(op compute.OpType, operand, indices, updates compute.Value, indexVectorAxis int,
	window, inserted, toOperand []int) (compute.Value, error) {
	in, err := f.operands(operand, indices, updates)
	if err != nil {
		return nil, err
	}
	shape, err := shapeinference.Scatter(in[0].shape, in[1].shape, in[2].shape, indexVectorAxis, window, inserted, toOperand)
	if err != nil {
		return nil, err
	}
	if f.builder.backend.tiles.find(scatterFold[op], shape.DType, shape.DType) == nil {
		return nil, notImplementedFor(op, shape.DType)
	}
	return f.emit(op, shape, scatterAxes{indexVectorAxis, slices.Clone(window), slices.Clone(inserted), slices.Clone(toOperand)}, in...), nil
}

// scatterFold is the elementwise operation by which each scatter combines old and new.
var scatterFold = map[compute.OpType]compute.OpType{
	compute.OpTypeScatterSum: compute.OpTypeAdd,
	compute.OpTypeScatterMax: compute.OpTypeMax,
	compute.OpTypeScatterMin: compute.OpTypeMin,
}

// ScatterSum adds updates to operand at the given indices.
func (f *function) ScatterSum(operand, indices, updates compute.Value, vector int, window, inserted, toOperand []int, _, _ bool) (compute.Value, error) {
	return f.scatter(compute.OpTypeScatterSum, operand, indices, updates, vector, window, inserted, toOperand)
}

// ScatterMax raises operand to updates at the given indices.
func (f *function) ScatterMax(operand, indices, updates compute.Value, vector int, window, inserted, toOperand []int, _, _ bool) (compute.Value, error) {
	return f.scatter(compute.OpTypeScatterMax, operand, indices, updates, vector, window, inserted, toOperand)
}

// ScatterMin lowers operand to updates at the given indices.
func (f *function) ScatterMin(operand, indices, updates compute.Value, vector int, window, inserted, toOperand []int, _, _ bool) (compute.Value, error) {
	return f.scatter(compute.OpTypeScatterMin, operand, indices, updates, vector, window, inserted, toOperand)
}

// DynamicSlice takes a box of the given size at a position known only at run time, moved inside operand if needed.
func (f *function) DynamicSlice(operand compute.Value, starts []compute.Value, sizes []int) (compute.Value, error) {
	in, err := f.operands(append([]compute.Value{operand}, starts...)...)
	if err != nil {
		return nil, err
	}
	shape, err := shapeinference.DynamicSlice(in[0].shape, sizes)
	if err != nil {
		return nil, err
	}
	if err := checkStarts(in[0], in[1:]); err != nil {
		return nil, err
	}
	return f.emit(compute.OpTypeDynamicSlice, shapes.Make(shape.DType, shape.Dimensions...), nil, in...), nil
}

// DynamicUpdateSlice overwrites a box of operand at a position known only at run time.
func (f *function) DynamicUpdateSlice(operand, update compute.Value, starts []compute.Value) (compute.Value, error) {
	in, err := f.operands(append([]compute.Value{operand, update}, starts...)...)
	if err != nil {
		return nil, err
	}
	shape, err := shapeinference.DynamicUpdateSlice(in[0].shape, in[1].shape)
	if err != nil {
		return nil, err
	}
	for axis, d := range in[1].shape.Dimensions {
		if d > shape.Dimensions[axis] {
			return nil, fmt.Errorf("cpu: DynamicUpdateSlice of %s with larger update %s", in[0].shape, in[1].shape)
		}
	}
	if err := checkStarts(in[0], in[2:]); err != nil {
		return nil, err
	}
	return f.emit(compute.OpTypeDynamicUpdateSlice, shape, nil, in...), nil
}

func checkStarts(operand *value, starts []*value) error {
	if len(starts) != operand.shape.Rank() {
		return fmt.Errorf("cpu: %d start indices for shape %s; expected one per axis", len(starts), operand.shape)
	}
	for i, s := range starts {
		if !s.shape.IsScalar() || !s.shape.DType.IsInt() {
			return fmt.Errorf("cpu: start index %d has shape %s; expected an integer scalar", i, s.shape)
		}
	}
	return nil
}
