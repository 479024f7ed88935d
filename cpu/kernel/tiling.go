package kernel

// tiling is how large products are cut into small ones, with the kernels that multiply those.
type tiling struct {
	rows, cols int       // of the largest tile; of pairs, cols is a multiple of two quanta
	tiles      []tileRow // tiles[n-1] are for n rows
	strip      stripFunc // in place of tiles: all columns in one call; or nil
	pairs      bool      // the operands are pairs of bfloat16 (gemm_half.go)
	quantum    int       // kernels do a multiple of so many steps; what is missing of it is zero
}

// plainTiling has the portable kernels that plain makes.
func plainTiling(rows, cols int, plain func(rows int) tileFunc) tiling {
	t := tiling{rows: rows, cols: cols, quantum: 1}
	for n := 1; n <= rows; n++ {
		f := plain(n)
		t.tiles = append(t.tiles, tileRow{f, f, f, f})
	}
	return t
}

// tile is the kernel for a number of rows and columns.
func (t *tiling) tile(rows, cols int) tileFunc { return t.tiles[rows-1][(4*cols-1)/t.cols] }

// steps is the number of steps of a kernel over depth elements of K, and of packed rows of B.
func (t *tiling) steps(depth int) int {
	if t.pairs {
		depth = ceilDiv(depth, 2)
	}
	return ceilDiv(depth, t.quantum) * t.quantum
}

// depthOf is the smallest number of elements of K, at least depth, whose steps are none of them partly empty.
func (t *tiling) depthOf(depth int) int {
	if t.pairs {
		return 2 * t.steps(depth)
	}
	return t.steps(depth)
}

// wholeCols is the number of columns of whole tiles that hold n of them.
func (t *tiling) wholeCols(n int) int { return ceilDiv(n, t.cols) * t.cols }

// eachStrip splits rows [from, end) into strips of nearly equal height, at most that of a tile.
func (t *tiling) eachStrip(from, end int, f func(row, rows int)) {
	n := end - from
	for strips := ceilDiv(n, t.rows); strips > 0; strips-- {
		rows := ceilDiv(n, strips)
		f(from, rows)
		from += rows
		n -= rows
	}
}

// stripFunc multiplies at most as many rows as a tile has by any number of columns, a tile's after the other: c[i, j] = Σ_k a[i, k] b[k, j]
// (added to c if accumulate). a[i, k] is at a + i*aRow + k, c[i, j] at c + i*cRow + j, and b[k, j] at b + panel*bPanel + k*bRow + col for column
// col of that panel of a tile's columns.
type stripFunc func(k int, a *float32, aRow int, b *float32, bRow, bPanel int, c *float32, cRow, rows, cols int, accumulate bool)

// multiplyStrip does what stripFunc says; a's columns may be apart where there are tiles.
func (t *tiling) multiplyStrip(rows, cols, steps int, a panelA, b *float32, bRow, bPanel int, c *float32, cRow int, accumulate bool) {
	if t.strip != nil {
		t.strip(steps, a.data, a.row, b, bRow, bPanel, c, cRow, rows, cols, accumulate)
		return
	}
	for x := 0; x < cols; x += t.cols {
		n := min(t.cols, cols-x)
		t.tile(rows, n)(steps, a.data, a.row, a.col, offset32(b, x/t.cols*bPanel), bRow, offset32(c, x), cRow, n, accumulate)
	}
}

// multiply fills c, [rows, cols] with row stride cRow, with (or adds) a·b in tiles; b is as in tileFunc, and rows of pairs are as
// long as whole tiles.
func (t *tiling) multiply(rows, cols, steps int, a panelA, b *float32, bRow int, c *float32, cRow int, accumulate bool) {
	t.eachStrip(0, rows, func(row, n int) {
		t.multiplyStrip(n, cols, steps, panelA{offset32(a.data, row*a.row), a.row, a.col}, b, bRow, t.cols, offset32(c, row*cRow), cRow, accumulate)
	})
}
