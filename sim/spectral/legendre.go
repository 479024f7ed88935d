package spectral

import (
	"slices"

	"gonum.org/v1/gonum/integrate/quad"
)

// polynomials is a basis of polynomials between two walls: short combinations of Legendre polynomials that meet a
// boundary condition, after Shen (1994). The coordinate is physical: derivatives and integrals are taken in y.
type polynomials struct {
	n  int
	at [3]table // value, first and second derivative at the points
	// gram[d] holds the integrals of the products of the d-th derivatives, as far as they lie within the bandwidth: all
	// that do not vanish, but for the derivatives of the plain basis.
	gram [3]band
	top  [3][]float64 // value and derivatives of the polynomials at the upper wall, by derivative and j
	base [3][]float64 // at the lower wall
}

// table holds the polynomials of a basis, or a derivative of them, at points that lie symmetrically about the middle: row
// q, column j. Polynomial j is even or odd with j, and a derivative turns that round, so that a point and its mirror image
// share their work.
type table struct {
	n      int     // polynomials
	flip   float64 // what polynomial 0 is multiplied by at the mirror image: 1, or -1 for a first derivative
	values []float64
}

func (t table) row(q int) []float64 { return t.values[q*t.n : (q+1)*t.n] }

// combination gives the factors of L_j, L_(j+2) and L_(j+4) in basis polynomial j.
type combination func(j int) [3]float64

// plain polynomials meet no condition.
func plain(int) [3]float64 { return [3]float64{1, 0, 0} }

// zeroAtWalls vanishes at both walls.
func zeroAtWalls(int) [3]float64 { return [3]float64{1, -1, 0} }

// clampedAtWalls vanishes at both walls together with its derivative: a stream function with no slip.
func clampedAtWalls(j int) [3]float64 {
	a, b, c := float64(2*j+3), float64(2*j+5), float64(2*j+7)
	return [3]float64{1, -2 * b / c, a / c}
}

// gaussLegendre gives the points, in ascending order, and weights of n-point quadrature on [-1, 1].
func gaussLegendre(n int) (points, weights []float64) {
	points, weights = make([]float64, n), make([]float64, n)
	quad.Legendre{}.FixedLocations(points, weights, -1, 1)
	slices.Sort(points) // gonum lists them from the right; the weights are symmetric
	for i := range n / 2 {
		points[n-1-i] = -points[i]
	}
	return points, weights
}

// legendreTable holds L_j and its first two derivatives at the points: entry [d][q*n+j].
func legendreTable(points []float64, n int) [3][]float64 {
	var table [3][]float64
	for d := range table {
		table[d] = make([]float64, len(points)*n)
	}
	for q, x := range points {
		row := func(d int) []float64 { return table[d][q*n : (q+1)*n] }
		row(0)[0] = 1
		if n > 1 {
			row(0)[1], row(1)[1] = x, 1
		}
		for j := 2; j < n; j++ {
			m := float64(j)
			row(0)[j] = ((2*m-1)*x*row(0)[j-1] - (m-1)*row(0)[j-2]) / m
			for d := 1; d < 3; d++ {
				row(d)[j] = row(d)[j-2] + (2*m-1)*row(d - 1)[j-1]
			}
		}
	}
	return table
}

// evaluate gives the basis's n polynomials and derivatives at points of [-1, 1] that stand for an interval of the given
// half width.
func (c combination) evaluate(points []float64, n int, half float64) [3]table {
	legendre := legendreTable(points, n+4)
	var at [3]table
	scale, flip := 1.0, 1.0
	for d := range at {
		at[d] = table{n: n, flip: flip, values: make([]float64, len(points)*n)}
		for q := range points {
			for j := range n {
				for i, f := range c(j) {
					at[d].values[q*n+j] += scale * f * legendre[d][q*(n+4)+j+2*i]
				}
			}
		}
		scale, flip = scale/half, -flip
	}
	return at
}

// newPolynomials prepares n polynomials of a basis on the quadrature points of an interval of the given half width.
func newPolynomials(c combination, n int, points, weights []float64, half float64) *polynomials {
	p := &polynomials{n: n, at: c.evaluate(points, n, half)}
	top, base := c.evaluate([]float64{1}, n, half), c.evaluate([]float64{-1}, n, half)
	for d := range p.gram {
		p.top[d], p.base[d] = top[d].values, base[d].values
		p.gram[d] = make(band, n)
		for i := range n {
			for k := range min(i, bandwidth) + 1 {
				for q, w := range weights {
					p.gram[d][i][k] += half * w * p.at[d].row(q)[i] * p.at[d].row(q)[i-k]
				}
			}
		}
	}
	return p
}
