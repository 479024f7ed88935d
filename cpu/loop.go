package cpu

import (
	"slices"
	"unsafe"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gowalrus/walrus/cpu/kernel"
)

// A loop runs the operations of a cluster over tiles: runs of elements small enough for the first-level cache. Every
// operand and result is a register: a piece of scratch memory, or, where a tile is contiguous in a storage, that
// memory itself. Values that exist once per row of the tile (results of rowFold and what is computed from them) are row
// registers.

// tileElements is the usual number of elements in a tile.
const tileElements = 2048

// register is one operand or result inside a loop.
type register struct {
	size    int // bytes per element
	perRow  bool
	uniform bool // one element for the whole loop
	pinned  bool // the same content in all tiles: loaded once per chunk

	memory  *storage // where the tile is, nil for scratch
	from    int      // element offset in memory
	scratch int      // offset in scratch memory, bytes

	firstUse, lastUse int // positions in the code, for the assignment of scratch memory
}

// instruction is a step of the code of a tile.
type instruction struct {
	do     instructionKind
	fn     tileFunc
	fold   compute.OpType
	dst    int
	src    [3]int
	perRow bool
	view   view // of loads and stores, relative to memory
	memory *storage
	column int // index of the column fold

	binary     kernel.Binary
	rowOperand int
}

type instructionKind uint8

const (
	compute1   instructionKind = iota // fn
	mapRows                           // binary, with the row register rowOperand as one operand
	loadTile                          // strided load into dst
	storeTile                         // strided store of src[0]
	expandRows                        // repeat each element of a row register along its row
	foldRows                          // reduce rows
	foldColumn                        // add to the accumulator of a column fold
)

// columnAccumulator is the state of a column fold: one partial result per chunk, combined in order at the end.
type columnAccumulator struct {
	op      compute.OpType
	inner   int
	out     *storage
	partial *storage // float32 [chunks, width]
}

// loop is the program of a cluster.
type loop struct {
	n, row, segment int
	tile            int // elements
	chunk           int // elements that one task does, a multiple of tile
	registers       []register
	code            []instruction
	pinned          []instruction
	columns         []columnAccumulator
	scratch         int // bytes
	reads           []*storage
	writes          []*storage
	flatReads       map[*storage]int // last position that reads the storage in place; absent if read in another way too
	firstWrite      map[*storage]int // position of the instruction that writes the storage in place
}

// loopBuilder turns the operations of a cluster into a loop.
type loopBuilder struct {
	*loop
	results   map[*storage]int // register of values made in the loop
	leaves    map[leafKey]int
	expanded  map[int]int
	scattered map[*storage]bool // storages read other than in place
	tiles     *tileFuncs
}

// leafKey identifies an operand from outside.
type leafKey struct {
	s    *storage
	view string
}

// newLoop compiles the operations, in order, into a loop. Storages marked virtual get no memory.
func (p *program) newLoop(c *cluster) *loop {
	l := &loop{n: c.n, row: c.row, segment: c.segment, flatReads: make(map[*storage]int), firstWrite: make(map[*storage]int)}
	b := &loopBuilder{loop: l, results: make(map[*storage]int), leaves: make(map[leafKey]int), expanded: make(map[int]int),
		scattered: make(map[*storage]bool), tiles: &p.backend.tiles}
	slices.SortFunc(c.ops, func(x, y *loopOp) int { return x.seq - y.seq })
	b.chooseTile(c)
	for _, op := range c.ops {
		b.add(p, op)
	}
	for s := range b.scattered {
		delete(l.flatReads, s)
	}
	b.assignScratch()
	return l
}

// chooseTile picks the tile length: whole rows, and whole periods of operands that repeat.
func (b *loopBuilder) chooseTile(c *cluster) {
	unit := max(1, b.row)
	for _, op := range c.ops {
		for _, l := range op.in {
			if period := repeatPeriod(l.v); period > 1 && op.size == b.n {
				if u := lcm(unit, period); u <= 2*tileElements && b.segment%u == 0 {
					unit = u
				}
			}
		}
	}
	b.tile = unit * max(1, tileElements/unit)
	b.tile = min(b.tile, max(unit, (b.n+unit-1)/unit*unit))
	tiles := (b.n + b.tile - 1) / b.tile
	// Chunks depend on sizes alone: about 48 of them, each of some tiles.
	b.chunk = b.tile * max(1, (tiles+47)/48)
	if c.folds {
		b.chunk = min(b.chunk, (b.segment+b.tile-1)/b.tile*b.tile)
	}
}

