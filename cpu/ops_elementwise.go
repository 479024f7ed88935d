package cpu

import (
	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapeinference"
	"github.com/gomlx/compute/shapes"
	"github.com/pkg/errors"
)

// Elementwise operations are recorded with the operands as given; implicit broadcasting is resolved by views when the
// graph is lowered.

func (f *function) unary(op compute.OpType, x compute.Value) (compute.Value, error) {
	in, err := f.operands(x)
	if err != nil {
		return nil, err
	}
	var shape shapes.Shape
	switch op {
	case compute.OpTypeIsNaN, compute.OpTypeIsFinite:
		if !in[0].shape.DType.IsFloat() {
			return nil, notImplementedFor(op, in[0].shape.DType)
		}
		shape = in[0].shape.Clone()
		shape.DType = dtypes.Bool
	default:
		shape, err = shapeinference.UnaryOp(op, in[0].shape)
	}
	if err != nil {
		return nil, err
	}
	return f.elementwise(op, shape, in...)
}

func (f *function) binary(op compute.OpType, lhs, rhs compute.Value) (compute.Value, error) {
	in, err := f.operands(lhs, rhs)
	if err != nil {
		return nil, err
	}
	infer := shapeinference.BinaryOp
	if shapeinference.ComparisonOperations.Has(op) {
		infer = shapeinference.ComparisonOp
	}
	shape, err := infer(op, in[0].shape, in[1].shape)
	if err != nil {
		return nil, err
	}
	return f.elementwise(op, shape, in...)
}

// elementwise appends the operation if there is a tile function for its data type.
func (f *function) elementwise(op compute.OpType, shape shapes.Shape, in ...*value) (compute.Value, error) {
	operand := in[len(in)-1].shape.DType
	if f.builder.backend.tiles.find(op, operand, shape.DType) == nil {
		return nil, notImplementedFor(op, operand)
	}
	return f.emit(op, shape, nil, in...), nil
}

// Where selects elements of onTrue or onFalse.
func (f *function) Where(condition, onTrue, onFalse compute.Value) (compute.Value, error) {
	in, err := f.operands(condition, onTrue, onFalse)
	if err != nil {
		return nil, err
	}
	shape, err := shapeinference.Where(in[0].shape, in[1].shape, in[2].shape)
	if err != nil {
		return nil, err
	}
	return f.elementwise(compute.OpTypeWhere, shape, in...)
}

// Clamp limits x to the range from low to high, each a scalar or of x's shape.
func (f *function) Clamp(low, x, high compute.Value) (compute.Value, error) {
	y, err := f.binary(compute.OpTypeMax, x, low)
	if err != nil {
		return nil, err
	}
	return f.binary(compute.OpTypeMin, y, high)
}

// ConvertDType converts values to another data type, truncating towards zero from floating point to integers.
func (f *function) ConvertDType(x compute.Value, dtype dtypes.DType) (compute.Value, error) {
	in, err := f.operands(x)
	if err != nil {
		return nil, err
	}
	if in[0].shape.DType == dtype {
		return in[0], nil
	}
	shape := in[0].shape.Clone()
	shape.DType = dtype
	return f.elementwise(compute.OpTypeConvertDType, shape, in[0])
}

func notImplementedFor(op compute.OpType, t dtypes.DType) error {
	return errors.Wrapf(compute.ErrNotImplemented, "cpu: operation %s for data type %s", op, t)
}
