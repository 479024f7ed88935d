package volume

import (
	"math"
	"math/cmplx"
)

// gravity is the acceleration that a mass distribution in empty space exerts on itself: the potential is the convolution
// of the density with -G / r, done by Fourier transforms on a grid of twice the size, where the images of the periodic
// transform do not overlap (Hockney and Eastwood, "Computer Simulation Using Particles", section 6.5.4).
type gravity struct {
	grid      Grid
	doubled   *transform
	green     []complex128 // transform of -G cell volume / r
	values    []complex128
	potential []float64
	Field     [3][]float64 // acceleration along each axis, cell by cell
}

// cubeMeanInverse is the mean of 1/r over a unit cube around its middle.
const cubeMeanInverse = 2.380077

// newGravity prepares the convolution on a three-dimensional grid.
func newGravity(g Grid, workers int) *gravity {
	double := make([]int, len(g.Points))
	for axis, n := range g.Points {
		double[axis] = 2 * n
	}
	w := &gravity{grid: g, doubled: newTransform(double, workers), potential: make([]float64, g.Cells())}
	w.green = make([]complex128, w.doubled.cells)
	w.values = make([]complex128, w.doubled.cells)
	for axis := range w.Field {
		w.Field[axis] = make([]float64, g.Cells())
	}
	strength := -gravitationalConstant * g.Volume()
	w.doubled.eachMode(func(cell int, offset []int) {
		square := 0.0
		for axis, i := range offset {
			square += math.Pow(float64(i)*g.Spacing[axis], 2)
		}
		if square == 0 {
			w.green[cell] = complex(strength*cubeMeanInverse/math.Cbrt(g.Volume()), 0)
			return
		}
		w.green[cell] = complex(strength/math.Sqrt(square), 0)
	})
	w.doubled.forward(w.green)
	return w
}

// solve computes Field from the density: differences of the potential, central inside, one-sided at the sides.
func (w *gravity) solve(density []float64) {
	n := w.grid.Points
	clear(w.values)
	w.rows(func(small, large int) {
		for i, d := range density[small : small+n[2]] {
			w.values[large+i] = complex(d, 0)
		}
	})
	w.doubled.forward(w.values)
	for i, g := range w.green {
		w.values[i] *= g
	}
	w.doubled.inverse(w.values)
	w.rows(func(small, large int) {
		for i := range n[2] {
			w.potential[small+i] = real(w.values[large+i])
		}
	})
	for axis := range w.Field {
		w.differentiate(axis)
	}
}

// rows calls visit with the offsets of each row of the grid in its own memory and in the doubled grid's.
func (w *gravity) rows(visit func(small, large int)) {
	n := w.grid.Points
	for x := range n[0] {
		for y := range n[1] {
			visit((x*n[1]+y)*n[2], (x*2*n[1]+y)*2*n[2])
		}
	}
}

// differentiate sets Field[axis] = -d potential / d axis.
func (w *gravity) differentiate(axis int) {
	n, stride := w.grid.Points[axis], w.grid.stride(axis)
	for cell := range w.potential {
		i := cell / stride % n
		low, high := cell, cell
		if i > 0 {
			low -= stride
		}
		if i < n-1 {
			high += stride
		}
		distance := float64((high-low)/stride) * w.grid.Spacing[axis]
		if distance > 0 {
			w.Field[axis][cell] = -(w.potential[high] - w.potential[low]) / distance
		}
	}
}

// limit is the longest step for Field: gas at rest falls across half a cell in it. The signal speeds alone would let cold
// gas at rest fall across the whole box in one step.
func (w *gravity) limit(State) float64 {
	limit := math.Inf(1)
	for axis, field := range w.Field {
		strongest := 0.0
		for _, v := range field {
			strongest = max(strongest, math.Abs(v))
		}
		limit = min(limit, math.Sqrt(w.grid.Spacing[axis]/strongest))
	}
	return limit
}

// source returns the source term of self-gravity for an Euler solver in three dimensions. The potential is computed once
// a step, at its start.
func (w *gravity) source(s *Solver) func(float64, State, State) {
	at := math.NaN()
	return func(time float64, u, rate State) {
		if time == s.Time && time != at {
			w.solve(u[0])
			at = time
		}
		overBlocks(s.Workers, len(u[0]), func(from, to int) {
			for axis, field := range w.Field {
				for i := from; i < to; i++ {
					rate[1+axis][i] += u[0][i] * field[i]
					rate[4][i] += u[1+axis][i] * field[i]
				}
			}
		})
	}
}

// project removes the part of a periodic vector field that has a divergence in the sense of central differences, and
// keeps its mean (Brackbill and Barnes, J. Comput. Phys. 35 (1980) 426). Modes that central differences do not see are
// left alone. scratch holds three arrays of the transform's size.
func project(t *transform, spacing []float64, components [3][]float64, scratch [3][]complex128) {
	for k, values := range scratch {
		for i, v := range components[k] {
			values[i] = complex(v, 0)
		}
		t.forward(values)
	}
	t.eachMode(func(cell int, modes []int) {
		var k [3]float64
		square := 0.0
		for axis, m := range modes {
			if 2*m != t.points[axis] && t.points[axis] > 1 {
				k[axis] = math.Sin(2*math.Pi*float64(m)/float64(t.points[axis])) / spacing[axis]
			}
			square += k[axis] * k[axis]
		}
		if square*spacing[0]*spacing[0] < 1e-20 {
			return
		}
		var dot complex128
		for axis, values := range scratch {
			dot += complex(k[axis], 0) * values[cell]
		}
		if cmplx.Abs(dot) == 0 {
			return
		}
		for axis, values := range scratch {
			values[cell] -= dot * complex(k[axis]/square, 0)
		}
	})
	for k, values := range scratch {
		t.inverse(values)
		for i, v := range values {
			components[k][i] = real(v)
		}
	}
}
