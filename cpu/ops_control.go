package cpu

import (
	"fmt"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
)

// subFunctions is the attribute of operations that run other functions. Their operands are followed by the values that
// the functions capture: first those of the first function, and so on.
type subFunctions struct {
	fns    []*function
	axis   int // of Sort
	inputs int // operands before the captured values
}

// withClosures checks the functions and appends what they capture to the operands.
func (f *function) withClosures(fns []compute.Function, operands ...compute.Value) ([]*value, *subFunctions, error) {
	in, err := f.operands(operands...)
	if err != nil {
		return nil, nil, err
	}
	attr := &subFunctions{inputs: len(in)}
	for i, fn := range fns {
		sub, ok := fn.(*function)
		if !ok || sub.builder != f.builder || !sub.returned {
			return nil, nil, fmt.Errorf("cpu: function %d is of another computation or lacks Return", i)
		}
		attr.fns = append(attr.fns, sub)
		for _, v := range sub.captured {
			outer, err := f.capture(v)
			if err != nil {
				return nil, nil, err
			}
			in = append(in, outer)
		}
	}
	return in, attr, nil
}

func shapesOf(values []*value) []shapes.Shape {
	out := make([]shapes.Shape, len(values))
	for i, v := range values {
		out[i] = v.shape
	}
	return out
}

func sameShapes(a, b []shapes.Shape) bool {
	return slices.EqualFunc(a, b, func(x, y shapes.Shape) bool { return x.Equal(y) })
}

// Call runs another function of the computation.
func (f *function) Call(fn compute.Function, inputs ...compute.Value) ([]compute.Value, error) {
	in, attr, err := f.withClosures([]compute.Function{fn}, inputs...)
	if err != nil {
		return nil, err
	}
	sub := attr.fns[0]
	if !sameShapes(shapesOf(in[:attr.inputs]), shapesOf(sub.params)) {
		return nil, fmt.Errorf("cpu: Call of %q with shapes %v; expected %v", sub.name, shapesOf(in[:attr.inputs]), shapesOf(sub.params))
	}
	return asValues(f.emitMany(compute.OpTypeCall, shapesOf(sub.outputs), attr, in...)), nil
}

// If runs one of two functions without parameters.
func (f *function) If(pred compute.Value, trueBranch, falseBranch compute.Function) ([]compute.Value, error) {
	in, attr, err := f.withClosures([]compute.Function{trueBranch, falseBranch}, pred)
	if err != nil {
		return nil, err
	}
	yes, no := attr.fns[0], attr.fns[1]
	if !in[0].shape.Equal(shapes.Make(dtypes.Bool)) || len(yes.params)+len(no.params) > 0 || !sameShapes(shapesOf(yes.outputs), shapesOf(no.outputs)) {
		return nil, fmt.Errorf("cpu: If with predicate %s, branch results %v and %v", in[0].shape, shapesOf(yes.outputs), shapesOf(no.outputs))
	}
	return asValues(f.emitMany(compute.OpTypeIf, shapesOf(yes.outputs), attr, in...)), nil
}

// While runs body on the state as long as cond returns true.
func (f *function) While(cond, body compute.Function, initialState ...compute.Value) ([]compute.Value, error) {
	in, attr, err := f.withClosures([]compute.Function{cond, body}, initialState...)
	if err != nil {
		return nil, err
	}
	state := shapesOf(in[:attr.inputs])
	c, b := attr.fns[0], attr.fns[1]
	if !sameShapes(state, shapesOf(c.params)) || !sameShapes(state, shapesOf(b.params)) || !sameShapes(state, shapesOf(b.outputs)) ||
		!sameShapes(shapesOf(c.outputs), []shapes.Shape{shapes.Make(dtypes.Bool)}) {
		return nil, fmt.Errorf("cpu: While over state %v: condition takes %v and returns %v, body takes %v and returns %v",
			state, shapesOf(c.params), shapesOf(c.outputs), shapesOf(b.params), shapesOf(b.outputs))
	}
	return asValues(f.emitMany(compute.OpTypeWhile, state, attr, in...)), nil
}

// Sort orders tensors together along one axis; it is always stable.
func (f *function) Sort(comparator compute.Function, axis int, _ bool, inputs ...compute.Value) ([]compute.Value, error) {
	in, attr, err := f.withClosures([]compute.Function{comparator}, inputs...)
	if err != nil {
		return nil, err
	}
	if attr.inputs == 0 {
		return nil, fmt.Errorf("cpu: Sort of nothing")
	}
	all := shapesOf(in[:attr.inputs])
	if axis < 0 {
		axis += all[0].Rank()
	}
	if axis < 0 || axis >= all[0].Rank() {
		return nil, fmt.Errorf("cpu: Sort along axis %d of shape %s", axis, all[0])
	}
	var scalars []shapes.Shape
	for _, s := range all {
		if !s.EqualDimensions(all[0]) {
			return nil, fmt.Errorf("cpu: Sort of shapes %v; expected equal dimensions", all)
		}
		scalars = append(scalars, shapes.Make(s.DType))
	}
	sub := attr.fns[0]
	if !sameShapes(shapesOf(sub.outputs), []shapes.Shape{shapes.Make(dtypes.Bool)}) || !sameShapes(shapesOf(sub.params), slices.Concat(scalars, scalars)) {
		return nil, fmt.Errorf("cpu: Sort comparator takes %v and returns %v; expected all left scalars, then all right ones, to one boolean",
			shapesOf(sub.params), shapesOf(sub.outputs))
	}
	attr.axis = axis
	return asValues(f.emitMany(compute.OpTypeSort, all, attr, in...)), nil
}