func lcm(a, b int) int {
	x, y := a, b
	for y != 0 {
		x, y = y, x%y
	}
	return a / x * b
}

// repeatPeriod is the number of elements after which a broadcast operand repeats over and over, 0 if it does not.
func repeatPeriod(v view) int {
	c := v.collapsed()
	if len(c.dims) < 2 || c.strides[0] != 0 {
		return 0
	}
	return view{dims: c.dims[1:]}.size()
}

func (b *loopBuilder) newRegister(r register) int {
	r.firstUse, r.lastUse = len(b.code), len(b.code)
	b.registers = append(b.registers, r)
	return len(b.registers) - 1
}

func (b *loopBuilder) emit(i instruction) {
	for _, src := range i.src {
		if src < 0 {
			continue
		}
		r := &b.registers[src]
		r.lastUse = len(b.code)
		if r.memory != nil && !r.uniform {
			b.flatReads[r.memory] = len(b.code)
		}
	}
	if i.dst >= 0 {
		r := &b.registers[i.dst]
		r.firstUse = min(r.firstUse, len(b.code))
		r.lastUse = max(r.lastUse, len(b.code))
	}
	b.code = append(b.code, i)
}

// add compiles one operation.
func (b *loopBuilder) add(p *program, op *loopOp) {
	perRow := op.size != b.n
	var src [3]int
	var uniform [3]bool
	if b.addRowwise(op) {
		return
	}
	for i := range src {
		src[i] = -1
		if i < len(op.in) {
			src[i] = b.operand(op.in[i], op.size, perRow)
			uniform[i] = b.registers[src[i]].uniform
		}
	}
	switch op.kind {
	case mapOp:
		fn := op.fn
		float32s := op.out.dtype == dtypes.Float32 && len(op.in) == 2
		switch {
		case float32s && uniform[1] && !uniform[0] && b.tiles.scalar[op.op] != nil:
			fn, uniform[1] = b.tiles.scalar[op.op], false
		case float32s && uniform[0] && !uniform[1] && b.tiles.scalarFirst[op.op] != nil:
			fn, uniform[0] = b.tiles.scalarFirst[op.op], false
		}
		for i := range src {
			if uniform[i] {
				src[i] = b.filled(src[i], perRow)
			}
		}
		b.emit(instruction{do: compute1, fn: fn, dst: b.result(op.out, perRow), src: src})
		b.code[len(b.code)-1].perRow = perRow
	case rowFold:
		if uniform[0] {
			src[0] = b.filled(src[0], perRow)
		}
		b.emit(instruction{do: foldRows, fold: op.op, dst: b.result(op.out, true), src: src})
	case columnFold:
		if uniform[0] {
			src[0] = b.filled(src[0], perRow)
		}
		acc := columnAccumulator{op: op.op, inner: op.inner, out: op.out}
		acc.partial = p.newStorage(dtypes.Float32, b.chunks()*acc.width())
		b.columns = append(b.columns, acc)
		b.writes = append(b.writes, op.out, acc.partial)
		b.emit(instruction{do: foldColumn, dst: -1, src: src, column: len(b.columns) - 1})
	case storeOp:
		if uniform[0] {
			src[0] = b.filled(src[0], perRow)
		}
		b.writes = append(b.writes, op.out)
		b.emit(instruction{do: storeTile, dst: -1, src: src, view: op.dest.collapsed(), memory: op.out, perRow: perRow})
	}
}

// shortestRow is the row length from which an operation takes one number per row as it is; below, it is spread first.
const shortestRow = 4

// addRowwise compiles an operation of two float32 operands of which one has a single value per row: that value is
// not spread first.
func (b *loopBuilder) addRowwise(op *loopOp) bool {
	if op.kind != mapOp || len(op.in) != 2 || op.size != b.n || b.row < shortestRow || op.out.dtype != dtypes.Float32 {
		return false
	}
	for i, l := range op.in {
		binary, known := binaryKernels[op.op]
		how, row := relate(l, op.size)
		id, made := b.results[l.s]
		if !made || !known || how != perRow || row != b.row {
			continue
		}
		other := b.operand(op.in[1-i], op.size, false)
		if b.registers[other].uniform {
			other = b.filled(other, false)
		}
		src := [3]int{id, other, -1}
		if i == 1 {
			src = [3]int{other, id, -1}
		}
		b.emit(instruction{do: mapRows, binary: binary, dst: b.result(op.out, false), src: src, rowOperand: i})
		return true
	}
	return false
}

// chunks is the number of tasks.
func (l *loop) chunks() int {
	perSegment := (l.segment + l.chunk - 1) / l.chunk
	return perSegment * (l.n / max(1, l.segment))
}

