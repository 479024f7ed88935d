package kernel

import "unsafe"

// Kernels in assembly do whole vectors, at least one; what is left is done plainly.

// bits16 is the address of the first value as the kernels take it.
func bits16(x []BF16) *uint16 { return (*uint16)(unsafe.SliceData(x)) }

// widening is Set.fromBF16 by a kernel for a multiple of lanes, a power of 2.
func widening(lanes int, kernel func(dst *float32, src *uint16, n int)) func(dst []float32, src []BF16) {
	return func(dst []float32, src []BF16) {
		n := len(dst) &^ (lanes - 1)
		if n > 0 {
			kernel(&dst[0], bits16(src), n)
		}
		fromBF16Plain(dst[n:], src[n:])
	}
}

// narrowing is Set.toBF16 likewise.
func narrowing(lanes int, kernel func(dst *uint16, src *float32, n int)) func(dst []BF16, src []float32) {
	return func(dst []BF16, src []float32) {
		n := len(dst) &^ (lanes - 1)
		if n > 0 {
			kernel(bits16(dst), &src[0], n)
		}
		toBF16Plain(dst[n:], src[n:])
	}
}

// everySecondBut is Set.second by a kernel that reads the element after the last too, which the last of src does not have.
func everySecondBut(lanes int, kernel func(dst, src *float32, n int)) func(dst, src []float32) {
	return func(dst, src []float32) {
		n := (len(dst) - 1) &^ (lanes - 1)
		if n > 0 {
			kernel(&dst[0], &src[0], n)
		}
		everySecondPlain(dst[n:], src[2*n:])
	}
}

// comparing is Set.compare by kernels, by relation, for a multiple of 16.
func comparing(kernels [LessEqual + 1]func(dst *bool, a, b *float32, n int)) func(op Comparison, dst []bool, a, b []float32) {
	return func(op Comparison, dst []bool, a, b []float32) {
		n := len(dst) &^ 15
		if n > 0 {
			kernels[op](&dst[0], &a[0], &b[0], n)
		}
		comparePlain(op, dst[n:], a[n:], b[n:])
	}
}

// choosing is Set.choose likewise.
func choosing(kernel func(dst *float32, cond *bool, a, b *float32, n int)) func(dst []float32, cond []bool, a, b []float32) {
	return func(dst []float32, cond []bool, a, b []float32) {
		n := len(dst) &^ 15
		if n > 0 {
			kernel(&dst[0], &cond[0], &a[0], &b[0], n)
		}
		choosePlain(dst[n:], cond[n:], a[n:], b[n:])
	}
}
