package frame

import "slices"

// Fitting lists the numbers of tokens among o.Choices that a grid may be cut into, in their order. They are those whose
// strides the released patch modulator has on every axis (spec 2.1); where there is none, those of any strides, so that a
// network of our own is not left without. With o.Pad those that the grid is continued for are among them. In 3-D a number above the released 16 is left out where there are others: tokens
// grow with its cube. A single choice is not judged here: NewGeometry says what is wrong with it.
func (o Options) Fitting(size []int) []int {
	if len(o.Choices) < 2 {
		return o.Choices
	}
	real := slices.DeleteFunc(slices.Clone(size), func(n int) bool { return n == 1 })
	choices := o.Choices
	if len(real) == 3 {
		if few := keep(choices, func(t int) bool { return t <= DefaultTokens3D }); len(few) > 0 {
			choices = few
		}
	}
	fits := func(usable func(size, tokens int) bool) []int {
		return keep(choices, func(t int) bool {
			return !slices.ContainsFunc(real, func(n int) bool {
				if o.Pad && !supported(n, t) {
					n = continuedSize(n, t)
				}
				return !usable(n, t)
			})
		})
	}
	if released := fits(releasedSize); len(released) > 0 {
		return released
	}
	return fits(supported)
}

// keep lists the elements that a condition holds for.
func keep(list []int, holds func(int) bool) []int {
	var kept []int
	for _, n := range list {
		if holds(n) {
			kept = append(kept, n)
		}
	}
	return kept
}

// tokens is the number of tokens that a grid with so many real axes is cut into: o.Tokens if it is among those that fit, or
// else the largest of them.
func (o Options) tokens(size []int, realAxes int) int {
	if fitting := o.Fitting(size); len(fitting) > 0 && !slices.Contains(fitting, o.Tokens) {
		return slices.Max(fitting)
	}
	switch {
	case o.Tokens > 0:
		return o.Tokens
	case len(o.Choices) > 0: // none fits: the error names one that was wanted
		return slices.Max(o.Choices)
	case realAxes == 3:
		return DefaultTokens3D
	}
	return DefaultTokens2D
}
