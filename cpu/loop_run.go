package cpu

import (
	"math"
	"unsafe"

	"github.com/gomlx/compute"
	"github.com/gowalrus/walrus/cpu/kernel"
)

// serialElements is the size below which a loop is not split over workers.
const serialElements = 16384

// run executes the loop.
func (l *loop) run(x *execution) error {
	if l.n == 0 {
		return nil
	}
	perSegment := (l.segment + l.chunk - 1) / l.chunk
	task := func(chunk, worker int) {
		start := chunk / perSegment * l.segment
		from := start + chunk%perSegment*l.chunk
		l.runChunk(x, chunk, worker, start, from, min(from+l.chunk, start+l.segment))
	}
	chunks := l.chunks()
	if l.n*max(1, len(l.code)/4) < serialElements {
		for chunk := range chunks {
			task(chunk, 0)
		}
	} else {
		x.backend().pool.Run(chunks, task)
	}
	for i := range l.columns {
		l.columns[i].finish(x, perSegment)
	}
	return nil
}

// runChunk executes the tiles of elements from..to of the segment that begins at start.
func (l *loop) runChunk(x *execution, chunk, worker, start, from, to int) {
	scratch := x.scratch[worker]
	ptr := make([]unsafe.Pointer, len(l.registers))
	for i := range l.registers {
		if r := &l.registers[i]; r.memory == nil {
			ptr[i] = unsafe.Add(scratch, r.scratch)
		} else if r.uniform {
			ptr[i] = unsafe.Add(x.base[r.memory.id], r.from*r.size)
		}
	}
	for i := range l.pinned {
		l.load(x, &l.pinned[i], ptr, from, min(l.tile, max(to-from, 1)))
	}
	for i := range l.columns {
		l.columns[i].begin(x, chunk)
	}
	for at := from; at < to; at += l.tile {
		l.runTile(x, ptr, chunk, start, at, min(l.tile, to-at))
	}
}

// runTile executes the code for n elements from position at.
func (l *loop) runTile(x *execution, ptr []unsafe.Pointer, chunk, start, at, n int) {
	rowAt, rows := 0, 0
	if l.row > 0 {
		rowAt, rows = at/l.row, n/l.row
	}
	for i := range l.registers {
		r := &l.registers[i]
		if r.memory == nil || r.uniform {
			continue
		}
		first := at
		if r.perRow {
			first = rowAt
		}
		ptr[i] = unsafe.Add(x.base[r.memory.id], (r.from+first)*r.size)
	}
	for i := range l.code {
		ins := &l.code[i]
		first, count := at, n
		if ins.perRow {
			first, count = rowAt, rows
		}
		switch ins.do {
		case compute1:
			var a [3]unsafe.Pointer
			for k, src := range ins.src {
				if src >= 0 {
					a[k] = ptr[src]
				}
			}
			ins.fn(ptr[ins.dst], a[0], a[1], a[2], count)
		case mapRows:
			l.mapRows(x.backend().kernels, ins, ptr, rows)
		case loadTile:
			l.load(x, ins, ptr, first, count)
		case storeTile:
			moveTile(x.backend().kernels, ptr[ins.src[0]], x.base[ins.memory.id], ins.view, first, count, l.registers[ins.src[0]].size, true)
		case expandRows:
			expandTile(x.backend().kernels, ptr[ins.dst], ptr[ins.src[0]], rows, l.row, l.registers[ins.dst].size)
		case foldRows:
			x.backend().kernels.ReduceRows(reductions[ins.fold], slice[float32](ptr[ins.dst], rows), slice[float32](ptr[ins.src[0]], n), l.row)
		case foldColumn:
			l.columns[ins.column].add(x, chunk, at-start, slice[float32](ptr[ins.src[0]], n))
		}
	}
}

// mapRows runs an operation of two operands, one of which has one value per row.
func (l *loop) mapRows(k *kernel.Set, ins *instruction, ptr []unsafe.Pointer, rows int) {
	of, number := ins.src[0], ins.src[1]
	if ins.rowOperand == 0 {
		of, number = number, of
	}
	n := rows * l.row
	k.BinaryRows(ins.binary, slice[float32](ptr[ins.dst], n), slice[float32](ptr[of], n), slice[float32](ptr[number], rows), l.row, ins.rowOperand == 0)
}

