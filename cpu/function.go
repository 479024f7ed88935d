package cpu

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/notimplemented"
	"github.com/gomlx/compute/shapes"
	"github.com/pkg/errors"
)

// value is the result of one operation; it is what compute.Value holds in this backend. Values are never changed after
// they were made: the graph is in static single assignment form.
type value struct {
	id    int // increasing in order of creation, unique in a builder
	shape shapes.Shape
	fn    *function
	def   *instr
}

// instr is an operation with its operands; attr holds what else it needs, of a type private to the operation.
type instr struct {
	op   compute.OpType
	in   []*value
	out  []*value
	attr any
}

// function records operations; it implements compute.Function. Operations without a method here are reported as not
// implemented by the embedded type.
type function struct {
	notimplemented.Function
	builder  *builder
	parent   *function
	name     string
	params   []*value
	names    []string
	instrs   []*instr // in order of creation, which is a topological order
	outputs  []*value
	returned bool
	captures map[*value]*value // value of an enclosing function -> the extra parameter that carries it in
	captured []*value          // keys of captures in order of capture
}

var _ compute.Function = (*function)(nil)

func newFunction(b *builder, parent *function, name string) *function {
	f := &function{builder: b, parent: parent, name: name, captures: make(map[*value]*value)}
	f.ErrFn = func(op compute.OpType) error {
		return errors.Wrapf(compute.ErrNotImplemented, "cpu: operation %s", op)
	}
	return f
}

// Name of the function, empty for closures.
func (f *function) Name() string { return f.name }

// Builder of the function.
func (f *function) Builder() compute.Builder { return f.builder }

// Parent of a closure; nil for top-level functions.
func (f *function) Parent() compute.Function {
	if f.parent == nil {
		return nil
	}
	return f.parent
}

// Closure returns an empty function that may use values of f.
func (f *function) Closure() (compute.Function, error) { return newFunction(f.builder, f, ""), nil }

// Parameter adds an input.
func (f *function) Parameter(name string, shape shapes.Shape, sharding *compute.ShardingSpec) (compute.Value, error) {
	switch {
	case sharding != nil:
		return nil, errors.Wrapf(compute.ErrNotImplemented, "cpu: parameter %q: sharding", name)
	case shape.IsDynamic():
		return nil, errors.Wrapf(compute.ErrNotImplemented, "cpu: parameter %q of shape %s: unknown dimensions", name, shape)
	case !storable(shape.DType):
		return nil, errors.Wrapf(compute.ErrNotImplemented, "cpu: parameter %q of data type %s", name, shape.DType)
	case f.returned:
		return nil, fmt.Errorf("cpu: parameter %q added after Return", name)
	}
	v := f.emit(compute.OpTypeParameter, shape, len(f.params))
	f.params = append(f.params, v)
	f.names = append(f.names, name)
	return v, nil
}

// constant is the attribute of a Constant: its elements in row-major order.
type constant struct{ bytes []byte }

// Constant adds a tensor that is part of the program; flat is copied.
func (f *function) Constant(flat any, dims ...int) (compute.Value, error) {
	t := reflect.TypeOf(flat)
	if t == nil || t.Kind() != reflect.Slice {
		return nil, fmt.Errorf("cpu: constant given as %T; expected a slice", flat)
	}
	for _, d := range dims {
		if d < 0 {
			return nil, fmt.Errorf("cpu: constant with dimensions %v", dims)
		}
	}
	shape := shapes.Make(dtypes.FromGoType(t.Elem()), dims...)
	if !storable(shape.DType) {
		return nil, errors.Wrapf(compute.ErrNotImplemented, "cpu: constant of data type %s", shape.DType)
	}
	source, err := flatBytes(flat, shape)
	if err != nil {
		return nil, err
	}
	bytes := alignedBytes(len(source))
	copy(bytes, source)
	return f.emit(compute.OpTypeConstant, shape, &constant{bytes}), nil
}

