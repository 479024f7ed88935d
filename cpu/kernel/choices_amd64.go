package kernel

// choicesWide fills in comparisons and choices for AVX-512: whole vectors in assembly, the rest plainly.
func choicesWide(s *Set) {
	s.compare = comparing([...]func(dst *bool, a, b *float32, n int){Equal: equalWide, NotEqual: notEqualWide, Less: lessWide, LessEqual: lessEqualWide})
	s.choose = choosing(chooseWide)
}
