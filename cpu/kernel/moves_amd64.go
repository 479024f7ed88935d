package kernel

//go:generate go run ./internal/asm/move -out move_amd64.s -stubs move_amd64.go -pkg kernel

// movesWide fills in the rearrangements and conversions for AVX-512.
func movesWide(s *Set) {
	s.transpose = func(dst []float32, dstStride int, src []float32, srcStride, rows, cols int) {
		for r := 0; r < rows && cols > 0; r += 16 {
			transposeBandWide(&dst[r], dstStride, &src[r*srcStride], srcStride, min(16, rows-r), cols)
		}
	}
	s.packStrip = [2]packStrip{packStrip1Wide, packStrip2Wide}
	s.second = func(dst, src []float32) {
		n := len(dst) &^ 15
		if n > 0 {
			everySecondWide(&dst[0], &src[0], n)
		}
		everySecondPlain(dst[n:], src[min(2*n, len(src)):])
	}
	s.toSecond = func(dst, src []float32) {
		n := len(src) &^ 15
		if n > 0 {
			toEverySecondWide(&dst[0], &src[0], n)
		}
		toEverySecondPlain(dst[min(2*n, len(dst)):], src[n:])
	}
	s.fromBF16 = widening(16, widenBF16Wide)
	s.toBF16 = narrowing(16, narrowBF16Wide)
	s.pairRows = pairRowsVectors
}

// movesNarrow fills in the rearrangements and conversions for AVX2.
func movesNarrow(s *Set) {
	s.transpose = func(dst []float32, dstStride int, src []float32, srcStride, rows, cols int) {
		for r := 0; r < rows && cols > 0; r += 8 {
			transposeBandNarrow(&dst[r], dstStride, &src[r*srcStride], srcStride, min(8, rows-r), cols)
		}
	}
	s.packStrip = [2]packStrip{packStrip1Narrow, packStrip2Narrow}
	s.second = everySecondBut(8, everySecondNarrow)
	s.fromBF16 = widening(8, widenBF16Narrow)
	s.toBF16 = narrowing(16, narrowBF16Narrow)
	s.pairRows = pairRowsVectors
}

// pairRowsVectors is Set.pairRows with AVX2.
func pairRowsVectors(dst []uint32, low, high []float32) {
	n := len(dst) &^ 7
	if n > 0 {
		pairRowsNarrow(&dst[0], &low[0], &high[0], n)
	}
	pairRowsPlain(dst[n:], low[n:], high[n:])
}
