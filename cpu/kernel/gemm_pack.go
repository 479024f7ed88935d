package kernel

import "unsafe"

// panelA is a block of rows of A as the tile kernel reads it.
type panelA struct {
	data     *float32
	row, col int // strides
}

// strip is some rows of A, at most as many as a tile has, in the present block of K.
type strip struct {
	row, rows int
	a         panelA
}

// copyStride is the row stride in elements from which rows that share a multiple of it fall into the same sets of the
// first-level cache: such rows are copied next to each other first.
const copyStride = 512

// copiesA tells whether strips of A are copied before they are multiplied.
func (t *tiling) copiesA(g *Gemm) bool {
	return t.pairs || g.A.Gather != nil || g.A.ColStride != 1 || g.A.RowStride%copyStride == 0
}

// viewStrips prepares columns [k, k+depth) of strips that follow each other. scratch has room for their rows and a tile
// more. Where columns of A are contiguous, a few columns of all strips are copied at a time, so that each cache line is
// fetched once.
func (s *Set) viewStrips(w *part, strips []strip, k, depth int, scratch []float32) {
	a := &w.g.A
	first := strips[0].row
	copied := w.copiesA(w.g)
	if copied && !w.pairs && a.Gather == nil && a.RowStride == 1 && a.ColStride != 1 && depth > 0 {
		const together = 32
		for p := 0; p < depth; p += together {
			for i := range strips {
				st := &strips[i]
				st.a = panelA{at(scratch, (st.row-first)*depth), 1, st.rows}
				from := w.baseA + st.row + (k+p)*a.ColStride
				s.packStrip[0](offset32(st.a.data, p*st.rows), st.rows, at(a.Data, from), a.ColStride, min(together, depth-p), st.rows)
			}
		}
		return
	}
	for i := range strips {
		st := &strips[i]
		var room []float32
		if copied {
			room = scratch[(st.row-first)*w.depthOf(depth):]
		}
		st.a = s.viewA(w.tiling, w.g, w.batch, w.baseA, st.row, st.rows, k, depth, room)
	}
}

// viewA returns rows [i, i+rows) and columns [k, k+depth) of A: A itself where its layout suits the kernel, else a copy
// in scratch, which has room for (rows+1)*depth elements.
func (s *Set) viewA(t *tiling, g *Gemm, batch, base, i, rows, k, depth int, scratch []float32) panelA {
	a := &g.A
	if t.pairs {
		return s.pairsA(t, g, batch, base, i, rows, k, depth, scratch)
	}
	if a.Gather != nil {
		for r := range rows {
			a.Gather(scratch[r*depth:(r+1)*depth], batch, i+r, k)
		}
		return panelA{at(scratch, 0), depth, 1}
	}
	from := base + i*a.RowStride + k*a.ColStride
	switch {
	case depth == 0 || rows == 0:
		return panelA{at(scratch, 0), 1, 1}
	case !t.copiesA(g):
		return panelA{at(a.Data, from), a.RowStride, 1}
	case a.ColStride == 1:
		for r := range rows {
			copy(scratch[r*depth:(r+1)*depth], a.Data[from+r*a.RowStride:])
		}
		return panelA{at(scratch, 0), depth, 1}
	case a.RowStride == 1:
		s.packStrip[0](at(scratch, 0), rows, at(a.Data, from), a.ColStride, depth, rows)
		return panelA{at(scratch, 0), 1, rows}
	}
	for r := range rows {
		line := scratch[r*depth : (r+1)*depth]
		for p := range line {
			line[p] = a.Data[from+r*a.RowStride+p*a.ColStride]
		}
	}
	return panelA{at(scratch, 0), depth, 1}
}

// packB copies rows [k, k+depth) and columns [j, j+cols) of B into a panel: dst[p*width + c], with the width of a tile. Columns
// from cols on stay as they are. scratch has room for a panel, with depth as depthOf makes it.
func (s *Set) packB(t *tiling, g *Gemm, batch, base, k, depth, j, cols int, dst, scratch []float32) {
	b := &g.B
	width := t.cols
	if t.pairs {
		s.packPairs(t, g, batch, base, k, depth, j, cols, dst, scratch)
		return
	}
	if b.Gather != nil {
		for p := range depth {
			b.Gather(dst[p*width:p*width+cols], batch, k+p, j)
		}
		return
	}
	from := base + k*b.RowStride + j*b.ColStride
	switch {
	case depth == 0:
	case b.BF16 != nil:
		s.packHalf(b, from, depth, width, cols, dst, scratch)
	case b.ColStride == 1:
		s.packStrip[1](at(dst, 0), width, at(b.Data, from), b.RowStride, depth, cols)
	case b.RowStride == 1:
		s.transpose(dst, width, b.Data[from:], b.ColStride, cols, depth)
	default:
		for p := range depth {
			line := dst[p*width : p*width+cols]
			for c := range line {
				line[c] = b.Data[from+p*b.RowStride+c*b.ColStride]
			}
		}
	}
}

// packHalf is packB for bfloat16 that is widened.
func (s *Set) packHalf(b *Matrix, from, depth, width, cols int, dst, scratch []float32) {
	switch {
	case b.ColStride == 1:
		for p := range depth {
			s.fromBF16(dst[p*width:p*width+cols], b.BF16[from+p*b.RowStride:][:cols])
		}
	case b.RowStride == 1:
		for c := range cols {
			s.fromBF16(scratch[c*depth:(c+1)*depth], b.BF16[from+c*b.ColStride:][:depth])
		}
		s.transpose(dst, width, scratch, depth, cols, depth)
	default:
		for p := range depth {
			for c := range cols {
				dst[p*width+c] = b.BF16[from+p*b.RowStride+c*b.ColStride].Float32()
			}
		}
	}
}

// packStrip copies n rows of cols elements: dst[i*dstStride+j] = src[i*stride+j].
type packStrip func(dst *float32, dstStride int, src *float32, stride, n, cols int)

// packStripPlain is the definition of packStrip.
func packStripPlain(dst *float32, dstStride int, src *float32, stride, n, cols int) {
	for i := range n {
		copy(unsafe.Slice(offset32(dst, i*dstStride), cols), unsafe.Slice(offset32(src, i*stride), cols))
	}
}
