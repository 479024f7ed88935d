package kernel

import "unsafe"

// Products of bfloat16 with float32 sums: both operands are held as pairs (k, k+1) in 32 bits, so that blocks, panels
// and tiles are those of float32 with half the depth. Operands in float32 are rounded while they are copied. What is missing
// of a pair, or of the kernels' quantum of pairs, is zero in both.

// leastPairs is the smallest extent of a product whose operands are rounded if they may: below it, copies cost more than they
// save.
const leastPairs = 16

// usesPairs tells whether a product runs on pairs of bfloat16.
func (s *Set) usesPairs(g *Gemm) bool {
	return s.half != nil && (g.B.BF16 != nil || g.Round && min(g.M, g.N, g.K) >= leastPairs)
}

// tilingOf is how a product is cut.
func (s *Set) tilingOf(g *Gemm) *tiling {
	if s.usesPairs(g) {
		return s.half
	}
	return &s.full
}

// halves is the memory of x as bfloat16 values, two for each element.
func halves(x []float32) []BF16 {
	return unsafe.Slice((*BF16)(unsafe.Pointer(unsafe.SliceData(x))), 2*len(x))
}

// words is the memory of x as pairs of bfloat16.
func words(x []float32) []uint32 {
	return unsafe.Slice((*uint32)(unsafe.Pointer(unsafe.SliceData(x))), len(x))
}

// pairsOf rounds src to pairs in dst, whose end is zero.
func (s *Set) pairsOf(dst, src []float32) {
	out := halves(dst)
	s.toBF16(out[:len(src)], src)
	clear(out[len(src):])
}

// pairColumns makes pairs of rows: dst[p*width+c] are elements c of rows 2p and 2p+1 of src, [depth, cols] with the given stride.
// A row without a partner and those up to steps are paired with zeros.
func (s *Set) pairColumns(dst []float32, width, steps int, src []float32, stride, depth, cols int) {
	out := words(dst)
	for p := range depth / 2 {
		s.pairRows(out[p*width:][:cols], src[2*p*stride:][:cols], src[(2*p+1)*stride:][:cols])
	}
	if depth%2 == 1 {
		line := out[depth/2*width:][:cols]
		for c, x := range src[(depth-1)*stride:][:cols] {
			line[c] = uint32(ToBF16(x))
		}
	}
	for p := ceilDiv(depth, 2); p < steps; p++ {
		clear(out[p*width:][:cols])
	}
}

// pairsA copies rows [i, i+rows) and columns [k, k+depth) of A to scratch as pairs, row after row.
func (s *Set) pairsA(t *tiling, g *Gemm, batch, base, i, rows, k, depth int, scratch []float32) panelA {
	a := &g.A
	steps := t.steps(depth)
	view := panelA{at(scratch, 0), steps, 1}
	from := base + i*a.RowStride + k*a.ColStride
	rest := scratch[rows*steps:]
	if a.Gather == nil && a.RowStride == 1 && a.ColStride != 1 && depth > 0 {
		s.pairColumns(rest, rows, steps, a.Data[from:], a.ColStride, depth, rows)
		s.transpose(scratch, steps, rest, rows, steps, rows)
		return view
	}
	line := rest[:depth]
	for r := range rows {
		src := line
		from := from + r*a.RowStride
		switch {
		case a.Gather != nil:
			a.Gather(line, batch, i+r, k)
		case a.ColStride == 1:
			src = a.Data[from : from+depth]
		default:
			for p := range line {
				line[p] = a.Data[from+p*a.ColStride]
			}
		}
		s.pairsOf(scratch[r*steps:(r+1)*steps], src)
	}
	return view
}

// packPairs is packB for pairs: dst[p/2*width + c] holds rows p and p+1 of column c.
func (s *Set) packPairs(t *tiling, g *Gemm, batch, base, k, depth, j, cols int, dst, scratch []float32) {
	b := &g.B
	width, steps := t.cols, t.steps(depth)
	from := base + k*b.RowStride + j*b.ColStride
	switch {
	case depth == 0:
	case b.BF16 != nil:
		packHalfPairs(s, b, from, depth, cols, width, dst)
		clear(dst[ceilDiv(depth, 2)*width : steps*width])
	case b.Gather != nil:
		lines := scratch[:2*cols]
		for p := 0; p < depth; p += 2 {
			n := min(2, depth-p)
			for r := range n {
				b.Gather(lines[r*cols:(r+1)*cols], batch, k+p+r, j)
			}
			s.pairColumns(dst[p/2*width:], width, 1, lines, cols, n, cols)
		}
		clear(dst[ceilDiv(depth, 2)*width : steps*width])
	case b.ColStride == 1:
		s.pairColumns(dst, width, steps, b.Data[from:], b.RowStride, depth, cols)
	default:
		line := scratch[cols*steps:]
		for c := range cols {
			src := b.Data[from+c*b.ColStride:]
			if b.RowStride != 1 {
				for p := range depth {
					line[p] = src[p*b.RowStride]
				}
				src = line
			}
			s.pairsOf(scratch[c*steps:(c+1)*steps], src[:depth])
		}
		s.transpose(dst, width, scratch, steps, cols, steps)
	}
}

// packHalfPairs is packPairs for numbers that are bfloat16 already.
func packHalfPairs(s *Set, b *Matrix, from, depth, cols, width int, dst []float32) {
	pairs, start := depth/2, 0
	if b.RowStride == 1 && b.ColStride%2 == 0 && uintptr(unsafe.Pointer(&b.BF16[from]))%4 == 0 && pairs > 0 {
		source := unsafe.Slice((*float32)(unsafe.Pointer(&b.BF16[from])), (len(b.BF16)-from)/2)
		s.transpose(dst, width, source, b.ColStride/2, cols, pairs)
		start = 2 * pairs
	}
	out := words(dst)
	for p := start; p < depth; p += 2 {
		low := b.BF16[from+p*b.RowStride:]
		line := out[p/2*width:][:cols]
		if p+1 == depth {
			for c := range line {
				line[c] = uint32(low[c*b.ColStride])
			}
			continue
		}
		high := b.BF16[from+(p+1)*b.RowStride:]
		for c := range line {
			line[c] = uint32(low[c*b.ColStride]) | uint32(high[c*b.ColStride])<<16
		}
	}
}

// plainHalfTile is the portable tile kernel for pairs; it is their definition.
func plainHalfTile(rows int) tileFunc {
	return func(k int, a *float32, aRow, aCol int, b *float32, bRow int, c *float32, cRow, cols int, accumulate bool) {
		for i := range rows {
			row := unsafe.Slice(offset32(c, i*cRow), cols)
			if !accumulate {
				clear(row)
			}
			for p := range k {
				x := words(unsafe.Slice(offset32(a, i*aRow+p*aCol), 1))[0]
				low, high := BF16(x).Float32(), BF16(x>>16).Float32()
				for j, y := range words(unsafe.Slice(offset32(b, p*bRow), cols)) {
					row[j] += low*BF16(y).Float32() + high*BF16(y>>16).Float32()
				}
			}
		}
	}
}
