package kernel

// Blocking of large products, after Goto and van de Geijn (ACM TOMS 34, 2008), with the roles of the caches chosen for a
// second level of 2 MiB: a chunk of packed B stays there, strips of A pass through the first level.
const (
	depthBlock   = 384     // largest block of K
	chunkSize    = 3 << 17 // elements of packed B that stay in the second-level cache: 1.5 MiB
	groupSize    = 4 << 20 // elements of B that are packed at once: 16 MiB
	copiedRows   = 3 << 15 // elements of A that are copied at once where A can not be read in place: 384 KiB
	serialWork   = 1 << 19 // multiply-adds below which a product is not split over workers
	tasksPerHand = 4       // tasks per worker, to even out their speeds
)

// plan is the blocking of one product. Only depth, which depends on K alone, decides the order of additions.
type plan struct {
	depth       int // block of K
	groupDepth  int // rows of B packed at once, a multiple of depth or all
	groupCols   int // columns of B packed at once
	chunkCols   int // columns of B in a worker's second-level cache
	rowsPerTask int
}

// ceilDiv is the quotient rounded up.
func ceilDiv(a, b int) int { return (a + b - 1) / b }

// evenly is the width of the parts, in whole tiles, when cols columns are split into parts of about the same width, at
// most limit.
func (s *Set) evenly(cols, limit int) int {
	tiles := ceilDiv(cols, s.tileCols)
	parts := ceilDiv(tiles, max(1, limit/s.tileCols))
	return max(1, ceilDiv(tiles, max(1, parts))) * s.tileCols
}

// newPlan chooses the blocking for a number of workers.
func (s *Set) newPlan(g *Gemm, workers int) plan {
	blocks := max(1, ceilDiv(g.K, depthBlock))
	p := plan{depth: max(1, ceilDiv(g.K, blocks))}
	if s.usesPairs(g) {
		p.depth += p.depth % 2
	}
	cols := ceilDiv(max(g.N, 1), s.tileCols) * s.tileCols
	p.chunkCols = min(cols, max(s.tileCols, chunkSize/p.depth/s.tileCols*s.tileCols))
	perGroup := max(1, min(blocks, groupSize/(p.depth*p.chunkCols)))
	if g.Consume != nil { // rows are handed over complete, so all of K must be at hand
		perGroup = blocks
	}
	p.groupDepth = perGroup * p.depth
	p.groupCols = s.evenly(cols, max(s.tileCols, groupSize/p.groupDepth))
	p.chunkCols = s.evenly(p.groupCols, p.chunkCols)
	p.rowsPerTask = max(1, ceilDiv(ceilDiv(g.M, s.tileRows), workers*tasksPerHand)) * s.tileRows
	if g.Consume != nil {
		p.rowsPerTask = max(1, g.ConsumeRows)
		if g.ConsumeRows == 0 {
			p.rowsPerTask = max(1, g.M)
		}
		return p
	}
	// Few rows: the columns are split instead.
	if tasks := ceilDiv(g.M, p.rowsPerTask) * ceilDiv(p.groupCols, p.chunkCols); tasks < workers*tasksPerHand {
		parts := ceilDiv(workers*tasksPerHand, max(1, ceilDiv(g.M, p.rowsPerTask)))
		p.chunkCols = min(p.chunkCols, max(4*s.tileCols, ceilDiv(ceilDiv(p.groupCols, parts), s.tileCols)*s.tileCols))
	}
	return p
}

// Gemm computes the product on the workers of p.
func (s *Set) Gemm(p *Pool, g *Gemm) error {
	if err := g.check(); err != nil {
		return err
	}
	batch := g.batchSize()
	if g.M == 0 || g.N == 0 || batch == 0 {
		return nil
	}
	work := g.M * g.N * max(g.K, 1)
	if batch == 1 && work > serialWork || batch < p.Workers() && work > serialWork {
		for entry := range batch {
			s.product(p, g, entry)
		}
		return nil
	}
	alone := &Pool{workers: 1}
	grain := max(1, min(serialWork/work, ceilDiv(batch, p.Workers()*tasksPerHand)))
	p.Run(ceilDiv(batch, grain), func(task, _ int) {
		arena := p.Borrow()
		defer p.Return(arena)
		for entry := task * grain; entry < min(batch, (task+1)*grain); entry++ {
			s.productAlone(alone, arena, g, entry)
			arena.Reset()
		}
	})
	return nil
}

// part is what the tasks of one product share.
type part struct {
	g            *Gemm
	plan         plan
	batch        int
	baseA, baseB int
	baseC        int
	packed       []float32 // nil: the tiles read B in place
	pairs        bool      // elements of bfloat16 are multiplied in pairs
	tiles        [][2]tileFunc
}

// newPart locates a batch entry.
func (s *Set) newPart(g *Gemm, batch, workers int) *part {
	w := &part{
		g: g, plan: s.newPlan(g, workers), batch: batch,
		baseA: g.A.offset(batch, g.Batch), baseB: g.B.offset(batch, g.Batch), baseC: g.C.offset(batch, g.Batch),
		pairs: s.usesPairs(g), tiles: s.tiles,
	}
	if w.pairs {
		w.tiles = s.halfTiles
	}
	return w
}

