package cpu

import (
	"slices"
	"unsafe"

	"github.com/gomlx/compute/dtypes"
)

// lowerGenericReduce reduces any data type by any fold: the reduced axes are brought to the front, then whole slices are
// combined one after the other.
func (p *program) lowerGenericReduce(x *instr, l located, reduced []bool) {
	var front, back []int
	for axis, r := range reduced {
		if r {
			front = append(front, axis)
		} else {
			back = append(back, axis)
		}
	}
	l.v = l.v.transposed(slices.Concat(front, back))
	l = p.dense(l)
	out := p.fresh(x.out[0])
	f := folds[x.op]
	t := out.s.dtype
	combine := p.backend.tiles.find(f.op, t, t)
	count := 1
	for _, axis := range front {
		count *= x.in[0].shape.Dimensions[axis]
	}
	p.addOpaque(&opaqueOp{kind: "reduce " + x.op.String(), reads: []located{l}, out: []*storage{out.s}, run: func(e *execution) error {
		n := out.s.size
		dst := e.base[out.s.id]
		fillNeutral(slice[byte](dst, out.s.bytes()), t, f.init)
		src := unsafe.Add(e.base[l.s.id], l.v.offset*t.Size())
		for i := range count {
			combine(dst, dst, unsafe.Add(src, i*n*t.Size()), nil, n)
		}
		return nil
	}})
}

// fillNeutral sets every element to the start of a fold.
func fillNeutral(bytes []byte, t dtypes.DType, init foldInit) {
	var one []byte
	switch init {
	case initZero:
		clear(bytes)
		return
	case initOne:
		one = make([]byte, t.Size())
		putNumber(one, t, 1)
	case initOnes:
		one = slices.Repeat([]byte{0xff}, t.Size())
		if t == dtypes.Bool {
			one[0] = 1
		}
	case initLowest:
		one = numberBytes(t.LowestValue())
	case initHighest:
		one = numberBytes(t.HighestValue())
	}
	for at := 0; at < len(bytes); at += len(one) {
		copy(bytes[at:], one)
	}
}

// numberBytes returns the memory of a number of any data type.
func numberBytes(x any) []byte {
	switch n := x.(type) {
	case float32:
		return valueBytes(n)
	case float64:
		return valueBytes(n)
	case int8:
		return valueBytes(n)
	case int16:
		return valueBytes(n)
	case int32:
		return valueBytes(n)
	case int64:
		return valueBytes(n)
	case uint8:
		return valueBytes(n)
	case uint16:
		return valueBytes(n)
	case uint32:
		return valueBytes(n)
	case uint64:
		return valueBytes(n)
	case bool:
		return valueBytes(n)
	}
	return nil
}

func valueBytes[T any](x T) []byte {
	return slices.Clone(slice[byte](unsafe.Pointer(&x), int(unsafe.Sizeof(x))))
}
