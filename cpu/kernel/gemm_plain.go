package kernel

import "unsafe"

// tileFunc multiplies a small block: c[i, j] = Σ_k a[i, k] b[k, j] (added to c if accumulate) for cols columns and as
// many rows as the kernel was made for, with the sum in order of k, one fused multiply-add each where the level has it.
// a[i, k] is at a + i*aRow + k*aCol, b[k, j] at b + k*bRow + j, c[i, j] at c + i*cRow + j.
type tileFunc func(k int, a *float32, aRow, aCol int, b *float32, bRow int, c *float32, cRow, cols int, accumulate bool)

// tileRow are the tile kernels of a number of rows for up to a quarter, half, three quarters and all of a tile's columns.
type tileRow [4]tileFunc

// plainTile is the portable tile kernel for a number of rows; it is the definition of tileFunc.
func plainTile(rows int) tileFunc {
	return func(k int, a *float32, aRow, aCol int, b *float32, bRow int, c *float32, cRow, cols int, accumulate bool) {
		var sum [16]float32
		for i := range rows {
			row := unsafe.Slice(offset32(c, i*cRow), cols)
			for from := 0; from < cols; from += len(sum) {
				part := row[from:min(cols, from+len(sum))]
				acc := sum[:len(part)]
				clear(acc)
				for p := range k {
					x := *offset32(a, i*aRow+p*aCol)
					y := unsafe.Slice(offset32(b, p*bRow+from), len(part))
					for j := range acc {
						acc[j] += x * y[j]
					}
				}
				for j := range part {
					if accumulate {
						part[j] += acc[j]
					} else {
						part[j] = acc[j]
					}
				}
			}
		}
	}
}

// GemmPlain is the definition of Gemm: three loops in float64. It is slow and meant for tests.
func GemmPlain(g *Gemm) error {
	if err := g.check(); err != nil {
		return err
	}
	s := plainSet()
	row := make([]float32, g.N)
	x, y := make([]float32, 1), make([]float32, 1)
	for batch := range g.batchSize() {
		for i := range g.M {
			for j := range row {
				sum := 0.0
				for k := range g.K {
					g.A.element(x, g.Batch, batch, i, k)
					g.B.element(y, g.Batch, batch, k, j)
					sum += float64(x[0]) * float64(y[0])
				}
				if g.Accumulate {
					g.C.element(x, g.Batch, batch, i, j)
					sum += float64(x[0])
				}
				row[j] = float32(sum)
			}
			s.finishRow(g, batch, i, 0, row)
			if g.Consume != nil {
				g.Consume(batch, i, 0, 1, row, g.N)
				continue
			}
			to := g.C.offset(batch, g.Batch) + i*g.C.RowStride
			for j, v := range row {
				g.C.Data[to+j*g.C.ColStride] = v
			}
		}
	}
	return nil
}

// element reads one element of a source into dst[0].
func (m *Matrix) element(dst []float32, shape []int, batch, row, col int) {
	at := m.offset(batch, shape) + row*m.RowStride + col*m.ColStride
	switch {
	case m.Gather != nil:
		m.Gather(dst, batch, row, col)
	case m.BF16 != nil:
		dst[0] = m.BF16[at].Float32()
	default:
		dst[0] = m.Data[at]
	}
}