// steps is the number of steps of a tile kernel over depth elements of K, and of packed rows of B.
func (w *part) steps(depth int) int {
	if w.pairs {
		return ceilDiv(depth, 2)
	}
	return depth
}

// product computes one batch entry with all workers.
func (s *Set) product(p *Pool, g *Gemm, batch int) {
	w := s.newPart(g, batch, p.Workers())
	shared := p.Borrow()
	defer p.Return(shared)
	w.packed = shared.Float32(w.packedSize(s))
	for j := 0; j < g.N; j += w.plan.groupCols {
		cols := min(w.plan.groupCols, g.N-j)
		for k := 0; k == 0 || k < g.K; k += w.plan.groupDepth {
			depth := min(w.plan.groupDepth, g.K-k)
			s.packGroup(p, w, k, depth, j, cols)
			rowTasks, colTasks := ceilDiv(g.M, w.plan.rowsPerTask), ceilDiv(cols, w.plan.chunkCols)
			if g.Consume != nil {
				colTasks = 1
			}
			p.Run(rowTasks*colTasks, func(task, _ int) {
				arena := p.Borrow()
				defer p.Return(arena)
				i := task % rowTasks * w.plan.rowsPerTask
				from, to := 0, cols
				if g.Consume == nil {
					from = task / rowTasks * w.plan.chunkCols
					to = min(cols, from+w.plan.chunkCols)
				}
				s.rows(w, arena, i, min(g.M, i+w.plan.rowsPerTask), k, depth, j, from, to)
			})
		}
	}
}

// productAlone computes one batch entry on the calling goroutine.
func (s *Set) productAlone(alone *Pool, arena *Arena, g *Gemm, batch int) {
	w := s.newPart(g, batch, 1)
	if inPlace := g.B.Data != nil && g.B.ColStride == 1 && g.M <= 4*s.tileRows && g.Consume == nil; inPlace {
		w.plan.groupCols, w.plan.groupDepth = max(1, g.N), max(1, g.K)
		w.plan.chunkCols = ceilDiv(g.N, s.tileCols) * s.tileCols
	} else {
		w.packed = arena.Float32(w.packedSize(s))
	}
	for j := 0; j < g.N; j += w.plan.groupCols {
		cols := min(w.plan.groupCols, g.N-j)
		for k := 0; k == 0 || k < g.K; k += w.plan.groupDepth {
			depth := min(w.plan.groupDepth, g.K-k)
			if w.packed != nil {
				s.packGroup(alone, w, k, depth, j, cols)
			}
			step := g.M
			if g.Consume != nil {
				step = w.plan.rowsPerTask
			}
			for i := 0; i < g.M; i += step {
				s.rows(w, arena, i, min(g.M, i+step), k, depth, j, 0, cols)
			}
		}
	}
}

// packedSize is the room for one group of B.
func (w *part) packedSize(s *Set) int {
	return w.steps(min(w.plan.groupDepth, max(1, w.g.K))) * ceilDiv(w.plan.groupCols, s.tileCols) * s.tileCols
}

// packGroup packs rows [k, k+depth) and columns [j, j+cols) of B: blocks of plan.depth rows follow each other, in each
// the panels of tileCols columns.
func (s *Set) packGroup(p *Pool, w *part, k, depth, j, cols int) {
	panels := ceilDiv(cols, s.tileCols)
	blocks := ceilDiv(depth, w.plan.depth)
	width := panels * s.tileCols
	const perTask = 4
	p.Run(blocks*ceilDiv(panels, perTask), func(task, _ int) {
		var scratch []float32
		if w.g.B.BF16 != nil {
			arena := p.Borrow()
			defer p.Return(arena)
			scratch = arena.Float32(s.tileCols * w.plan.depth)
		}
		block := task % blocks
		from := block * w.plan.depth
		rows := min(w.plan.depth, depth-from)
		first := task / blocks * perTask
		for panel := first; panel < min(panels, first+perTask); panel++ {
			at := w.steps(from)*width + panel*s.tileCols*w.steps(rows)
			col := panel * s.tileCols
			s.packB(w.g, w.batch, w.baseB, k+from, rows, j+col, min(s.tileCols, cols-col),
				w.packed[at:at+w.steps(rows)*s.tileCols], scratch)
		}
	})
}

// rows computes rows [i, end) of columns [j+from, j+to) for the group of B that starts at row k and column j.
func (s *Set) rows(w *part, arena *Arena, i, end, k, depth, j, from, to int) {
	defer arena.Release(arena.Mark())
	if w.g.Consume != nil || w.g.C.ColStride != 1 {
		s.rowsApart(w, arena, i, end, k, depth, j, from, to)
		return
	}
	step := end - i
	var scratch []float32
	if s.copiesA(w.g) {
		step = min(step, max(1, copiedRows/w.plan.depth/s.tileRows)*s.tileRows)
		scratch = arena.Float32((step + s.tileRows) * w.plan.depth)
	}
	strips := make([]strip, 0, ceilDiv(step, s.tileRows))
	for ; i < end; i += step {
		for block := 0; block == 0 || block < depth; block += w.plan.depth {
			strips = strips[:0]
			s.eachStrip(i, min(end, i+step), func(row, rows int) { strips = append(strips, strip{row: row, rows: rows}) })
			s.viewStrips(w, strips, k+block, min(w.plan.depth, depth-block), scratch)
			for col := from; col < to; col += w.plan.chunkCols {
				s.strips(w, strips, k, block, depth, j, col, min(w.plan.chunkCols, to-col))
			}
		}
	}
}

