package volume

import (
	"math"
	"testing"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/sim/scenario"
)

// plasmaRows are the state of a cube, (n, n, n, 7): density, momentum and magnetic field.
func plasmaRows(s *Solver) field.Array {
	p := s.Grid.Points
	out := field.NewArray(p[0], p[1], p[2], rowsMHD)
	for c, row := range s.State {
		for i, v := range row {
			out.Data[i*rowsMHD+c] = float32(v)
		}
	}
	return out
}

// current is the curl of the magnetic field by central differences, in units of cells, (n, n, n, 3).
func current(rows field.Array) field.Array {
	n := rows.Shape[0]
	out := field.NewArray(n, n, n, 3)
	at := func(index [3]int, axis, by, component int) float32 {
		index[axis] = (index[axis] + by + n) % n
		return rows.Data[((index[0]*n+index[1])*n+index[2])*rowsMHD+rowMagnetic+component]
	}
	for i := range n * n * n {
		index := [3]int{i / n / n, i / n % n, i % n}
		for k := range 3 {
			a, b := (k+1)%3, (k+2)%3
			out.Data[3*i+k] = (at(index, a, 1, b) - at(index, a, -1, b) - at(index, b, 1, a) + at(index, b, -1, a)) / 2
		}
	}
	return out
}

// farthest is the largest difference of two arrays, and the largest value.
func farthest(a, b field.Array) (difference, largest float64) {
	for i, v := range a.Data {
		difference, largest = max(difference, math.Abs(float64(v-b.Data[i]))), max(largest, math.Abs(float64(v)))
	}
	return difference, largest
}

// A mirror image of a turbulent plasma develops as the mirror image of the plasma, with the magnetic field a pseudo-vector. The
// equations would allow a vector too (they do not change under B to -B); the current, its curl, tells the two apart: it is a vector,
// as the motion of charges is.
func TestAPlasmasMirrorImageDevelopsAsItsMirrorImage(t *testing.T) {
	const n, end = 8, 0.03
	sides := []field.Sides{field.Both(field.Periodic), field.Both(field.Periodic), field.Both(field.Periodic)}
	grid, err := NewGrid([]int{n, n, n}, []float64{0, 0, 0}, []float64{1, 1, 1})
	if err != nil {
		t.Fatal(err)
	}
	c := scenario.Case{Grid: []int{n, n, n}, Parameters: map[string]float64{"Ms": 1.5, "Ma": 0.7}, Seed: 4, Workers: 1}
	s := magneticSolver(c, grid, sides)
	initial := plasmaRows(s)
	advance(t, s, end)
	final := plasmaRows(s)
	laws := []field.Law{{Rank: field.Scalar}, {Rank: field.Vector}, {Rank: field.Vector, Pseudo: true}}
	plain := []field.Law{{Rank: field.Vector}}
	apply := func(r field.Rotation, a field.Array, laws []field.Law) field.Array {
		out, err := r.ApplyLaws(a, laws)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	for _, r := range []field.Rotation{
		{Axis: []int{0, 1, 2}, Flip: []bool{true, false, false}},
		{Axis: []int{0, 1, 2}, Flip: []bool{false, false, true}},
		{Axis: []int{0, 1, 2}, Flip: []bool{true, true, true}},
		{Axis: []int{0, 1, 2}, Flip: []bool{true, true, false}}, // half a turn
	} {
		m := magneticSolver(c, grid, sides)
		for i, v := range apply(r, initial, laws).Data {
			m.State[i%rowsMHD][i/rowsMHD] = float64(v)
		}
		advance(t, m, end)
		got := plasmaRows(m)
		if d, largest := farthest(got, apply(r, final, laws)); d > 1e-4*largest {
			t.Errorf("%v: the state differs by %.3g of %.3g", r, d, largest)
		}
		if d, largest := farthest(current(got), apply(r, current(final), plain)); d > 1e-4*largest {
			t.Errorf("%v: the current differs by %.3g of %.3g", r, d, largest)
		}
		// The other law for the flow is refuted by the simulation itself.
		wrong := []field.Law{{Rank: field.Scalar}, {Rank: field.Vector, Pseudo: true}, {Rank: field.Vector, Pseudo: true}}
		if d, largest := farthest(got, apply(r, final, wrong)); !r.Proper() && d < 0.1*largest {
			t.Errorf("%v: a momentum that is a pseudo-vector would differ by %.3g of %.3g only", r, d, largest)
		}
	}
	moved, largest := farthest(initial, final)
	if moved < 0.01*largest {
		t.Errorf("the plasma changed by %.3g of %.3g: too little to tell anything", moved, largest)
	}
}
