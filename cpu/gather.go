package cpu

import (
	"slices"
	"unsafe"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
)

// readIndex returns element i of an integer tensor.
func readIndex(memory unsafe.Pointer, t dtypes.DType, i int) int {
	at := unsafe.Add(memory, i*t.Size())
	switch t {
	case dtypes.Int8:
		return int(*(*int8)(at))
	case dtypes.Int16:
		return int(*(*int16)(at))
	case dtypes.Int32:
		return int(*(*int32)(at))
	case dtypes.Int64:
		return int(*(*int64)(at))
	case dtypes.Uint8:
		return int(*(*uint8)(at))
	case dtypes.Uint16:
		return int(*(*uint16)(at))
	case dtypes.Uint32:
		return int(*(*uint32)(at))
	default:
		return int(min(*(*uint64)(at), 1<<62))
	}
}

func clampIndex(i, extent, box int) int { return max(0, min(i, extent-box)) }

// without returns 0..rank-1 except the given axes.
func without(rank int, axes []int) []int {
	var rest []int
	for axis := range rank {
		if !slices.Contains(axes, axis) {
			rest = append(rest, axis)
		}
	}
	return rest
}

// indexRows splits an index tensor into vectors: their number, the distance between their components, and the offset of
// the vector of a row-major batch position.
func indexRows(dims []int, vector int) (rows, length, step int, offset func(row int) int) {
	v := denseView(dims)
	length, step = 1, 0
	if vector < len(dims) {
		length, step = dims[vector], v.strides[vector]
		rest := without(len(dims), []int{vector})
		v = v.transposed(rest)
	}
	return v.size(), length, step, func(row int) int { return offsetAt(v, row) }
}

// offsetAt is the position of element i, in row-major order, of a view.
func offsetAt(v view, i int) int {
	at := v.offset
	for axis := len(v.dims) - 1; axis >= 0; axis-- {
		at += i % v.dims[axis] * v.strides[axis]
		i /= v.dims[axis]
	}
	return at
}

// lowerGather copies one box of the operand per index vector.
func lowerGather(p *program, x *instr, in []located) {
	g := x.attr.(gatherAxes)
	operand, indices := in[0], p.dense(in[1])
	out := p.fresh(x.out[0])
	size := out.s.dtype.Size()
	kept := without(len(operand.v.dims), g.collapsed)
	boxView := view{dims: g.extent, strides: operand.v.strides}.transposed(kept)
	outBox := out.v.transposed(g.offset)
	outRows := out.v.transposed(without(len(out.v.dims), g.offset))
	rows, length, step, offset := indexRows(indices.v.dims, g.vector)
	p.addOpaque(&opaqueOp{kind: "gather", reads: []located{operand, indices}, out: []*storage{out.s}, run: func(e *execution) error {
		index := unsafe.Add(e.base[indices.s.id], indices.v.offset*indices.s.dtype.Size())
		src, dst := e.base[operand.s.id], e.base[out.s.id]
		for row := range rows {
			from := operand.v.offset
			for i := range length {
				axis := g.startMap[i]
				from += clampIndex(readIndex(index, indices.s.dtype, offset(row)+i*step), operand.v.dims[axis], g.extent[axis]) * operand.v.strides[axis]
			}
			moveBox(dst, outBox, offsetAt(outRows, row), src, boxView, from, size)
		}
		return nil
	}})
}

// moveBox copies the elements of a view of src, shifted by from, to those of a view of dst, shifted by to.
func moveBox(dst unsafe.Pointer, d view, to int, src unsafe.Pointer, s view, from, size int) {
	n := s.size()
	for i := range n {
		copy(slice[byte](unsafe.Add(dst, (offsetAt(d, i)-d.offset+to)*size), size), slice[byte](unsafe.Add(src, (offsetAt(s, i)+from)*size), size))
	}
}

// lowerScatter combines a copy of the operand with one box of updates per index vector, in order.
func lowerScatter(p *program, x *instr, in []located) {
	g := x.attr.(scatterAxes)
	operand, indices, updates := in[0], p.dense(in[1]), p.dense(in[2])
	out := p.fresh(x.out[0])
	t := out.s.dtype
	size := t.Size()
	combine := p.backend.tiles.find(scatterFold[x.op], t, t)
	upView := denseView(updates.v.dims)
	windowOut := without(len(out.v.dims), g.inserted)
	box := upView.transposed(g.window)
	target := view{dims: box.dims, strides: out.v.transposed(windowOut).strides}
	upRows := upView.transposed(without(len(upView.dims), g.window))
	rows, length, step, offset := indexRows(indices.v.dims, g.vector)
	extent := slices.Repeat([]int{1}, len(out.v.dims))
	for i, axis := range windowOut {
		extent[axis] = box.dims[i]
	}
	p.store(operand, out)
	p.addOpaque(&opaqueOp{kind: "scatter", reads: []located{indices, updates}, out: []*storage{out.s}, run: func(e *execution) error {
		index := unsafe.Add(e.base[indices.s.id], indices.v.offset*indices.s.dtype.Size())
		src := unsafe.Add(e.base[updates.s.id], updates.v.offset*size)
		dst := e.base[out.s.id]
	rowLoop:
		for row := range rows {
			to := 0
			for i := range length {
				axis := g.toOperand[i]
				start := readIndex(index, indices.s.dtype, offset(row)+i*step)
				if start < 0 || start > out.v.dims[axis]-extent[axis] {
					continue rowLoop // updates outside the operand are skipped
				}
				to += start * out.v.strides[axis]
			}
			from := offsetAt(upRows, row)
			for i := range box.size() {
				at := unsafe.Add(dst, (offsetAt(target, i)+to)*size)
				combine(at, at, unsafe.Add(src, (offsetAt(box, i)+from)*size), nil, 1)
			}
		}
		return nil
	}})
}