// strips multiplies strips of A by columns [col, col+cols) of a block of the packed group, into C, and finishes those
// elements if nothing more is to be added.
func (s *Set) strips(w *part, strips []strip, k, block, depth, j, col, cols int) {
	g := w.g
	last := k+block+w.plan.depth >= g.K
	for _, st := range strips {
		to := w.baseC + st.row*g.C.RowStride + j + col
		s.strip(w, st, k, block, depth, j, col, cols, at(g.C.Data, to), g.C.RowStride, g.Accumulate || k+block > 0)
		if last && g.hasFinish() {
			s.finishStrip(g, w.batch, st.row, st.rows, j+col, cols, g.C.Data[to:], g.C.RowStride)
		}
	}
}

// rowsApart is rows for results that are not rows of C with contiguous columns: each strip is completed in scratch, then
// stored or handed over.
func (s *Set) rowsApart(w *part, arena *Arena, i, end, k, depth, j, from, to int) {
	g := w.g
	result := arena.Float32(s.tileRows * w.plan.chunkCols)
	scratch := arena.Float32((s.tileRows + 1) * w.plan.depth)
	for col := from; col < to; col += w.plan.chunkCols {
		cols := min(w.plan.chunkCols, to-col)
		s.eachStrip(i, end, func(row, rows int) {
			if g.Consume == nil && (k > 0 || g.Accumulate) {
				loadStrip(result, &g.C, w.baseC, row, rows, j+col, cols)
			}
			for block := 0; block == 0 || block < depth; block += w.plan.depth {
				st := strip{row, rows, s.viewA(g, w.batch, w.baseA, row, rows, k+block, min(w.plan.depth, depth-block), scratch)}
				s.strip(w, st, k, block, depth, j, col, cols, at(result, 0), cols, g.Accumulate || k+block > 0)
			}
			if k+depth >= g.K {
				s.finishStrip(g, w.batch, row, rows, j+col, cols, result, cols)
			}
			if g.Consume != nil {
				g.Consume(w.batch, row, j+col, rows, result, cols)
			} else {
				storeStrip(result, &g.C, w.baseC, row, rows, j+col, cols)
			}
		})
	}
}

// eachStrip splits rows [from, end) into strips of nearly equal height, at most tileRows.
func (s *Set) eachStrip(from, end int, f func(row, rows int)) {
	n := end - from
	for strips := ceilDiv(n, s.tileRows); strips > 0; strips-- {
		rows := ceilDiv(n, strips)
		f(from, rows)
		from += rows
		n -= rows
	}
}

// strip multiplies a strip of A by the block of the packed group that starts at its row block, for its columns
// [col, col+cols), into c.
func (s *Set) strip(w *part, st strip, k, block, depth, j, col, cols int, c *float32, cRow int, accumulate bool) {
	g, a := w.g, st.a
	kb := min(w.plan.depth, depth-block)
	group := ceilDiv(min(w.plan.groupCols, g.N-j), s.tileCols) * s.tileCols
	kernels := &w.tiles[st.rows-1]
	steps := w.steps(kb)
	for x := 0; x < cols; x += s.tileCols {
		n := min(s.tileCols, cols-x)
		b, bRow := at(w.packed, w.steps(block)*group+(col+x)*steps), s.tileCols
		if w.packed == nil {
			b, bRow = at(g.B.Data, w.baseB+(k+block)*g.B.RowStride+j+col+x), g.B.RowStride
		}
		tile := kernels[1]
		if 2*n <= s.tileCols {
			tile = kernels[0]
		}
		tile(steps, a.data, a.row, a.col, b, bRow, offset32(c, x), cRow, n, accumulate)
	}
}

// finishStrip finishes the rows of a strip.
func (s *Set) finishStrip(g *Gemm, batch, row, rows, col, cols int, c []float32, stride int) {
	for r := range rows {
		s.finishRow(g, batch, row+r, col, c[r*stride:r*stride+cols])
	}
}

// loadStrip reads a strip of C that has a column stride.
func loadStrip(strip []float32, c *Matrix, base, row, rows, col, cols int) {
	for r := range rows {
		from := base + (row+r)*c.RowStride + col*c.ColStride
		for x := range cols {
			strip[r*cols+x] = c.Data[from+x*c.ColStride]
		}
	}
}

// storeStrip writes a strip of C that has a column stride.
func storeStrip(strip []float32, c *Matrix, base, row, rows, col, cols int) {
	for r := range rows {
		to := base + (row+r)*c.RowStride + col*c.ColStride
		for x := range cols {
			c.Data[to+x*c.ColStride] = strip[r*cols+x]
		}
	}
}
