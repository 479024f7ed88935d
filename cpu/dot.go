package cpu

import (
	"fmt"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gowalrus/walrus/cpu/kernel"
)

// product is a DotGeneral with what is done to its result on the way: bias and a residual are added as rows are finished.
type product struct {
	x        *instr
	lhs, rhs located
	bias     *located // over the axes of rhs in the result
	residual *located // of the result's dimensions
}

// dotAxis is an axis of a product with its stride in each operand, 0 where the operand does not have it.
type dotAxis struct {
	n          int
	a, b, c, r int
}

// dotGroups are the axes of a product by role, outermost first.
type dotGroups struct {
	batch, m, n, k []dotAxis
}

// lowerDot postpones a product whose only use is a sum, so that the sum can become a part of it.
func (p *program) lowerDot(x *instr, in []located) error {
	d := &product{x: x, lhs: in[0], rhs: in[1]}
	if in[0].s.dtype != dtypes.Float32 {
		p.lowerPlainDot(x, in)
		return nil
	}
	if p.awaitsSum(x.out[0]) {
		p.pending[x.out[0]] = d
		return nil
	}
	return p.emitProduct(d, p.destination(x.out[0]))
}

// awaitsSum tells whether v is used once, in a sum of its own shape.
func (p *program) awaitsSum(v *value) bool {
	users := p.users[v]
	return len(users) == 1 && users[0] != nil && users[0].op == compute.OpTypeAdd && users[0].in[0] != users[0].in[1] &&
		users[0].out[0].shape.Equal(v.shape)
}

// lowerSum lowers an addition to a postponed product, and tells whether it did.
func (p *program) lowerSum(x *instr) (bool, error) {
	for i := range x.in {
		d, ok := p.pending[x.in[i]]
		if !ok {
			continue
		}
		other := x.in[1-i]
		if err := p.settle(other); err != nil {
			return true, err
		}
		l := p.where[other]
		dims := x.out[0].shape.Dimensions
		l.v = l.v.broadcastTo(dims)
		if l.s.dtype != dtypes.Float32 || !p.absorb(d, l) {
			continue
		}
		delete(p.pending, x.in[i])
		out := x.out[0]
		if p.awaitsSum(out) {
			p.pending[out] = d
			return true, nil
		}
		return true, p.emitProduct(d, p.destination(out))
	}
	for _, v := range x.in {
		if err := p.settle(v); err != nil {
			return true, err
		}
	}
	return false, nil
}

// settle computes a postponed product as it is.
func (p *program) settle(v *value) error {
	d, ok := p.pending[v]
	if !ok {
		return nil
	}
	delete(p.pending, v)
	return p.emitProduct(d, p.fresh(v))
}

// absorb makes l a bias or residual of the product if there is room for it.
func (p *program) absorb(d *product, l located) bool {
	attr := d.x.attr.(dotAxes)
	first := len(l.v.dims) - (d.x.in[1].shape.Rank() - len(attr.rhsBatch) - len(attr.rhsContracting))
	perColumn := view{offset: l.v.offset, dims: l.v.dims[first:], strides: l.v.strides[first:]}
	repeats := view{dims: l.v.dims[:first], strides: l.v.strides[:first]}.isUniform()
	if repeats && perColumn.isDense() && d.bias == nil && d.residual == nil {
		l.v = perColumn
		d.bias = &l
		return true
	}
	if d.residual != nil || slices.ContainsFunc(l.v.strides, func(s int) bool { return s < 0 }) {
		return false
	}
	d.residual = &l
	return true
}

// emitProduct appends the product with its result at c.
func (p *program) emitProduct(d *product, c located) error {
	if c.s.size == 0 {
		return nil
	}
	if d.x.in[0].shape.Size() == 0 {
		return fmt.Errorf("product over no elements of shapes %s and %s", d.x.in[0].shape, d.x.in[1].shape)
	}
	d.lhs, d.rhs = p.positive(d.lhs), p.positive(d.rhs)
	g, ok := d.groups(c)
	if !ok { // the contracted axes are not one axis in memory
		d.lhs = p.copied(d.lhs)
		if d.rhs.s.dtype == dtypes.Float32 {
			d.rhs = p.copied(d.rhs)
		}
		if g, ok = d.groups(c); !ok {
			d.rhs = p.contractLast(d)
			d.lhs = p.contractLastLHS(d)
			g, _ = d.groups(c)
		}
	}
	m, n, k := oneAxis(&g.m, &g.batch), oneAxis(&g.n, &g.batch), dotAxis{n: 1}
	if len(g.k) > 0 {
		k = g.k[0]
	}
	p.addProduct(d, c, g.batch, m, n, k)
	return nil
}

// positive returns l, copied if it runs backwards.
func (p *program) positive(l located) located {
	if slices.ContainsFunc(l.v.strides, func(s int) bool { return s < 0 }) {
		return p.copied(l)
	}
	return l
}

// oneAxis takes the longest axis out of group; the others become batch axes.
func oneAxis(group, batch *[]dotAxis) dotAxis {
	best := dotAxis{n: 1}
	at := -1
	for i, axis := range *group {
		if axis.n > best.n {
			best, at = axis, i
		}
	}
	for i, axis := range *group {
		if i != at {
			*batch = append(*batch, axis)
		}
	}
	return best
}