// result makes the register of a value computed in the loop: its memory if it has some.
func (b *loopBuilder) result(s *storage, perRow bool) int {
	r := register{size: s.dtype.Size(), perRow: perRow}
	if !s.virtual {
		r.memory = s
		b.writes = append(b.writes, s)
		b.firstWrite[s] = len(b.code)
	}
	id := b.newRegister(r)
	b.results[s] = id
	return id
}

// operand returns the register of an operand of an operation over size elements.
func (b *loopBuilder) operand(l located, size int, rowSized bool) int {
	how, row := relate(l, size)
	if id, made := b.results[l.s]; made && how == flat {
		return id
	} else if made && how == perRow && row == b.row {
		return b.expand(id)
	}
	key := leafKey{l.s, viewKey(l.v.collapsed(), rowSized)}
	if id, ok := b.leaves[key]; ok {
		return id
	}
	id := b.leaf(l, rowSized)
	b.leaves[key] = id
	return id
}

func viewKey(v view, perRow bool) string {
	ints := append(append([]int{v.offset, len(v.dims)}, v.dims...), v.strides...)
	if perRow {
		ints = append(ints, -1)
	}
	return string(unsafe.Slice((*byte)(unsafe.Pointer(&ints[0])), 8*len(ints)))
}

// leaf makes the register of an operand from outside.
func (b *loopBuilder) leaf(l located, perRow bool) int {
	b.reads = append(b.reads, l.s)
	size := l.s.dtype.Size()
	if l.v.isUniform() {
		b.scattered[l.s] = true
		return b.newRegister(register{size: size, perRow: perRow, uniform: true, memory: l.s, from: l.v.offset})
	}
	if l.v.isDense() {
		if l.v.offset != 0 {
			b.scattered[l.s] = true
		}
		return b.newRegister(register{size: size, perRow: perRow, memory: l.s, from: l.v.offset})
	}
	b.scattered[l.s] = true
	period := repeatPeriod(l.v)
	pinned := !perRow && period > 0 && b.tile%period == 0 && b.segment%period == 0
	id := b.newRegister(register{size: size, perRow: perRow, pinned: pinned})
	load := instruction{do: loadTile, dst: id, src: [3]int{-1, -1, -1}, perRow: perRow, view: l.v.collapsed(), memory: l.s}
	if pinned {
		b.pinned = append(b.pinned, load)
		return id
	}
	b.emit(load)
	return id
}

// filled returns a register with the element of a uniform one in every place.
func (b *loopBuilder) filled(id int, perRow bool) int {
	if f, ok := b.expanded[id]; ok {
		return f
	}
	u := b.registers[id]
	f := b.newRegister(register{size: u.size, perRow: perRow, pinned: true})
	b.expanded[id] = f
	b.pinned = append(b.pinned, instruction{do: loadTile, dst: f, src: [3]int{-1, -1, -1}, perRow: perRow,
		view: view{offset: u.from}, memory: u.memory})
	return f
}

// expand returns the register that repeats the elements of a row register along the rows.
func (b *loopBuilder) expand(id int) int {
	if f, ok := b.expanded[id]; ok {
		return f
	}
	f := b.newRegister(register{size: b.registers[id].size})
	b.expanded[id] = f
	b.emit(instruction{do: expandRows, dst: f, src: [3]int{id, -1, -1}})
	return f
}

// assignScratch gives scratch memory to registers, reusing it once a register was read for the last time.
func (b *loopBuilder) assignScratch() {
	var free []int
	widest := 1
	for _, r := range b.registers {
		widest = max(widest, r.size)
	}
	slot := (widest*b.tile + memoryAlignment - 1) / memoryAlignment * memoryAlignment
	take := func() int {
		if n := len(free); n > 0 {
			at := free[n-1]
			free = free[:n-1]
			return at
		}
		b.scratch += slot
		return b.scratch - slot
	}
	for i := range b.registers {
		if b.registers[i].pinned {
			b.registers[i].scratch = take()
		}
	}
	for at, ins := range b.code {
		// The destination is taken before operands are freed: their memory differs, as most functions require.
		if ins.dst >= 0 && b.registers[ins.dst].memory == nil {
			b.registers[ins.dst].scratch = take()
		}
		freed := map[int]bool{}
		for _, src := range append(ins.src[:], ins.dst) {
			if src < 0 || freed[src] {
				continue
			}
			r := &b.registers[src]
			if r.memory == nil && !r.pinned && r.lastUse == at {
				free = append(free, r.scratch)
				freed[src] = true
			}
		}
	}
}
