package kernel

import "unsafe"

// movesNeon fills in rearrangements, conversions, comparisons and choices: whole vectors in assembly, the rest plainly.
func movesNeon(s *Set) {
	s.transpose = transposeNeon
	s.packStrip = [2]packStrip{packStripNeon, packStripNeon}
	s.second = func(dst, src []float32) {
		n := (len(dst) - 1) &^ 3 // the last element of src has no neighbour
		if n > 0 {
			everySecondNeon(&dst[0], &src[0], n)
		}
		everySecondPlain(dst[n:], src[2*n:])
	}
	s.fromBF16 = func(dst []float32, src []BF16) {
		n := len(dst) &^ 7
		if n > 0 {
			widenBF16Neon(&dst[0], bits16(src), n)
		}
		fromBF16Plain(dst[n:], src[n:])
	}
	s.toBF16 = func(dst []BF16, src []float32) {
		n := len(dst) &^ 7
		if n > 0 {
			narrowBF16Neon(bits16(dst), &src[0], n)
		}
		toBF16Plain(dst[n:], src[n:])
	}
	relations := [...]func(dst *bool, a, b *float32, n int){Equal: equalNeon, NotEqual: notEqualNeon, Less: lessNeon, LessEqual: lessEqualNeon}
	s.compare = func(op Comparison, dst []bool, a, b []float32) {
		n := len(dst) &^ 15
		if n > 0 {
			relations[op](&dst[0], &a[0], &b[0], n)
		}
		comparePlain(op, dst[n:], a[n:], b[n:])
	}
	s.choose = func(dst []float32, cond []bool, a, b []float32) {
		n := len(dst) &^ 15
		if n > 0 {
			chooseNeon(&dst[0], &cond[0], &a[0], &b[0], n)
		}
		choosePlain(dst[n:], cond[n:], a[n:], b[n:])
	}
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

// bits16 is the address of the first value as the kernels take it.
func bits16(x []BF16) *uint16 { return (*uint16)(unsafe.SliceData(x)) }