func (l *loop) load(x *execution, ins *instruction, ptr []unsafe.Pointer, first, count int) {
	moveTile(x.backend().kernels, ptr[ins.dst], x.base[ins.memory.id], ins.view, first, count, l.registers[ins.dst].size, false)
}

// moveTile copies elements first..first+count-1, in row-major order, of a view of memory to consecutive places at tile,
// or back if out is set.
func moveTile(k *kernel.Set, tile, memory unsafe.Pointer, v view, first, count, size int, out bool) {
	if count == 0 {
		return
	}
	rank := len(v.dims)
	if rank == 0 {
		moveRun(k, tile, unsafe.Add(memory, v.offset*size), count, 0, size, out)
		return
	}
	var index [12]int
	at := v.offset
	rest := first
	for axis := rank - 1; axis >= 0; axis-- {
		index[axis] = rest % v.dims[axis]
		rest /= v.dims[axis]
		at += index[axis] * v.strides[axis]
	}
	last := rank - 1
	inner, stride := v.dims[last], v.strides[last]
	for count > 0 {
		n := min(count, inner-index[last])
		if rows := wholeRows(v, index[:rank], count, size); rows > 1 {
			moveRows(k, tile, unsafe.Add(memory, at*size), rows, inner, v.strides[last-1], out)
			n = rows * inner
			tile = unsafe.Add(tile, n*size)
			count -= n
			at += rows * v.strides[last-1]
			index[last-1] += rows
			for axis := last - 1; axis > 0 && index[axis] == v.dims[axis]; axis-- {
				at += v.strides[axis-1] - v.dims[axis]*v.strides[axis]
				index[axis] = 0
				index[axis-1]++
			}
			continue
		}
		moveRun(k, tile, unsafe.Add(memory, at*size), n, stride, size, out)
		tile = unsafe.Add(tile, n*size)
		count -= n
		at += n * stride
		index[last] += n
		for axis := last; axis > 0 && index[axis] == v.dims[axis]; axis-- {
			at += v.strides[axis-1] - v.dims[axis]*v.strides[axis]
			index[axis] = 0
			index[axis-1]++
		}
	}
}

// wholeRows is the number of contiguous rows of the last axis, short ones of float32's size, that follow each other from an
// index at one stride, among the next count elements.
func wholeRows(v view, index []int, count, size int) int {
	last := len(index) - 1
	if last == 0 || index[last] != 0 || size != 4 || v.strides[last] != 1 || v.strides[last-1] < 0 || v.dims[last] > kernel.ShortRow {
		return 0
	}
	return min(count/v.dims[last], v.dims[last-1]-index[last-1])
}

// moveRows copies rows between consecutive places at tile and memory with a stride.
func moveRows(k *kernel.Set, tile, memory unsafe.Pointer, rows, length, stride int, out bool) {
	dense, apart := slice[float32](tile, rows*length), slice[float32](memory, (rows-1)*stride+length)
	if out {
		k.CopyRows(apart, stride, dense, length, rows, length)
	} else {
		k.CopyRows(dense, length, apart, stride, rows, length)
	}
}

// moveRun copies n elements with a stride in memory.
func moveRun(k *kernel.Set, tile, memory unsafe.Pointer, n, stride, size int, out bool) {
	switch {
	case size == 4 && stride == 2: // halves of pairs: the rotary embedding
		if pairs := slice[float32](memory, max(0, 2*n-1)); out {
			k.ToEverySecond(pairs, slice[float32](tile, n))
		} else {
			k.EverySecond(slice[float32](tile, n), pairs)
		}
	case size == 1:
		moveElements(slice[uint8](tile, n), (*uint8)(memory), stride, out)
	case size == 2:
		moveElements(slice[uint16](tile, n), (*uint16)(memory), stride, out)
	case size == 4:
		moveElements(slice[uint32](tile, n), (*uint32)(memory), stride, out)
	case size == 8:
		moveElements(slice[uint64](tile, n), (*uint64)(memory), stride, out)
	}
}

