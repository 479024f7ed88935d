package cpu

import (
	"fmt"
	"slices"
	"unsafe"

	"github.com/gowalrus/walrus/cpu/kernel"
)

// copyStep returns the step of a cluster that only copies one view to another: package kernel transposes in blocks.
func (p *program) copyStep(c *cluster) *step {
	if len(c.ops) != 1 || c.ops[0].kind != storeOp {
		return nil
	}
	op := c.ops[0]
	from, to := op.in[0], located{op.out, op.dest}
	negative := func(stride int) bool { return stride < 0 }
	if slices.ContainsFunc(from.v.strides, negative) || slices.ContainsFunc(to.v.strides, negative) {
		return nil
	}
	s := &step{kind: fmt.Sprintf("copy %v to strides %v", from.v.collapsed(), to.v.collapsed().strides), reads: []*storage{from.s}, writes: []*storage{to.s}}
	s.bytes = 2 * op.size * op.out.dtype.Size()
	s.run = func(x *execution) error {
		switch op.out.dtype.Size() {
		case 1:
			return copyElements[uint8](x, from, to)
		case 2:
			return copyElements[uint16](x, from, to)
		case 4:
			return copyElements[uint32](x, from, to)
		default:
			return copyElements[uint64](x, from, to)
		}
	}
	return s
}

func copyElements[T any](x *execution, from, to located) error {
	at := func(l located) []T {
		return unsafe.Slice((*T)(x.base[l.s.id]), l.s.size)[l.v.offset:]
	}
	return kernel.CopyStrided(x.backend().kernels, x.backend().pool, to.v.dims, at(to), to.v.strides, at(from), from.v.strides)
}
