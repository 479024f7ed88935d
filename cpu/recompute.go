package cpu

import (
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapeinference"
)

// Recomputation trades arithmetic for memory traffic: a large value that is cheap to compute from what is in memory
// anyway (a norm of a slice of a product, an activation) is not kept from the forward to the backward pass. Its late
// users get a copy of the few operations that make it, which fusion puts into their own loop.

const (
	// lateUse is the number of products and attentions between the definition and a use from which the use is late: that
	// of a few blocks of a network.
	lateUse = 24
	// largeValue is the least size of values that are recomputed, in elements.
	largeValue = 1 << 16
	// recomputeOps is the most operations that are repeated for one value.
	recomputeOps = 40
	// smallPart is how much smaller than the value an operand must be to be kept for its sake.
	smallPart = 8
)

// recomputer is the state of the pass.
type recomputer struct {
	large  int // see largeValue
	late   int // see lateUse
	defs   map[*value]*instr
	when   map[*instr]int // products before the operation
	users  map[*value][]*instr
	kept   map[*value]int // until when (in products) a value is in memory because an operation that can not fuse reads it
	copies map[*value]*recomputed
	out    []*instr
}

// recomputed is the latest recomputation of a value.
type recomputed struct {
	v    *value
	when int
}

// recompute rewrites the operations, which are in topological order.
func recompute(instrs []*instr, outputs []*value, late, large int) []*instr {
	r := &recomputer{late: late, large: large, defs: make(map[*value]*instr), when: make(map[*instr]int), users: make(map[*value][]*instr),
		kept: make(map[*value]int), copies: make(map[*value]*recomputed)}
	products := 0
	for _, x := range instrs {
		r.when[x] = products
		if isHeavy(x) {
			products++
		}
		for _, v := range x.out {
			r.defs[v] = x
		}
		for _, v := range x.in {
			r.users[v] = append(r.users[v], x)
		}
	}
	if products < late {
		return instrs
	}
	for _, x := range slices.Backward(instrs) {
		for _, v := range x.in {
			until := 0
			if isView(x.op) { // visited after its users
				until = r.kept[x.out[0]]
			} else if !r.fuses(x) {
				until = r.when[x]
			}
			r.kept[v] = max(r.kept[v], until)
		}
	}
	for _, v := range outputs {
		r.kept[v] = products
	}
	for _, x := range instrs {
		if r.fuses(x) && !isView(x.op) {
			for i, v := range x.in {
				if r.when[x]-r.when[r.defs[v]] >= r.late && r.worthwhile(v, r.when[x]) {
					x.in[i] = r.copy(v, r.when[x])
				}
			}
		}
		r.out = append(r.out, x)
	}
	return r.out
}

// isHeavy tells whether x is a product, a convolution or attention.
func isHeavy(x *instr) bool {
	switch x.op {
	case compute.OpTypeDotGeneral, compute.OpTypeConvGeneral, compute.OpTypeFusedScaledDotProductAttention,
		compute.OpTypeFusedScaledDotProductAttentionVJP:
		return true
	}
	return false
}

func isView(op compute.OpType) bool {
	switch op {
	case compute.OpTypeReshape, compute.OpTypeTranspose, compute.OpTypeBroadcastInDim, compute.OpTypeSlice, compute.OpTypeReverse:
		return true
	}
	return false
}

// fuses tells whether x runs inside loops: elementwise operations, and sums and extremes over the last axis.
func (r *recomputer) fuses(x *instr) bool {
	if isView(x.op) {
		return true
	}
	if len(x.out) != 1 || r.partOfProduct(x) {
		return false
	}
	if foldable(x.op, x.out[0].shape.DType) {
		axes, rank := x.attr.([]int), x.in[0].shape.Rank()
		return len(axes) == 1 && axes[0] == rank-1 && x.in[0].shape.Dimensions[rank-1] <= maxRow
	}
	return x.op == compute.OpTypeWhere || x.op == compute.OpTypeConvertDType || shapeinference.StandardUnaryOperations.Has(x.op) ||
		shapeinference.AllBinaryOperations.Has(x.op)
}

// partOfProduct tells whether x is a sum that a product computes on the way.
func (r *recomputer) partOfProduct(x *instr) bool {
	return x.op == compute.OpTypeAdd && slices.ContainsFunc(x.in, func(v *value) bool {
		d := r.defs[v]
		return d != nil && len(r.users[v]) == 1 && (d.op == compute.OpTypeDotGeneral || r.partOfProduct(d))
	})
}

// worthwhile tells whether recomputing v at time at saves memory: v is large, would be kept for uses like this one alone,
// and everything it is made from is in memory then anyway, or small.
func (r *recomputer) worthwhile(v *value, at int) bool {
	if v.shape.Size() < r.large || v.shape.DType != dtypes.Float32 || r.kept[v] >= at || !r.fuses(r.defs[v]) {
		return false
	}
	seen := make(map[*value]bool)
	var check func(u *value) bool
	check = func(u *value) bool {
		if seen[u] || r.inMemory(u, v, at) {
			return true
		}
		seen[u] = true
		d := r.defs[u]
		if !r.fuses(d) || len(seen) > recomputeOps {
			return false
		}
		return !slices.ContainsFunc(d.in, func(w *value) bool { return !check(w) })
	}
	d := r.defs[v]
	return !slices.ContainsFunc(d.in, func(w *value) bool { return !check(w) })
}

// inMemory tells whether u can be read at time at when v is recomputed.
func (r *recomputer) inMemory(u, v *value, at int) bool {
	switch d := r.defs[u]; {
	case d.op == compute.OpTypeParameter || d.op == compute.OpTypeConstant || d.op == compute.OpTypeCapturedValue:
		return true
	case u.shape.Size()*smallPart <= v.shape.Size() && !isView(d.op):
		return !r.fuses(d) // small values that fuse are recomputed rather than kept
	case !r.fuses(d):
		return max(r.kept[u], r.lastLoop(u)) >= at-r.late/2 // or a little longer than without this
	default:
		return r.kept[u] >= at && !isView(d.op)
	}
}

// lastLoop is the last time at which a loop reads u, directly or through views: then u, which can not be recomputed, is
// in memory.
func (r *recomputer) lastLoop(u *value) int {
	last := 0
	for _, x := range r.users[u] {
		if isView(x.op) {
			last = max(last, r.lastLoop(x.out[0]))
		} else {
			last = max(last, r.when[x])
		}
	}
	return last
}

// copy returns a value equal to v that is computed at time at.
func (r *recomputer) copy(v *value, at int) *value {
	if c := r.copies[v]; c != nil && at-c.when < r.late/2 {
		return c.v
	}
	var build func(u *value) *value
	build = func(u *value) *value {
		if u != v && r.inMemory(u, v, at) {
			return u
		}
		if c := r.copies[u]; c != nil && at-c.when < r.late/2 {
			return c.v
		}
		d := r.defs[u]
		in := make([]*value, len(d.in))
		for i, w := range d.in {
			in[i] = build(w)
		}
		b := u.fn.builder
		twin := &instr{op: d.op, in: in, attr: d.attr}
		w := &value{id: b.nextID, shape: u.shape, fn: u.fn, def: twin}
		b.nextID++
		twin.out = []*value{w}
		r.out = append(r.out, twin)
		r.defs[w], r.when[twin] = twin, at
		r.copies[u] = &recomputed{w, at}
		return w
	}
	return build(v)
}
