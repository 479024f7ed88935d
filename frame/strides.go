package frame

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gowalrus/walrus/field"
)

// Kernel extents of the two convolutions of encoder and decoder, the same at every stride ("stride modulation").
const (
	Kernel1 = 8
	Kernel2 = 4
)

// Largest strides of the two convolutions: a stride above the kernel would skip points.
const (
	maxStride1 = Kernel1
	maxStride2 = Kernel2
)

// releasedStrides are the pairs that the released weights were trained with, by quotient (points a token).
var releasedStrides = map[int][2]int{
	1: {1, 1}, 2: {2, 1}, 3: {3, 1}, 4: {2, 2}, 8: {4, 2}, 12: {6, 2}, 16: {4, 4}, 24: {6, 4}, 32: {8, 4},
}

// strides returns the strides of the two convolutions for a quotient of points a token. released tells whether the
// released weights have seen the pair; other quotients use the smallest second stride that keeps the first at most 8.
func strides(quotient int) (pair [2]int, released, ok bool) {
	if pair, ok = releasedStrides[quotient]; ok {
		return pair, true, true
	}
	for second := 1; second <= maxStride2; second++ {
		if first := quotient / second; first*second == quotient && first >= 1 && first <= maxStride1 {
			return [2]int{first, second}, false, true
		}
	}
	return pair, false, false
}

// supported reports whether an axis of the given size can be cut into tokens tokens.
func supported(size, tokens int) bool {
	if tokens < 1 || size < tokens || size%tokens != 0 {
		return false
	}
	_, _, ok := strides(size / tokens)
	return ok
}

// releasedSize reports whether an axis of the given size is cut into tokens tokens by strides that the released weights know.
func releasedSize(size, tokens int) bool {
	if tokens < 1 || size%tokens != 0 {
		return false
	}
	_, released := releasedStrides[size/tokens]
	return released
}

// fewest and most tokens along an axis that are suggested.
const fewestTokens, mostTokens = 8, 64

// nearestTokens is the token count nearest to the wanted one that every axis of a grid can be cut into; 0 if there is none.
func nearestTokens(grid []int, wanted int) int {
	best := 0
	for t := fewestTokens; t <= mostTokens; t++ {
		fits := !slices.ContainsFunc(grid, func(n int) bool { return n > 1 && !supported(n, t) })
		if fits && (best == 0 || abs(t-wanted) < abs(best-wanted)) {
			best = t
		}
	}
	return best
}

func abs(n int) int { return max(n, -n) }

// nearestSizes are the nearest sizes below and above that can be cut into tokens tokens; 0 where there is none.
func nearestSizes(size, tokens int) (below, above int) {
	for n := size; n > 0 && below == 0; n-- {
		if supported(n, tokens) {
			below = n
		}
	}
	for n := size; n <= tokens*maxStride1*maxStride2 && above == 0; n++ {
		if supported(n, tokens) {
			above = n
		}
	}
	return below, above
}

// nearestGrid is the grid whose axes have the nearest sizes that can be cut into tokens tokens, as --resample takes it.
func nearestGrid(grid []int, tokens int) string {
	sizes := slices.Clone(grid)
	for i, n := range grid {
		if below, above := nearestSizes(n, tokens); n > 1 {
			if n-below < above-n && below > 0 || above == 0 {
				n = below
			} else {
				n = above
			}
		}
		sizes[i] = n
	}
	return field.GridText(sizes)
}

// unsupportedSize explains why an axis of a grid does not fit and names the ways out, for the whole grid.
func unsupportedSize(axis string, grid []int, size, tokens int) error {
	below, above := nearestSizes(size, tokens)
	message := fmt.Sprintf("frame: axis %s has %d points, which no stride cuts into %d tokens; ", axis, size, tokens)
	switch {
	case below > 0 && above > 0:
		message += fmt.Sprintf("nearest sizes %d and %d", below, above)
	case below > 0:
		message += fmt.Sprintf("nearest size %d", below)
	default:
		message += fmt.Sprintf("nearest size %d", above)
	}
	var ways, keys []string
	if n := continuedSize(size, tokens); n > 0 {
		ways, keys = append(ways, fmt.Sprintf("--pad %s (which continues the data to %d points)", PadAuto, n)), append(keys, "pad")
	}
	ways, keys = append(ways, "--resample "+nearestGrid(grid, tokens)), append(keys, "resample")
	if other := nearestTokens(grid, tokens); other > 0 {
		message += fmt.Sprintf(", or %d tokens with %d points each", other, size/other)
		ways, keys = append(ways, fmt.Sprintf("--tokens %d", other)), append(keys, "model.tokens")
	}
	return fmt.Errorf("%s; use %s (%s in the configuration of a training run)", message, strings.Join(ways, " or "), strings.Join(keys, ", "))
}
