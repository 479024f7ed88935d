package cpu

// Fusion merges clusters of elementwise operations that can run as one loop. Merging must keep the graph of clusters free
// of cycles: two clusters may become one unless a third one has to run between them.

const (
	maxRow     = 4096 // longest row of a loop, elements
	maxLoopOps = 160  // operations in one loop
)

// relation tells how an operation over size elements reads an operand inside a loop.
type relation uint8

const (
	elsewhere relation = iota // through a view that a loop can not follow
	flat                      // element i reads element i
	perRow                    // element i reads element i/row
)

// relate returns the relation of operand l to an operation over size elements, and the row length for perRow.
func relate(l located, size int) (relation, int) {
	if l.v.offset != 0 || l.v.size() != size {
		return elsewhere, 0
	}
	c := l.v.collapsed()
	switch {
	case size == l.s.size && (len(c.dims) == 0 || len(c.dims) == 1 && c.strides[0] == 1):
		return flat, 0
	case len(c.dims) == 1 && c.strides[0] == 0 && l.s.size == 1:
		return perRow, c.dims[0]
	case len(c.dims) == 2 && c.strides[0] == 1 && c.strides[1] == 0 && c.dims[0] == l.s.size:
		return perRow, c.dims[1]
	}
	return elsewhere, 0
}

// addLoop appends an operation as a cluster of its own and merges it with those it reads from, where possible.
func (p *program) addLoop(op *loopOp) {
	op.seq = p.nextSeq()
	c := p.newCluster()
	c.ops, c.n, c.segment, c.order = []*loopOp{op}, op.size, op.size, op.seq
	if op.kind == rowFold {
		c.row = op.size / max(1, op.out.size)
	}
	if op.kind == columnFold {
		c.segment, c.folds = op.middle*op.inner, true
	}
	type candidate struct {
		d   *cluster
		row int
	}
	var candidates []candidate
	for _, l := range op.in {
		how, row := relate(l, op.size)
		for _, def := range l.s.defs {
			d := def.root()
			hard := how == elsewhere || how == perRow && op.kind != mapOp || len(l.s.defs) != 1 || !producesInLoop(d, l.s) || how == perRow && row > maxRow
			p.depend(c, d, hard)
			if !hard {
				candidates = append(candidates, candidate{d, row})
			}
		}
		l.s.users = append(l.s.users, c)
	}
	op.out.defs = append(op.out.defs, c)
	for _, k := range candidates {
		p.merge(c.root(), k.d.root(), k.row)
	}
}

// producesInLoop tells whether the elements of s become available one tile at a time in cluster c.
func producesInLoop(c *cluster, s *storage) bool {
	for _, op := range c.ops {
		if op.out == s {
			return op.kind == mapOp || op.kind == rowFold
		}
	}
	return false
}

// depend records that d runs before c.
func (p *program) depend(c, d *cluster, hard bool) {
	if c == d {
		return
	}
	c.deps = append(c.deps, dependency{d, hard})
	c.before.add(d.id)
	c.before.union(d.before)
	if c.id != len(p.clusters)-1 {
		p.spread(c)
	}
}

// spread tells the clusters after c what must run before it.
func (p *program) spread(c *cluster) {
	for _, s := range p.clusters {
		if s != c && s.into == nil && s.before.has(c.id) {
			s.before.union(c.before)
		}
	}
}

// merge makes c and d one loop if that is possible. row is the row length by which one reads the other, 0 for none.
func (p *program) merge(c, d *cluster, row int) {
	if c == d || c.opaque != nil || d.opaque != nil || len(c.ops)+len(d.ops) > maxLoopOps {
		return
	}
	n, row, ok := commonSpace(c, d, row)
	if !ok || !p.adjacent(c, d) || !p.adjacent(d, c) {
		return
	}
	segment := n
	for _, k := range []*cluster{c, d} {
		if !k.folds {
			continue
		}
		if k.n != n || segment != n && segment != k.segment || row > 0 && k.segment%row != 0 {
			return
		}
		segment = k.segment
	}
	if c.folds && d.folds && c.segment != d.segment || row > 0 && segment%row != 0 {
		return
	}
	if d.id > c.id {
		c, d = d, c
	}
	c.into = d
	d.ops = append(d.ops, c.ops...)
	d.deps = append(d.deps, c.deps...)
	d.before.union(c.before)
	d.n, d.row, d.segment, d.folds = n, row, segment, c.folds || d.folds
	d.order = max(d.order, c.order)
	for _, s := range p.clusters {
		if s != d && s.into == nil && s.before.has(c.id) {
			s.before.add(d.id)
		}
	}
	p.spread(d)
}

// commonSpace returns iteration size and row length of the loop that holds both clusters.
func commonSpace(c, d *cluster, row int) (int, int, bool) {
	large, small := c, d
	if small.n > large.n {
		large, small = small, large
	}
	if row == 1 {
		row = 0
	}
	for _, r := range []int{large.row, small.row} {
		if large.n != small.n && r == small.row && r != large.row {
			break
		}
		if r != 0 && row != 0 && r != row {
			return 0, 0, false
		}
		row = max(row, r)
	}
	if large.n == small.n {
		return large.n, row, true
	}
	if row == 0 || large.n != small.n*row || small.row != 0 || small.folds {
		return 0, 0, false
	}
	return large.n, row, true
}

// adjacent tells whether nothing has to run between d and c when c reads from d.
func (p *program) adjacent(c, d *cluster) bool {
	for _, dep := range c.deps {
		on := dep.on.root()
		if on == d {
			if dep.hard {
				return false
			}
			continue
		}
		if on != c && on.before.has(d.id) {
			return false
		}
	}
	return true
}
