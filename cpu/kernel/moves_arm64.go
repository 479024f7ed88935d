package kernel

// movesNeon fills in rearrangements, conversions, comparisons and choices: whole vectors in assembly, the rest plainly.
func movesNeon(s *Set) {
	s.transpose = transposeNeon
	s.packStrip = [2]packStrip{packStripNeon, packStripNeon}
	s.second = everySecondBut(4, everySecondNeon)
	s.fromBF16 = widening(8, widenBF16Neon)
	s.toBF16 = narrowing(8, narrowBF16Neon)
	s.compare = comparing([...]func(dst *bool, a, b *float32, n int){Equal: equalNeon, NotEqual: notEqualNeon, Less: lessNeon, LessEqual: lessEqualNeon})
	s.choose = choosing(chooseNeon)
}

// transposeNeon transposes blocks of four by four in assembly, and what is left of rows and columns plainly.
func transposeNeon(dst []float32, dstStride int, src []float32, srcStride, rows, cols int) {
	wholeRows, wholeCols := rows&^3, cols&^3
	for r := 0; r < wholeRows && wholeCols > 0; r += 4 {
		transposeBandNeon(&dst[r], dstStride, &src[r*srcStride], srcStride, wholeCols)
	}
	if wholeCols < cols {
		transposePlain(dst[wholeCols*dstStride:], dstStride, src[wholeCols:], srcStride, wholeRows, cols-wholeCols)
	}
	if wholeRows < rows {
		transposePlain(dst[wholeRows:], dstStride, src[wholeRows*srcStride:], srcStride, rows-wholeRows, cols)
	}
}
