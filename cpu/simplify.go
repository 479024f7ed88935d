package cpu

import (
	"fmt"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/shapes"
)

// simplifier rebuilds a function without what is dead, said twice or said in a roundabout way.
type simplifier struct {
	fn      *function
	live    map[*value]int    // number of uses
	now     map[*value]*value // what stands for a value of the function
	known   map[string]*instr // by key
	defined map[*value]*instr // rebuilt definitions
	out     []*instr
}

// simplify returns the operations that the results of fn need, in a topological order, and the results.
func simplify(fn *function) ([]*instr, []*value) {
	s := &simplifier{fn: fn, live: make(map[*value]int), now: make(map[*value]*value), known: make(map[string]*instr), defined: make(map[*value]*instr)}
	for _, v := range fn.outputs {
		s.live[v]++
	}
	var needed []*instr
	for _, x := range slices.Backward(fn.instrs) {
		if slices.ContainsFunc(x.out, func(v *value) bool { return s.live[v] > 0 }) {
			needed = append(needed, x)
			for _, v := range x.in {
				s.live[v]++
			}
		}
	}
	for _, x := range slices.Backward(needed) {
		s.rebuild(x)
	}
	outputs := make([]*value, len(fn.outputs))
	for i, v := range fn.outputs {
		outputs[i] = s.now[v]
	}
	return s.sweep(outputs), outputs
}

// sweep drops what the rewriting made dead.
func (s *simplifier) sweep(outputs []*value) []*instr {
	used := make(map[*value]bool)
	for _, v := range outputs {
		used[v] = true
	}
	var kept []*instr
	for _, x := range slices.Backward(s.out) {
		if !slices.ContainsFunc(x.out, func(v *value) bool { return used[v] }) {
			continue
		}
		kept = append(kept, x)
		for _, v := range x.in {
			used[v] = true
		}
	}
	slices.Reverse(kept)
	return kept
}

// rebuild appends the simplified form of x.
func (s *simplifier) rebuild(x *instr) {
	in := make([]*value, len(x.in))
	for i, v := range x.in {
		in[i] = s.now[v]
	}
	if mayRound(x) {
		for i, v := range in {
			in[i] = s.beforeRounding(v)
		}
	}
	switch x.op {
	case compute.OpTypeConvertDType:
		if y := s.beforeRounding(in[0]); y != in[0] && y.shape.DType == x.out[0].shape.DType && s.isProduct(y) {
			s.now[x.out[0]] = y
			return
		}
	case compute.OpTypeReshape:
		if in[0].shape.Equal(x.out[0].shape) {
			s.now[x.out[0]] = in[0]
			return
		}
		if d := s.defined[in[0]]; d.op == compute.OpTypeReshape {
			in[0] = d.in[0]
		}
	case compute.OpTypeTranspose:
		if slices.IsSorted(x.attr.([]int)) {
			s.now[x.out[0]] = in[0]
			return
		}
	case compute.OpTypePad:
		if y := s.padAsConcatenation(x, in); y != nil {
			s.now[x.out[0]] = y
			return
		}
	case compute.OpTypeAdd:
		if s.live[x.out[0]] == 1 && s.onlyUserIsAdd(x.out[0]) {
			break // the outermost sum sees all terms
		}
		if y := s.sumOfPads(x); y != nil {
			s.now[x.out[0]] = y
			return
		}
	}
	twin := s.emit(x.op, shapesOf(x.out), x.attr, x.out, in...)
	for i, v := range x.out {
		s.now[v] = twin.out[i]
	}
}

// emit appends an operation, or returns an equal one from before. out are the values it defines, nil for new ones.
func (s *simplifier) emit(op compute.OpType, outs []shapes.Shape, attr any, out []*value, in ...*value) *instr {
	key := instrKey(op, outs, attr, in)
	if x, ok := s.known[key]; ok && key != "" {
		return x
	}
	x := &instr{op: op, in: in, attr: attr, out: out}
	if out == nil {
		for _, shape := range outs {
			x.out = append(x.out, &value{id: s.fn.builder.nextID, shape: shape, fn: s.fn, def: x})
			s.fn.builder.nextID++
		}
	}
	s.known[key] = x
	s.out = append(s.out, x)
	for _, v := range x.out {
		s.defined[v] = x
	}
	return x
}

// instrKey is equal for operations that compute the same; it is empty for those that are never merged.
func instrKey(op compute.OpType, outs []shapes.Shape, attr any, in []*value) string {
	switch a := attr.(type) {
	case *subFunctions:
		return ""
	case *constant:
		if len(a.bytes) > 64 {
			return ""
		}
		attr = a.bytes
	}
	if op == compute.OpTypeParameter || op == compute.OpTypeCapturedValue {
		return ""
	}
	ids := make([]int, len(in))
	for i, v := range in {
		ids[i] = v.id
	}
	return fmt.Sprint(op, outs, attr, ids)
}

