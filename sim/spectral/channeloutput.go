package spectral

import (
	"math"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/sim/scenario"
)

// sampler evaluates the fields of a channel at the points of the frames, as many as the quadrature has.
type sampler struct {
	*channel
	columns  int // points in x that are emitted, from the first
	y        []float64
	legendre [3]table
	zero     [3]table
	clamped  [3]table
	values   []float64 // by y, then x
	turned   []float64 // by x, then y
}

// newSampler prepares evaluation at the points y of [-1, 1], which are symmetric about 0.
func (c *channel) newSampler(y []float64, columns int) *sampler {
	return &sampler{
		channel: c, columns: columns, y: y,
		legendre: combination(plain).evaluate(y, c.legendre.n, c.half),
		zero:     combination(zeroAtWalls).evaluate(y, c.zero.n, c.half),
		clamped:  combination(clampedAtWalls).evaluate(y, c.clamped.n, c.half),
		values:   make([]float64, c.volume()),
		turned:   make([]float64, columns*c.ny),
	}
}

// sample returns the field with the given coefficients, plus base(x, y) (nil: nothing), in the order of a frame. The
// result is valid until the next call.
func (s *sampler) sample(u []complex128, t table, by symbol, base func(i int, y float64) float64) []float64 {
	s.toPoints(s.values, u, t, by)
	for i := range s.columns {
		for q, y := range s.y {
			v := s.values[q*s.nx+i]
			if base != nil {
				v += base(i, y)
			}
			s.turned[i*s.ny+q] = v
		}
	}
	return s.turned
}

// setVelocity stores the velocity of a stream function over a base flow along x.
func (s *sampler) setVelocity(r *recorder, stream []complex128, base func(i int, y float64) float64) {
	r.set("velocity", 0, 2, s.sample(stream, s.clamped[1], one, base))
	r.set("velocity", 1, 2, s.sample(stream, s.clamped[0], func(k float64) complex128 { return complex(0, -k) }, nil))
}

// chebyshevNodes gives the n Chebyshev-Gauss points of [-1, 1], in ascending order: the grid of a Dedalus Chebyshev basis.
func chebyshevNodes(n int) []float64 {
	y := make([]float64, n)
	for i := range y {
		y[i] = -math.Cos(math.Pi * (float64(i) + 0.5) / float64(n))
	}
	return y
}

// evenNodes gives the centres of n equal cells of [-1, 1].
func evenNodes(n int) []float64 {
	y := make([]float64, n)
	for i := range y {
		y[i] = -1 + (2*float64(i)+1)/float64(n)
	}
	return y
}

// strip is the domain of a channel: x in [0, length), y at the given points of [-1, 1] mapped to [low, high].
func strip(nx int, length float64, y []float64, low, high float64, sides field.Sides) scenario.Domain {
	across := make([]float32, len(y))
	for i, v := range y {
		across[i] = float32((low+high)/2 + (high-low)/2*v)
	}
	return scenario.Domain{
		Coordinates: [][]float32{cells(nx, 0, length, false), across},
		Boundaries:  []field.Sides{sides, field.Both(field.Wall)},
	}
}
