package kernel

import "unsafe"

// Products of bfloat16 with float32 sums: both operands are held as pairs (k, k+1) in 32 bits, so that blocks, panels
// and tiles are those of float32 with half the depth. The activations are rounded to bfloat16 while they are copied.

// usesPairs tells whether a product runs on pairs of bfloat16.
func (s *Set) usesPairs(g *Gemm) bool { return g.B.BF16 != nil && s.halfTiles != nil }

// halves is the memory of x as bfloat16 values, two for each element.
func halves(x []float32) []BF16 {
	return unsafe.Slice((*BF16)(unsafe.Pointer(unsafe.SliceData(x))), 2*len(x))
}

// words is the memory of x as pairs of bfloat16.
func words(x []float32) []uint32 {
	return unsafe.Slice((*uint32)(unsafe.Pointer(unsafe.SliceData(x))), len(x))
}

// pairsA copies rows [i, i+rows) and columns [k, k+depth) of A to scratch as pairs, row after row.
func (s *Set) pairsA(g *Gemm, batch, base, i, rows, k, depth int, scratch []float32) panelA {
	a := &g.A
	steps := ceilDiv(depth, 2)
	line := scratch[rows*steps:][:depth]
	for r := range rows {
		out := halves(scratch[r*steps : (r+1)*steps])
		src := line
		from := base + (i+r)*a.RowStride + k*a.ColStride
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
		s.toBF16(out[:depth], src)
		clear(out[depth:])
	}
	return panelA{at(scratch, 0), steps, 1}
}

// packPairs is packB for pairs: dst[p/2*tileCols + c] holds rows p and p+1 of column c.
func (s *Set) packPairs(b *Matrix, from, depth, cols int, dst []float32) {
	width, pairs := s.tileCols, depth/2
	start := 0
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