// onlyUserIsAdd tells whether the single use of v is a sum.
func (s *simplifier) onlyUserIsAdd(v *value) bool {
	for _, x := range s.fn.instrs {
		if x.op == compute.OpTypeAdd && (x.in[0] == v || x.in[1] == v) && s.live[x.out[0]] > 0 {
			return true
		}
	}
	return false
}

// singleAxisPad returns the axis along which x pads, if it is one axis and nothing is removed or put in between.
func singleAxisPad(x *instr) (int, bool) {
	axis := -1
	for i, pad := range x.attr.([]compute.PadAxis) {
		if pad == (compute.PadAxis{}) {
			continue
		}
		if axis >= 0 || pad.Start < 0 || pad.End < 0 || pad.Interior > 0 {
			return 0, false
		}
		axis = i
	}
	return axis, axis >= 0
}

// padAsConcatenation writes padding along one axis as a concatenation, into which the operand can be computed directly.
func (s *simplifier) padAsConcatenation(x *instr, in []*value) *value {
	axis, ok := singleAxisPad(x)
	if !ok {
		return nil
	}
	pad := x.attr.([]compute.PadAxis)[axis]
	var parts []*value
	if pad.Start > 0 {
		parts = append(parts, s.filled(in[1], x.out[0].shape, axis, pad.Start))
	}
	parts = append(parts, in[0])
	if pad.End > 0 {
		parts = append(parts, s.filled(in[1], x.out[0].shape, axis, pad.End))
	}
	return s.emit(compute.OpTypeConcatenate, []shapes.Shape{x.out[0].shape}, axis, nil, parts...).out[0]
}

// filled repeats a scalar over shape with another extent along axis.
func (s *simplifier) filled(scalar *value, shape shapes.Shape, axis, extent int) *value {
	shape = shape.Clone()
	shape.Dimensions[axis] = extent
	return s.emit(compute.OpTypeBroadcastInDim, []shapes.Shape{shape}, []int{}, nil, scalar).out[0]
}

// paddedTerm is a term of a sum that is zero outside a range along one axis.
type paddedTerm struct {
	content, zero *value
	start, end    int
}

// sumOfPads writes a sum of terms that are zero outside disjoint ranges along one axis, which is what the gradient of
// slices of one tensor looks like, as their concatenation.
func (s *simplifier) sumOfPads(x *instr) *value {
	axis := -1
	var padded []paddedTerm
	var others []*value
	var collect func(v *value)
	collect = func(v *value) {
		d := v.def
		if v == x.out[0] || d.op == compute.OpTypeAdd && s.live[v] == 1 && v.shape.Equal(x.out[0].shape) {
			collect(d.in[0])
			collect(d.in[1])
			return
		}
		if d.op == compute.OpTypePad && v.shape.Equal(x.out[0].shape) && isZero(d.in[1]) {
			if along, ok := singleAxisPad(d); ok && (axis < 0 || along == axis) {
				pad := d.attr.([]compute.PadAxis)[along]
				term := paddedTerm{s.now[d.in[0]], s.now[d.in[1]], pad.Start, v.shape.Dimensions[along] - pad.End}
				if !slices.ContainsFunc(padded, func(o paddedTerm) bool { return o.start < term.end && term.start < o.end }) {
					axis = along
					padded = append(padded, term)
					return
				}
			}
		}
		others = append(others, s.now[v])
	}
	collect(x.out[0])
	if len(padded) < 2 {
		return nil
	}
	shape := x.out[0].shape
	slices.SortFunc(padded, func(a, b paddedTerm) int { return a.start - b.start })
	var parts []*value
	at := 0
	gap := func(to int) {
		if to > at {
			parts = append(parts, s.filled(padded[0].zero, shape, axis, to-at))
		}
	}
	for _, term := range padded {
		gap(term.start)
		parts = append(parts, term.content)
		at = term.end
	}
	gap(shape.Dimensions[axis])
	sum := s.emit(compute.OpTypeConcatenate, []shapes.Shape{shape}, axis, nil, parts...).out[0]
	for _, v := range others {
		sum = s.emit(compute.OpTypeAdd, []shapes.Shape{shape}, nil, nil, sum, v).out[0]
	}
	return sum
}

// isZero tells whether v is a constant whose bytes are all zero.
func isZero(v *value) bool {
	for v.def.op == compute.OpTypeConvertDType || v.def.op == compute.OpTypeReshape || v.def.op == compute.OpTypeBroadcastInDim {
		v = v.def.in[0]
	}
	c, ok := v.def.attr.(*constant)
	return ok && !slices.ContainsFunc(c.bytes, func(b byte) bool { return b != 0 })
}