func moveElements[T uint8 | uint16 | uint32 | uint64](tile []T, memory *T, stride int, out bool) {
	size := int(unsafe.Sizeof(*memory))
	p := unsafe.Pointer(memory)
	switch {
	case out && stride == 1:
		copy(unsafe.Slice(memory, len(tile)), tile)
	case out:
		for _, x := range tile {
			*(*T)(p) = x
			p = unsafe.Add(p, stride*size)
		}
	case stride == 1:
		copy(tile, unsafe.Slice(memory, len(tile)))
	case stride == 0:
		x := *memory
		for i := range tile {
			tile[i] = x
		}
	default:
		for i := range tile {
			tile[i] = *(*T)(p)
			p = unsafe.Add(p, stride*size)
		}
	}
}

// expandTile repeats every one of rows elements length times.
func expandTile(k *kernel.Set, dst, src unsafe.Pointer, rows, length, size int) {
	for r := range rows {
		moveRun(k, unsafe.Add(dst, r*length*size), unsafe.Add(src, r*size), length, 0, size, false)
	}
}

// reductions maps folds to those of package kernel.
var reductions = map[compute.OpType]kernel.Reduction{
	compute.OpTypeReduceSum: kernel.Sum,
	compute.OpTypeReduceMax: kernel.MaxOf,
	compute.OpTypeReduceMin: kernel.MinOf,
}

// neutral is the start of a fold of float32 values.
func neutral(op compute.OpType) float32 {
	switch op {
	case compute.OpTypeReduceMax:
		return float32(math.Inf(-1))
	case compute.OpTypeReduceMin:
		return float32(math.Inf(1))
	}
	return 0
}

// combiners are the elementwise functions of folds.
var combiners = map[compute.OpType]kernel.Binary{
	compute.OpTypeReduceSum: kernel.Add,
	compute.OpTypeReduceMax: kernel.Max,
	compute.OpTypeReduceMin: kernel.Min,
}

// wideColumns is the least number of partial sums that a chunk keeps side by side: it makes short columns fast, and their
// sums accurate.
const wideColumns = 512

// width is the number of partial sums of a chunk: a multiple of the columns.
func (c *columnAccumulator) width() int {
	if c.inner == 1 {
		return 1
	}
	return c.inner * max(1, wideColumns/c.inner)
}

func (c *columnAccumulator) sums(x *execution, chunk int) []float32 {
	width := c.width()
	return slice[float32](x.base[c.partial.id], (chunk+1)*width)[chunk*width:]
}

// begin resets the partial result of a chunk.
func (c *columnAccumulator) begin(x *execution, chunk int) {
	x.backend().kernels.Fill(c.sums(x, chunk), neutral(c.op))
}

// add folds a tile that starts at position at of its segment into the partial result of its chunk.
func (c *columnAccumulator) add(x *execution, chunk, at int, tile []float32) {
	k := x.backend().kernels
	sums := c.sums(x, chunk)
	op := combiners[c.op]
	if c.inner == 1 {
		total := [1]float32{k.Reduce(reductions[c.op], tile)}
		k.Binary(op, sums, sums, total[:])
		return
	}
	for column := at % len(sums); len(tile) > 0; column = 0 {
		n := min(len(tile), len(sums)-column)
		k.Binary(op, sums[column:column+n], sums[column:column+n], tile[:n])
		tile = tile[n:]
	}
}

// finish combines the partial results of the chunks of every segment, in order.
func (c *columnAccumulator) finish(x *execution, perSegment int) {
	k := x.backend().kernels
	op := combiners[c.op]
	out := slice[float32](x.base[c.out.id], c.out.size)
	for outer := range c.out.size / c.inner {
		sums := c.sums(x, outer*perSegment)
		for step := 1; step < perSegment; step *= 2 {
			for chunk := 0; chunk+step < perSegment; chunk += 2 * step {
				to := c.sums(x, outer*perSegment+chunk)
				k.Binary(op, to, to, c.sums(x, outer*perSegment+chunk+step))
			}
		}
		for groups := len(sums) / c.inner; groups > 1; groups = (groups + 1) / 2 {
			half := groups / 2 * c.inner
			k.Binary(op, sums[:half], sums[:half], sums[(groups+1)/2*c.inner:][:half])
		}
		copy(out[outer*c.inner:(outer+1)*c.inner], sums)
	}
}