// scalar adds a constant scalar of a floating-point or integer type.
func (f *function) scalar(t dtypes.DType, x float64) (*value, error) {
	flat := reflect.MakeSlice(reflect.SliceOf(t.GoType()), 1, 1)
	flat.Index(0).Set(reflect.ValueOf(shapes.CastAsDType(x, t)))
	v, err := f.Constant(flat.Interface())
	if err != nil {
		return nil, err
	}
	return v.(*value), nil
}

// Shape of a value.
func (f *function) Shape(v compute.Value) (shapes.Shape, error) { return f.builder.OpShape(v) }

// Return ends the function.
func (f *function) Return(outputs []compute.Value, shardings []*compute.ShardingSpec) error {
	if f.returned {
		return fmt.Errorf("cpu: Return called twice in function %q", f.name)
	}
	for _, s := range shardings {
		if s != nil {
			return errors.Wrapf(compute.ErrNotImplemented, "cpu: sharded outputs")
		}
	}
	values, err := f.operands(outputs...)
	if err != nil {
		return err
	}
	f.outputs, f.returned = values, true
	return nil
}

// operands checks that the values may be used in f, bringing in those of enclosing functions.
func (f *function) operands(ops ...compute.Value) ([]*value, error) {
	values := make([]*value, len(ops))
	for i, op := range ops {
		v, ok := op.(*value)
		if !ok || v == nil || v.fn.builder != f.builder {
			return nil, fmt.Errorf("cpu: operand %d is not a value of computation %q: %T", i, f.builder.name, op)
		}
		if f.returned {
			return nil, fmt.Errorf("cpu: operation added to function %q after Return", f.name)
		}
		var err error
		if values[i], err = f.capture(v); err != nil {
			return nil, err
		}
	}
	return values, nil
}

// capture returns v if it belongs to f, otherwise the extra parameter of f that stands for it.
func (f *function) capture(v *value) (*value, error) {
	if v.fn == f {
		return v, nil
	}
	if f.parent == nil {
		return nil, fmt.Errorf("cpu: function %q uses a value of function %q, which does not enclose it", f.name, v.fn.name)
	}
	outer, err := f.parent.capture(v)
	if err != nil {
		return nil, err
	}
	if inner, ok := f.captures[outer]; ok {
		return inner, nil
	}
	inner := f.emit(compute.OpTypeCapturedValue, outer.shape, len(f.captured))
	f.captures[outer] = inner
	f.captured = append(f.captured, outer)
	return inner, nil
}

// emit appends an operation with one result.
func (f *function) emit(op compute.OpType, shape shapes.Shape, attr any, in ...*value) *value {
	return f.emitMany(op, []shapes.Shape{shape}, attr, in...)[0]
}

// emitMany appends an operation with any number of results.
func (f *function) emitMany(op compute.OpType, outs []shapes.Shape, attr any, in ...*value) []*value {
	x := &instr{op: op, in: slices.Clone(in), attr: attr}
	for _, shape := range outs {
		x.out = append(x.out, &value{id: f.builder.nextID, shape: shape.Clone(), fn: f, def: x})
		f.builder.nextID++
	}
	f.instrs = append(f.instrs, x)
	return x.out
}

// Identity returns x.
func (f *function) Identity(x compute.Value) (compute.Value, error) { return f.same(x) }

// OptimizationBarrier returns its operands: this backend never moves work across values that are used.
func (f *function) OptimizationBarrier(operands ...compute.Value) ([]compute.Value, error) {
	values, err := f.operands(operands...)
	return asValues(values), err
}

// SchedulingBarrier returns operand once the dependencies were computed.
func (f *function) SchedulingBarrier(operand compute.Value, dependencies ...compute.Value) (compute.Value, error) {
	values, err := f.operands(append([]compute.Value{operand}, dependencies...)...)
	if err != nil {
		return nil, err
	}
	return f.emit(compute.OpTypeSchedulingBarrier, values[0].shape, nil, values...), nil
}

func (f *function) same(x compute.Value) (compute.Value, error) {
	values, err := f.operands(x)
	if err != nil {
		return nil, err
	}
	return values[0], nil
}

func asValues(values []*value) []compute.Value {
	out := make([]compute.Value, len(values))
	for i, v := range values {
		out[i] = v
	}
	return out
}
