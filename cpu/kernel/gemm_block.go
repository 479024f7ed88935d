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
func (t *tiling) evenly(cols, limit int) int {
	tiles := ceilDiv(cols, t.cols)
	parts := ceilDiv(tiles, max(1, limit/t.cols))
	return max(1, ceilDiv(tiles, max(1, parts))) * t.cols
}

// newPlan chooses the blocking for a number of workers.
func (t *tiling) newPlan(g *Gemm, workers int) plan {
	blocks := max(1, ceilDiv(g.K, depthBlock))
	p := plan{depth: t.depthOf(max(1, ceilDiv(g.K, blocks)))}
	cols := t.wholeCols(max(g.N, 1))
	p.chunkCols = min(cols, max(t.cols, chunkSize/p.depth/t.cols*t.cols))
	perGroup := max(1, min(blocks, groupSize/(p.depth*p.chunkCols)))
	if g.Consume != nil { // rows are handed over complete, so all of K must be at hand
		perGroup = blocks
	}
	p.groupDepth = perGroup * p.depth
	p.groupCols = t.evenly(cols, max(t.cols, groupSize/p.groupDepth))
	p.chunkCols = t.evenly(p.groupCols, p.chunkCols)
	p.rowsPerTask = max(1, ceilDiv(ceilDiv(g.M, t.rows), workers*tasksPerHand)) * t.rows
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
		p.chunkCols = min(p.chunkCols, max(4*t.cols, t.wholeCols(ceilDiv(p.groupCols, parts))))
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
	g = g.rowMajorC()
	work := g.M * g.N * max(g.K, 1)
	if work <= serialWork && s.isSmall(g) {
		p.RunRange(batch, max(1, min(serialWork/work, ceilDiv(batch, p.Workers()*tasksPerHand))), func(from, to int) {
			arena := p.Borrow()
			defer p.Return(arena)
			for entry := from; entry < to; entry++ {
				s.small(arena, g, entry)
			}
		})
		return nil
	}
	splits := g.Consume == nil || g.ConsumeRows > 0
	if batch < p.Workers() || work > 64*serialWork && splits {
		for entry := range batch {
			s.product(p, g, entry)
		}
		return nil
	}
	// Each entry on one worker: inside the tasks of a pool, its Run does everything on the caller.
	p.Run(batch, func(entry, _ int) { s.product(p, g, entry) })
	return nil
}

// rowMajorC returns the product with contiguous rows of C where that only takes an exchange of the operands' roles:
// Cᵀ = Bᵀ·Aᵀ adds the same products in the same order.
func (g *Gemm) rowMajorC() *Gemm {
	if g.Consume != nil || g.C.ColStride == 1 {
		return g
	}
	t := *g
	switch {
	case g.N == 1:
		t.C.ColStride = 1
	case g.C.RowStride == 1 && g.B.BF16 == nil && !g.hasFinish():
		t.M, t.N = g.N, g.M
		t.A, t.B, t.C = g.B.transposed(), g.A.transposed(), g.C.transposed()
		if t.A.Gather != nil || t.B.Gather != nil { // patches come in rows
			return g
		}
	}
	return &t
}

// transposed is the same matrix with rows and columns exchanged.
func (m Matrix) transposed() Matrix {
	m.RowStride, m.ColStride = m.ColStride, m.RowStride
	return m
}

// isSmall tells whether small can compute the product: one block of K, and rows of C.
func (s *Set) isSmall(g *Gemm) bool {
	return g.K <= depthBlock && g.N <= depthBlock && g.Consume == nil && g.C.ColStride == 1 && !s.usesPairs(g)
}

// small computes one entry of a batch of small products without a plan.
func (s *Set) small(arena *Arena, g *Gemm, entry int) {
	defer arena.Release(arena.Mark())
	t := &s.full
	baseA, baseB, baseC := g.A.offset(entry, g.Batch), g.B.offset(entry, g.Batch), g.C.offset(entry, g.Batch)
	b, bRow, panel := at(g.B.Data, baseB), g.B.RowStride, t.cols // panel: from one tile's columns of B to the next
	if g.B.ColStride != 1 || g.B.Data == nil {
		bRow, panel = t.cols, g.K*t.cols
		packed := arena.Float32(ceilDiv(g.N, t.cols) * panel)
		scratch := arena.Float32(panel)
		for x := 0; x < g.N; x += t.cols {
			s.packB(t, g, entry, baseB, 0, g.K, x, min(t.cols, g.N-x), packed[x*g.K:x*g.K+panel], scratch)
		}
		b = at(packed, 0)
	}
	var scratch []float32
	if t.copiesA(g) {
		scratch = arena.Float32((t.rows + 1) * g.K)
	}
	t.eachStrip(0, g.M, func(row, rows int) {
		a := s.viewA(t, g, entry, baseA, row, rows, 0, g.K, scratch)
		c := baseC + row*g.C.RowStride
		t.multiplyStrip(rows, g.N, g.K, a, b, bRow, panel, at(g.C.Data, c), g.C.RowStride, g.Accumulate)
		if g.hasFinish() {
			s.finishStrip(g, entry, row, rows, 0, g.N, g.C.Data[c:], g.C.RowStride)
		}
	})
}

// part is what the tasks of one product share.
type part struct {
	g            *Gemm
	plan         plan
	batch        int
	baseA, baseB int
	baseC        int
	packed       []float32 // nil: the tiles read B in place
	*tiling
}

