package volume

import (
	"fmt"

	"github.com/gowalrus/walrus/field"
)

// Grid is a uniform Cartesian grid of cells.
type Grid struct {
	Points  []int     // cells along each axis, one to three axes; the last axis varies fastest
	Low     []float64 // position of the low side of each axis
	Spacing []float64 // size of a cell along each axis
}

// NewGrid divides the box from low to high into cells.
func NewGrid(points []int, low, high []float64) (Grid, error) {
	if len(points) < 1 || len(points) > 3 || len(low) != len(points) || len(high) != len(points) {
		return Grid{}, fmt.Errorf("volume: a grid of %d axes between corners of %d and %d; expected the same 1 to 3", len(points), len(low), len(high))
	}
	g := Grid{Points: append([]int(nil), points...), Low: append([]float64(nil), low...), Spacing: make([]float64, len(points))}
	for axis, n := range points {
		if n < 1 || !(high[axis] > low[axis]) {
			return Grid{}, fmt.Errorf("volume: axis %d: %d cells from %g to %g; expected at least one cell of positive size", axis, n, low[axis], high[axis])
		}
		g.Spacing[axis] = (high[axis] - low[axis]) / float64(n)
	}
	return g, nil
}

// Cells is the number of cells.
func (g Grid) Cells() int { return field.Volume(g.Points) }

// Volume is the volume of one cell.
func (g Grid) Volume() float64 {
	v := 1.0
	for _, d := range g.Spacing {
		v *= d
	}
	return v
}

// Center is the position of the middle of cell i along an axis.
func (g Grid) Center(axis, i int) float64 {
	return g.Low[axis] + (float64(i)+0.5)*g.Spacing[axis]
}

// Centers lists the positions of the cells' middles along an axis, as Well files store them.
func (g Grid) Centers(axis int) []float32 {
	x := make([]float32, g.Points[axis])
	for i := range x {
		x[i] = float32(g.Center(axis, i))
	}
	return x
}

// stride is the distance in memory between neighbours along an axis.
func (g Grid) stride(axis int) int { return field.Volume(g.Points[axis+1:]) }

// Each calls visit for every cell in memory order with its position; at is reused between calls.
func (g Grid) Each(visit func(cell int, at []float64)) {
	index := make([]int, len(g.Points))
	at := make([]float64, len(g.Points))
	for axis := range at {
		at[axis] = g.Center(axis, 0)
	}
	for cell := range g.Cells() {
		visit(cell, at)
		for axis := len(index) - 1; axis >= 0; axis-- {
			index[axis]++
			if index[axis] < g.Points[axis] {
				at[axis] = g.Center(axis, index[axis])
				break
			}
			index[axis] = 0
			at[axis] = g.Center(axis, 0)
		}
	}
}

// State holds one slice of cell averages for each variable of a System, in row-major cell order.
type State [][]float64

// NewState returns zeros.
func NewState(variables, cells int) State {
	s := make(State, variables)
	for v := range s {
		s[v] = make([]float64, cells)
	}
	return s
}

// copyFrom copies the values of an equally shaped state.
func (s State) copyFrom(other State) {
	for v := range s {
		copy(s[v], other[v])
	}
}
