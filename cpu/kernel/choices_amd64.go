package kernel

// choicesWide fills in comparisons and choices for AVX-512: whole vectors in assembly, the rest plainly.
func choicesWide(s *Set) {
	kernels := [...]func(dst *bool, a, b *float32, n int){Equal: equalWide, NotEqual: notEqualWide, Less: lessWide, LessEqual: lessEqualWide}
	s.compare = func(op Comparison, dst []bool, a, b []float32) {
		n := len(dst) &^ 15
		if n > 0 {
			kernels[op](&dst[0], &a[0], &b[0], n)
		}
		comparePlain(op, dst[n:], a[n:], b[n:])
	}
	s.choose = func(dst []float32, cond []bool, a, b []float32) {
		n := len(dst) &^ 15
		if n > 0 {
			chooseWide(&dst[0], &cond[0], &a[0], &b[0], n)
		}
		choosePlain(dst[n:], cond[n:], a[n:], b[n:])
	}
}