// newPart locates a batch entry.
func (s *Set) newPart(g *Gemm, batch, workers int) *part {
	t := s.tilingOf(g)
	return &part{
		g: g, plan: t.newPlan(g, workers), batch: batch,
		baseA: g.A.offset(batch, g.Batch), baseB: g.B.offset(batch, g.Batch), baseC: g.C.offset(batch, g.Batch),
		tiling: t,
	}
}

// product computes one batch entry with all workers.
func (s *Set) product(p *Pool, g *Gemm, batch int) {
	w := s.newPart(g, batch, p.Workers())
	if inPlace := !w.pairs && g.B.Data != nil && g.B.ColStride == 1 && g.M <= 4*w.rows && g.Consume == nil; inPlace { // packing would not pay
		w.plan.groupCols, w.plan.groupDepth = g.N, max(1, g.K)
	} else {
		shared := p.Borrow()
		defer p.Return(shared)
		w.packed = shared.Float32(w.packedSize())
	}
	for j := 0; j < g.N; j += w.plan.groupCols {
		cols := min(w.plan.groupCols, g.N-j)
		for k := 0; k == 0 || k < g.K; k += w.plan.groupDepth {
			depth := min(w.plan.groupDepth, g.K-k)
			if w.packed != nil {
				s.packGroup(p, w, k, depth, j, cols)
			}
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

// packedSize is the room for one group of B.
func (w *part) packedSize() int {
	return w.steps(min(w.plan.groupDepth, max(1, w.g.K))) * w.wholeCols(w.plan.groupCols)
}

// packGroup packs rows [k, k+depth) and columns [j, j+cols) of B: blocks of plan.depth rows follow each other, in each
// the panels of a tile's columns.
func (s *Set) packGroup(p *Pool, w *part, k, depth, j, cols int) {
	panels := ceilDiv(cols, w.cols)
	blocks := ceilDiv(depth, w.plan.depth)
	width := panels * w.cols
	const perTask = 4
	p.Run(blocks*ceilDiv(panels, perTask), func(task, _ int) {
		var scratch []float32
		if w.pairs || w.g.B.BF16 != nil {
			arena := p.Borrow()
			defer p.Return(arena)
			scratch = arena.Float32(w.cols * w.plan.depth)
		}
		block := task % blocks
		from := block * w.plan.depth
		rows := min(w.plan.depth, depth-from)
		first := task / blocks * perTask
		for panel := first; panel < min(panels, first+perTask); panel++ {
			at := w.steps(from)*width + panel*w.cols*w.steps(rows)
			col := panel * w.cols
			s.packB(w.tiling, w.g, w.batch, w.baseB, k+from, rows, j+col, min(w.cols, cols-col),
				w.packed[at:at+w.steps(rows)*w.cols], scratch)
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
	if w.copiesA(w.g) {
		step = min(step, max(1, copiedRows/w.plan.depth/w.rows)*w.rows)
		scratch = arena.Float32((step + w.rows) * w.plan.depth)
	}
	strips := make([]strip, 0, ceilDiv(step, w.rows))
	for ; i < end; i += step {
		for block := 0; block == 0 || block < depth; block += w.plan.depth {
			strips = strips[:0]
			w.eachStrip(i, min(end, i+step), func(row, rows int) { strips = append(strips, strip{row: row, rows: rows}) })
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
		w.strip(st, k, block, depth, j, col, cols, at(g.C.Data, to), g.C.RowStride, g.Accumulate || k+block > 0)
		if last && g.hasFinish() {
			s.finishStrip(g, w.batch, st.row, st.rows, j+col, cols, g.C.Data[to:], g.C.RowStride)
		}
	}
}

// rowsApart is rows for results that are not rows of C with contiguous columns: each strip is completed in scratch, then
// stored or handed over.
func (s *Set) rowsApart(w *part, arena *Arena, i, end, k, depth, j, from, to int) {
	g := w.g
	result := arena.Float32(w.rows * w.plan.chunkCols)
	scratch := arena.Float32((w.rows + 1) * w.plan.depth)
	for col := from; col < to; col += w.plan.chunkCols {
		cols := min(w.plan.chunkCols, to-col)
		w.eachStrip(i, end, func(row, rows int) {
			if g.Consume == nil && (k > 0 || g.Accumulate) {
				loadStrip(result, &g.C, w.baseC, row, rows, j+col, cols)
			}
			for block := 0; block == 0 || block < depth; block += w.plan.depth {
				st := strip{row, rows, s.viewA(w.tiling, g, w.batch, w.baseA, row, rows, k+block, min(w.plan.depth, depth-block), scratch)}
				w.strip(st, k, block, depth, j, col, cols, at(result, 0), cols, g.Accumulate || k+block > 0)
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

// strip multiplies a strip of A by the block of the packed group that starts at its row block, for its columns
// [col, col+cols), into c.
func (w *part) strip(st strip, k, block, depth, j, col, cols int, c *float32, cRow int, accumulate bool) {
	g := w.g
	steps := w.steps(min(w.plan.depth, depth-block))
	if w.packed == nil {
		b := at(g.B.Data, w.baseB+(k+block)*g.B.RowStride+j+col)
		w.multiplyStrip(st.rows, cols, steps, st.a, b, g.B.RowStride, w.cols, c, cRow, accumulate)
		return
	}
	group := w.wholeCols(min(w.plan.groupCols, g.N-j))
	b := at(w.packed, w.steps(block)*group+col*steps)
	w.multiplyStrip(st.rows, cols, steps, st.a, b, w.cols, w.cols*steps, c, cRow, accumulate)
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
