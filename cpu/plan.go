package cpu

import (
	"fmt"
	"slices"
	"unsafe"
)

// step is one unit of execution.
type step struct {
	kind   string // for profiles
	flops  float64
	bytes  int // of memory that it reads and writes
	loop   *loop
	reads  []*storage
	writes []*storage
	run    func(x *execution) error
}

// plan orders the clusters, compiles the loops and decides where every storage lives.
func (p *program) plan() error {
	p.markVirtual()
	order, err := p.schedule()
	if err != nil {
		return err
	}
	for _, c := range order {
		p.steps = append(p.steps, p.newStep(c))
	}
	p.lifetimes()
	p.shareMemory()
	p.findDonors()
	p.place()
	p.where, p.users, p.joined, p.clusters = nil, nil, nil, nil
	return nil
}

// markVirtual finds the values that are made and used inside one loop.
func (p *program) markVirtual() {
	for _, s := range p.storages {
		if len(s.defs) != 1 || s.output >= 0 {
			continue
		}
		c := s.defs[0].root()
		if c.opaque != nil || !producesInLoop(c, s) {
			continue
		}
		s.virtual = !slices.ContainsFunc(s.users, func(u *cluster) bool { return u.root() != c })
	}
}

// schedule sorts the clusters topologically, keeping to the order of the graph where there is a choice.
func (p *program) schedule() ([]*cluster, error) {
	waiting := make(map[*cluster]int)
	after := make(map[*cluster][]*cluster)
	var ready, order []*cluster
	total := 0
	for _, c := range p.clusters {
		if c.into != nil {
			continue
		}
		total++
		seen := map[*cluster]bool{c: true}
		for _, dep := range c.deps {
			if on := dep.on.root(); !seen[on] {
				seen[on] = true
				waiting[c]++
				after[on] = append(after[on], c)
			}
		}
		if waiting[c] == 0 {
			ready = append(ready, c)
		}
	}
	byOrder := func(a, b *cluster) int { return b.order - a.order } // the next one is last
	slices.SortFunc(ready, byOrder)
	for len(ready) > 0 {
		c := ready[len(ready)-1]
		ready = ready[:len(ready)-1]
		order = append(order, c)
		for _, next := range after[c] {
			if waiting[next]--; waiting[next] == 0 {
				at, _ := slices.BinarySearchFunc(ready, next, byOrder)
				ready = slices.Insert(ready, at, next)
			}
		}
	}
	if len(order) != total {
		return nil, fmt.Errorf("cpu: %d of %d steps depend on each other in a circle", total-len(order), total)
	}
	return order, nil
}

func (p *program) newStep(c *cluster) *step {
	if o := c.opaque; o != nil {
		s := &step{kind: o.kind, flops: o.flops, run: o.run, writes: append(slices.Clone(o.out), o.work...)}
		for _, l := range o.reads {
			s.reads = append(s.reads, l.s)
		}
		s.countBytes()
		return s
	}
	if s := p.copyStep(c); s != nil {
		return s
	}
	l := p.newLoop(c)
	p.scratch = max(p.scratch, l.scratch)
	s := &step{kind: loopKindName(c), loop: l, reads: l.reads, writes: l.writes, run: l.run}
	s.countBytes()
	return s
}

func (s *step) countBytes() {
	for _, list := range [][]*storage{s.reads, s.writes} {
		for _, t := range list {
			s.bytes += t.bytes()
		}
	}
}

// lifetimes finds the first and last step that touch each storage.
func (p *program) lifetimes() {
	for _, s := range p.storages {
		s.first, s.last = -1, -1
	}
	for at, step := range p.steps {
		for _, list := range [][]*storage{step.reads, step.writes} {
			for _, s := range list {
				if s.first < 0 {
					s.first = at
				}
				s.last = at
			}
		}
	}
}

// shareMemory lets results of loops take over the memory of operands that are read for the last time, element by
// element, before the result is written.
func (p *program) shareMemory() {
	for at, step := range p.steps {
		if step.loop == nil {
			continue
		}
		taken := make(map[*storage]bool)
		for _, w := range step.loop.writes {
			written, inPlace := step.loop.firstWrite[w]
			if !inPlace || !w.inArena() || w.first != at {
				continue
			}
			for _, s := range step.reads {
				read, flat := step.loop.flatReads[s]
				if flat && read <= written && s.inArena() && s.last == at && s.bytes() == w.bytes() && s.dtype.Size() == w.dtype.Size() && !taken[s] {
					taken[s] = true
					w.alias = s
					break
				}
			}
		}
	}
}

// findDonors chooses, for each result, an input whose memory it may take over when that input is donated.
func (p *program) findDonors() {
	used := make(map[int]bool)
	accept := func(w, s *storage) bool {
		if s.input < 0 || used[s.input] || s.input >= len(p.fn.params) || s.bytes() != w.bytes() || s.dtype != w.dtype {
			return false
		}
		used[s.input] = true
		w.donor = s.input
		return true
	}
	for _, w := range p.outputs {
		if w.first < 0 {
			continue
		}
		step := p.steps[w.first]
		if step.loop == nil {
			continue
		}
		written, inPlace := step.loop.firstWrite[w]
		for _, s := range step.reads {
			read, flat := step.loop.flatReads[s]
			if inPlace && flat && read <= written && s.last == w.first && accept(w, s) {
				break
			}
		}
	}
	for _, w := range p.outputs {
		for _, s := range p.inputs {
			if w.donor < 0 && s.last < w.first && accept(w, s) {
				break
			}
		}
	}
}

// place assigns offsets in the arena: large storages first, each as low as those allow that live at the same time.
func (p *program) place() {
	type group struct {
		root        *storage
		first, last int
		offset      int
	}
	groups := make(map[*storage]*group)
	var list []*group
	for _, s := range p.storages {
		if !s.inArena() || s.first < 0 || s.size == 0 {
			continue
		}
		root := s
		for root.alias != nil {
			root = root.alias
		}
		g := groups[root]
		if g == nil {
			g = &group{root: root, first: s.first, last: s.last}
			groups[root] = g
			list = append(list, g)
		}
		g.first, g.last = min(g.first, s.first), max(g.last, s.last)
	}
	slices.SortStableFunc(list, func(a, b *group) int { return b.root.bytes() - a.root.bytes() })
	var placed []*group // by offset
	for _, g := range list {
		for _, other := range placed {
			if other.first > g.last || other.last < g.first {
				continue
			}
			if g.offset+g.root.bytes() <= other.offset {
				break
			}
			g.offset = max(g.offset, (other.offset+other.root.bytes()+memoryAlignment-1)/memoryAlignment*memoryAlignment)
		}
		at, _ := slices.BinarySearchFunc(placed, g, func(a, b *group) int { return a.offset - b.offset })
		placed = slices.Insert(placed, at, g)
		p.arenaSize = max(p.arenaSize, g.offset+g.root.bytes())
	}
	for _, s := range p.storages {
		root := s
		for root.alias != nil {
			root = root.alias
		}
		if g := groups[root]; g != nil {
			s.offset = g.offset
		}
	}
}

// pointer returns the first byte of a slice, or of a static one if it is empty.
func pointer(bytes []byte) unsafe.Pointer {
	if len(bytes) == 0 {
		return unsafe.Pointer(&nothing)
	}
	return unsafe.Pointer(unsafe.SliceData(bytes))
}

var nothing [memoryAlignment]byte
