package cpu

import (
	"fmt"
	"slices"
	"unsafe"

	"github.com/gomlx/compute"
)

// lowerControl compiles the functions that an operation runs; every run of one is an execution of its own program.
func (p *program) lowerControl(x *instr, in []located) error {
	attr := x.attr.(*subFunctions)
	programs := make([]*program, len(attr.fns))
	for i, fn := range attr.fns {
		var err error
		if programs[i], err = compile(p.backend, fn); err != nil {
			return err
		}
	}
	for i := range in {
		in[i] = p.dense(in[i])
	}
	var out []*storage
	for _, v := range x.out {
		out = append(out, p.fresh(v).s)
	}
	c := &control{operands: in, inputs: attr.inputs, programs: programs, out: out}
	op := &opaqueOp{kind: x.op.String(), reads: in, out: out}
	switch x.op {
	case compute.OpTypeCall:
		op.run = c.call
	case compute.OpTypeIf:
		op.run = c.branch
	case compute.OpTypeWhile:
		op.run = c.while
	case compute.OpTypeSort:
		axis := view{dims: x.in[0].shape.Dimensions}
		op.run = func(e *execution) error { return c.sort(e, axis.dims, attr.axis) }
	default:
		return fmt.Errorf("unknown control operation")
	}
	p.addOpaque(op)
	return nil
}

// control is an operation that runs other programs.
type control struct {
	operands []located
	inputs   int // operands before the captured values
	programs []*program
	out      []*storage
}

func (e *execution) bytesOf(l located) []byte {
	size := l.s.dtype.Size()
	return slice[byte](unsafe.Add(e.base[l.s.id], l.v.offset*size), l.v.size()*size)
}

// captured returns the memory of the values that program i captures.
func (c *control) captured(e *execution, i int) [][]byte {
	at := c.inputs
	for _, p := range c.programs[:i] {
		at += len(p.fn.captured)
	}
	var list [][]byte
	for _, l := range c.operands[at : at+len(c.programs[i].fn.captured)] {
		list = append(list, e.bytesOf(l))
	}
	return list
}

func (c *control) arguments(e *execution) [][]byte {
	var list [][]byte
	for _, l := range c.operands[:c.inputs] {
		list = append(list, e.bytesOf(l))
	}
	return list
}

// finish copies results into place.
func (c *control) finish(e *execution, results [][]byte) {
	for i, s := range c.out {
		copy(slice[byte](e.base[s.id], s.bytes()), results[i])
	}
}

func (c *control) call(e *execution) error {
	results, err := c.programs[0].run(e.ctx, append(c.arguments(e), c.captured(e, 0)...), nil)
	if err == nil {
		c.finish(e, results)
	}
	return err
}

func (c *control) branch(e *execution) error {
	which := 1
	if e.bytesOf(c.operands[0])[0] != 0 {
		which = 0
	}
	results, err := c.programs[which].run(e.ctx, c.captured(e, which), nil)
	if err == nil {
		c.finish(e, results)
	}
	return err
}

func (c *control) while(e *execution) error {
	state := c.arguments(e)
	forCond, forBody := c.captured(e, 0), c.captured(e, 1)
	for {
		if err := e.ctx.Err(); err != nil {
			return err
		}
		more, err := c.programs[0].run(e.ctx, slices.Concat(state, forCond), nil)
		if err != nil {
			return err
		}
		if more[0][0] == 0 {
			c.finish(e, state)
			return nil
		}
		if state, err = c.programs[1].run(e.ctx, slices.Concat(state, forBody), nil); err != nil {
			return err
		}
	}
}

// sort orders every line along the axis by merging, with one run of the comparator per comparison.
func (c *control) sort(e *execution, dims []int, axis int) error {
	v := denseView(dims)
	length, step := dims[axis], v.strides[axis]
	lines := v.transposed(without(len(dims), []int{axis}))
	tensors := c.arguments(e)
	extra := c.captured(e, 0)
	order := make([]int, length)
	var failed error
	for line := range lines.size() {
		base := offsetAt(lines, line)
		element := func(t, i int) []byte {
			size := c.out[t].dtype.Size()
			at := (base + i*step) * size
			return tensors[t][at : at+size]
		}
		for i := range order {
			order[i] = i
		}
		before := func(i, j int) bool {
			var arguments [][]byte
			for _, k := range []int{i, j} {
				for t := range tensors {
					arguments = append(arguments, element(t, k))
				}
			}
			result, err := c.programs[0].run(e.ctx, append(arguments, extra...), nil)
			if err != nil {
				failed = err
				return false
			}
			return result[0][0] != 0
		}
		slices.SortStableFunc(order, func(i, j int) int {
			switch {
			case failed != nil:
				return 0
			case before(i, j):
				return -1
			case before(j, i):
				return 1
			}
			return 0
		})
		if failed != nil {
			return failed
		}
		for t, s := range c.out {
			size := s.dtype.Size()
			dst := slice[byte](e.base[s.id], s.bytes())
			for i, from := range order {
				copy(dst[(base+i*step)*size:][:size], element(t, from))
			}
		}
	}
	return nil
}
