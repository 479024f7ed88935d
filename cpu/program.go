package cpu

import (
	"fmt"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
)

// program is a compiled function: steps over storages.
type program struct {
	backend  *Backend
	fn       *function
	users    map[*value][]*instr
	where    map[*value]located
	clusters []*cluster
	storages []*storage
	seq      int

	inputs  []*storage // parameters, then captured values
	outputs []*storage
	joined  map[*instr]*storage // storages of concatenations that operands write into
	pending map[*value]*product // products that wait for the sum they are used in

	steps     []*step
	arenaSize int // bytes
	scratch   int // bytes a worker needs
}

// compile lowers, fuses and plans a function.
func compile(b *Backend, fn *function) (*program, error) {
	p := &program{backend: b, fn: fn, where: make(map[*value]located), users: make(map[*value][]*instr), joined: make(map[*instr]*storage), pending: make(map[*value]*product)}
	instrs, outputs := simplify(fn)
	instrs = recompute(instrs, outputs, b.lateUse, b.largeValue)
	for _, x := range instrs {
		for _, v := range x.in {
			p.users[v] = append(p.users[v], x)
		}
	}
	for _, v := range outputs {
		p.users[v] = append(p.users[v], nil) // a result is used by nobody here, but it is used
	}
	p.inputs = make([]*storage, len(fn.params)+len(fn.captured))
	for i, v := range fn.params {
		p.addInput(v, i)
	}
	for _, v := range fn.captures {
		p.addInput(v, len(fn.params)+v.def.attr.(int))
	}
	for _, x := range instrs {
		if err := p.lower(x); err != nil {
			return nil, fmt.Errorf("cpu: operation %s: %w", x.op, err)
		}
	}
	for i, v := range outputs {
		p.addOutput(i, v)
	}
	return p, p.plan()
}

func (p *program) addInput(v *value, index int) {
	s := p.newStorage(v.shape.DType, v.shape.Size())
	s.input = index
	p.inputs[index] = s
	p.where[v] = located{s, denseView(v.shape.Dimensions)}
}

// addOutput gives result i a storage of its own.
func (p *program) addOutput(i int, v *value) {
	l := p.where[v]
	if l.s.input >= 0 || l.s.constant != nil || l.s.output >= 0 || !l.isWhole() {
		l = p.copied(l)
	}
	l.s.output = i
	p.outputs = append(p.outputs, l.s)
}

func (p *program) newStorage(t dtypes.DType, size int) *storage {
	s := &storage{id: len(p.storages), dtype: t, size: size, input: -1, output: -1, donor: -1}
	p.storages = append(p.storages, s)
	return s
}

func (p *program) newCluster() *cluster {
	c := &cluster{id: len(p.clusters)}
	p.clusters = append(p.clusters, c)
	return c
}

func (p *program) nextSeq() int {
	p.seq++
	return p.seq
}

// addOpaque appends an operation with its own code.
func (p *program) addOpaque(op *opaqueOp) {
	c := p.newCluster()
	c.opaque, c.order = op, p.nextSeq()
	for _, l := range op.reads {
		for _, d := range l.s.defs {
			p.depend(c, d.root(), true)
		}
		l.s.users = append(l.s.users, c)
	}
	for _, s := range op.out {
		for _, d := range s.defs { // what writes into other parts, or before
			p.depend(c, d.root(), true)
		}
		s.defs = append(s.defs, c)
	}
	for _, s := range op.work {
		s.defs = append(s.defs, c)
	}
}

// fresh returns a new storage for v, dense.
func (p *program) fresh(v *value) located {
	l := located{p.newStorage(v.shape.DType, v.shape.Size()), denseView(v.shape.Dimensions)}
	p.where[v] = l
	return l
}

// copied returns a dense copy.
func (p *program) copied(l located) located {
	out := located{p.newStorage(l.s.dtype, l.v.size()), denseView(l.v.dims)}
	p.store(l, out)
	return out
}

// store copies l to dest, of the same dimensions.
func (p *program) store(l, dest located) {
	p.addLoop(&loopOp{kind: storeOp, in: []located{l}, out: dest.s, dest: dest.v, size: l.v.size()})
}

// dense returns l, copied if its elements are not consecutive.
func (p *program) dense(l located) located {
	if l.v.isDense() {
		return l
	}
	return p.copied(l)
}

// destination returns where v is to be written: usually a new storage, but when v is used only as an operand of a
// concatenation, its place in there.
func (p *program) destination(v *value) located {
	users := p.users[v]
	if len(users) == 1 && users[0] != nil && users[0].op == compute.OpTypeConcatenate && v.shape.Size() > 0 {
		joint := users[0]
		at := 0
		for _, operand := range joint.in {
			if operand == v {
				l := located{p.jointStorage(joint), p.part(joint, at, v)}
				p.where[v] = l
				return l
			}
			at += operand.shape.Dimensions[joint.attr.(int)]
		}
	}
	return p.fresh(v)
}

// jointStorage is the storage of a concatenation.
func (p *program) jointStorage(x *instr) *storage {
	s, ok := p.joined[x]
	if !ok {
		s = p.newStorage(x.out[0].shape.DType, x.out[0].shape.Size())
		p.joined[x] = s
	}
	return s
}

// part is the view of operand v, which starts at position at, in a concatenation.
func (p *program) part(x *instr, at int, v *value) view {
	axis := x.attr.(int)
	dims := x.out[0].shape.Dimensions
	starts := make([]int, len(dims))
	limits := append([]int(nil), dims...)
	starts[axis], limits[axis] = at, at+v.shape.Dimensions[axis]
	return denseView(dims).sliced(starts, limits, nil)
}
