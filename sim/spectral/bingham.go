package spectral

import "math"

// binghamTable gives the fourth harmonic of a Bingham distribution of directions in the plane from its second: with
// density proportional to exp(a cos 2 theta), s = <cos 2 theta> = I1(a)/I0(a) and <cos 4 theta> = I2(a)/I0(a)
// = 1 - 2 s/a. The ratio <cos 4 theta> / s^2 is smooth in s, from 1/2 at the isotropic state to 1 at perfect order; it is
// tabulated at equal steps of s. (Chaubal and Leal 1998; Weady, Stein and Shelley 2022.)
type binghamTable []float64

const binghamSteps = 512

func newBinghamTable() binghamTable {
	table := make(binghamTable, binghamSteps+1)
	table[0], table[binghamSteps] = 0.5, 1
	for i := 1; i < binghamSteps; i++ {
		s := float64(i) / binghamSteps
		a := concentrationOf(s)
		table[i] = (1 - 2*s/a) / (s * s)
	}
	return table
}

// fourth is <cos 4 theta> for the order s; an order beyond 1 counts as 1.
func (t binghamTable) fourth(s float64) float64 {
	s = min(s, 1)
	x := s * binghamSteps
	i := min(int(x), binghamSteps-1)
	f := x - float64(i)
	return s * s * (t[i] + f*(t[i+1]-t[i]))
}

// concentrationOf solves I1(a)/I0(a) = s for a, with 0 < s < 1, by bisection: the ratio grows with a.
func concentrationOf(s float64) float64 {
	low, high := 0.0, 2/(1-s) // s > 1 - 1/a for large a
	for range 80 {
		middle := (low + high) / 2
		if besselRatio(middle) < s {
			low = middle
		} else {
			high = middle
		}
	}
	return (low + high) / 2
}

// besselRatio is I1(a)/I0(a), from the continued fraction 1/(2/a + 1/(4/a + 1/(6/a + ...))).
func besselRatio(a float64) float64 {
	if a == 0 {
		return 0
	}
	tail := 0.0
	for n := math.Ceil(40 + a); n >= 1; n-- {
		tail = 1 / (2*n/a + tail)
	}
	return tail
}