// startOf reads the start of a box, moved so that the box lies inside.
func startOf(e *execution, starts []located, dims, box []int, strides []int) int {
	at := 0
	for axis, l := range starts {
		i := readIndex(e.base[l.s.id], l.s.dtype, l.v.offset)
		at += clampIndex(i, dims[axis], box[axis]) * strides[axis]
	}
	return at
}

func lowerDynamicSlice(p *program, x *instr, in []located) {
	operand, starts := in[0], in[1:]
	out := p.fresh(x.out[0])
	size := out.s.dtype.Size()
	box := view{dims: out.v.dims, strides: operand.v.strides}.collapsed()
	p.addOpaque(&opaqueOp{kind: "dynamic slice", reads: in, out: []*storage{out.s}, run: func(e *execution) error {
		from := operand.v.offset + startOf(e, starts, operand.v.dims, out.v.dims, operand.v.strides)
		moveTile(e.backend().kernels, e.base[out.s.id], unsafe.Add(e.base[operand.s.id], from*size), box, 0, out.s.size, size, false)
		return nil
	}})
}

func lowerDynamicUpdateSlice(p *program, x *instr, in []located) {
	operand, update, starts := in[0], p.dense(in[1]), in[2:]
	out := p.fresh(x.out[0])
	size := out.s.dtype.Size()
	box := view{dims: update.v.dims, strides: out.v.strides}.collapsed()
	p.store(operand, out)
	p.addOpaque(&opaqueOp{kind: "dynamic update", reads: append([]located{update}, starts...), out: []*storage{out.s}, run: func(e *execution) error {
		to := startOf(e, starts, out.v.dims, update.v.dims, out.v.strides)
		moveTile(e.backend().kernels, unsafe.Add(e.base[update.s.id], update.v.offset*size), unsafe.Add(e.base[out.s.id], to*size), box, 0, update.v.size(), size, true)
		return nil
	}})
}

// lowerBitcast copies the bytes.
func lowerBitcast(p *program, x *instr, in []located) {
	l := p.dense(in[0])
	out := p.fresh(x.out[0])
	p.addOpaque(&opaqueOp{kind: "bitcast", reads: []located{l}, out: []*storage{out.s}, run: func(e *execution) error {
		copy(slice[byte](e.base[out.s.id], out.s.bytes()), slice[byte](unsafe.Add(e.base[l.s.id], l.v.offset*l.s.dtype.Size()), out.s.bytes()))
		return nil
	}})
}

// lowerArgMinMax looks for the extreme element of every row.
func lowerArgMinMax(p *program, x *instr, in []located) {
	a := x.attr.(argAxis)
	l := in[0]
	l.v = l.v.transposed(append(without(len(l.v.dims), []int{a.axis}), a.axis))
	if l.s.dtype.IsHalfPrecision() {
		wide := located{p.newStorage(dtypes.Float32, l.v.size()), denseView(l.v.dims)}
		p.elementwise(compute.OpTypeConvertDType, []located{l}, wide)
		l = wide
	}
	l = p.dense(l)
	length := x.in[0].shape.Dimensions[a.axis]
	out := p.fresh(x.out[0])
	size := out.s.dtype.Size()
	find := argFinders[l.s.dtype]
	p.addOpaque(&opaqueOp{kind: "argminmax", reads: []located{l}, out: []*storage{out.s}, run: func(e *execution) error {
		src := unsafe.Add(e.base[l.s.id], l.v.offset*l.s.dtype.Size())
		dst := slice[byte](e.base[out.s.id], out.s.bytes())
		for row := range out.s.size {
			putNumber(dst[row*size:], out.s.dtype, find(unsafe.Add(src, row*length*l.s.dtype.Size()), length, a.isMin))
		}
		return nil
	}})
}

var argFinders = map[dtypes.DType]func(row unsafe.Pointer, n int, isMin bool) int{
	dtypes.Float32: findExtreme[float32], dtypes.Float64: findExtreme[float64],
	dtypes.Int8: findExtreme[int8], dtypes.Int16: findExtreme[int16], dtypes.Int32: findExtreme[int32], dtypes.Int64: findExtreme[int64],
	dtypes.Uint8: findExtreme[uint8], dtypes.Uint16: findExtreme[uint16], dtypes.Uint32: findExtreme[uint32], dtypes.Uint64: findExtreme[uint64],
}

func findExtreme[T number](row unsafe.Pointer, n int, isMin bool) int {
	x := slice[T](row, n)
	best := 0
	for i, v := range x {
		if v != v {
			return i
		}
		if isMin && v < x[best] || !isMin && v > x[best] {
			best = i
		}
	}
	return best
}