// groups collects the axes of the product and merges neighbours; it fails if more than one contracted axis is left.
func (d *product) groups(c located) (dotGroups, bool) {
	attr := d.x.attr.(dotAxes)
	var g dotGroups
	a, b := d.lhs.v, d.rhs.v
	at := 0
	result := func(axis dotAxis) dotAxis {
		axis.c = c.v.strides[at]
		if d.residual != nil {
			axis.r = d.residual.v.strides[at]
		}
		at++
		return axis
	}
	for i, axis := range attr.lhsBatch {
		g.batch = append(g.batch, result(dotAxis{n: a.dims[axis], a: a.strides[axis], b: b.strides[attr.rhsBatch[i]]}))
	}
	for axis := range a.dims {
		if !slices.Contains(attr.lhsBatch, axis) && !slices.Contains(attr.lhsContracting, axis) {
			g.m = append(g.m, result(dotAxis{n: a.dims[axis], a: a.strides[axis]}))
		}
	}
	for axis := range b.dims {
		if !slices.Contains(attr.rhsBatch, axis) && !slices.Contains(attr.rhsContracting, axis) {
			g.n = append(g.n, result(dotAxis{n: b.dims[axis], b: b.strides[axis]}))
		}
	}
	for i, axis := range attr.lhsContracting {
		g.k = append(g.k, dotAxis{n: a.dims[axis], a: a.strides[axis], b: b.strides[attr.rhsContracting[i]]})
	}
	slices.SortStableFunc(g.k, func(x, y dotAxis) int { return y.a - x.a }) // any order of additions is as good
	for _, list := range []*[]dotAxis{&g.batch, &g.m, &g.n, &g.k} {
		*list = mergeDotAxes(*list)
	}
	return g, len(g.k) <= 1
}

func mergeDotAxes(axes []dotAxis) []dotAxis {
	var out []dotAxis
	for _, x := range axes {
		if x.n == 1 {
			continue
		}
		if last := len(out) - 1; last >= 0 {
			y := &out[last]
			if y.a == x.a*x.n && y.b == x.b*x.n && y.c == x.c*x.n && y.r == x.r*x.n {
				*y = dotAxis{n: x.n * y.n, a: x.a, b: x.b, c: x.c, r: x.r}
				continue
			}
		}
		out = append(out, x)
	}
	return out
}

// contractLast returns rhs as a dense copy with its contracted axes last, in the order of the attribute.
func (p *program) contractLast(d *product) located {
	attr := d.x.attr.(dotAxes)
	return p.withLast(d.rhs, attr.rhsContracting)
}

// contractLastLHS is contractLast for lhs.
func (p *program) contractLastLHS(d *product) located {
	attr := d.x.attr.(dotAxes)
	return p.withLast(d.lhs, attr.lhsContracting)
}

// withLast returns l with the same dimensions, laid out in memory with the given axes last.
func (p *program) withLast(l located, last []int) located {
	var order []int
	for axis := range l.v.dims {
		if !slices.Contains(last, axis) {
			order = append(order, axis)
		}
	}
	order = append(order, last...)
	inverse := make([]int, len(order))
	for i, axis := range order {
		inverse[axis] = i
	}
	if l.s.dtype == dtypes.BFloat16 {
		l = p.widened(l)
	}
	l.v = l.v.transposed(order)
	l = p.copied(l)
	l.v = l.v.transposed(inverse)
	return l
}

// widened returns a float32 copy of bfloat16 values.
func (p *program) widened(l located) located {
	out := located{p.newStorage(dtypes.Float32, l.v.size()), denseView(l.v.dims)}
	p.elementwise(compute.OpTypeConvertDType, []located{l}, out)
	return out
}

// addProduct appends the matrix product as an opaque operation.
func (p *program) addProduct(d *product, c located, batch []dotAxis, m, n, k dotAxis) {
	lhs, rhs := d.lhs, d.rhs
	bias, residual := d.bias, d.residual
	reads := []located{lhs, rhs}
	name := fmt.Sprintf("dot %dx%dx%d", m.n, n.n, k.n)
	entries := 1
	var extents []int
	var strides [4][]int
	for _, axis := range batch {
		extents = append(extents, axis.n)
		for i, stride := range []int{axis.a, axis.b, axis.c, axis.r} {
			strides[i] = append(strides[i], stride)
		}
		entries *= axis.n
	}
	if entries > 1 {
		name = fmt.Sprintf("%s batch %v", name, extents)
	}
	if bias != nil {
		reads = append(reads, *bias)
		name += " +bias"
	}
	if residual != nil {
		reads = append(reads, *residual)
		name += " +residual"
	}
	op := &opaqueOp{kind: name, reads: reads, out: []*storage{c.s}, flops: 2 * float64(entries) * float64(m.n) * float64(n.n) * float64(k.n)}
	op.run = func(x *execution) error {
		g := &kernel.Gemm{Batch: extents, M: m.n, N: n.n, K: k.n, Round: d.x.attr.(dotAxes).round,
			A: kernel.Matrix{Data: x.float32s(lhs), RowStride: m.a, ColStride: k.a, BatchStrides: strides[0]},
			B: kernel.Matrix{RowStride: k.b, ColStride: n.b, BatchStrides: strides[1]},
			C: kernel.Matrix{Data: x.float32s(c), RowStride: m.c, ColStride: n.c, BatchStrides: strides[2]}}
		if rhs.s.dtype == dtypes.BFloat16 {
			g.B.BF16 = slice[kernel.BF16](x.base[rhs.s.id], rhs.s.size)[rhs.v.offset:]
		} else {
			g.B.Data = x.float32s(rhs)
		}
		if bias != nil {
			g.Bias = x.float32s(*bias)
		}
		if residual != nil {
			g.Residual = kernel.Matrix{Data: x.float32s(*residual), RowStride: m.r, ColStride: n.r, BatchStrides: strides[3]}
		}
		return x.backend().kernels.Gemm(x.backend().pool, g)
	}
	p.addOpaque(op)
}
