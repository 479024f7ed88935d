package volume

import (
	"math"
	"testing"

	"github.com/gowalrus/walrus/field"
)

// gasSolver sets up an Euler solver on the unit box from a function of position.
func gasSolver(t *testing.T, points []int, b field.Boundary, set func(at []float64) (float64, []float64, float64)) (*Solver, Euler) {
	t.Helper()
	low, high := make([]float64, len(points)), make([]float64, len(points))
	sides := make([]field.Sides, len(points))
	for axis := range points {
		high[axis] = 1
		sides[axis] = field.Both(b)
	}
	grid, err := NewGrid(points, low, high)
	if err != nil {
		t.Fatal(err)
	}
	gas := Euler{Dims: len(points), Gamma: 1.4}
	s := &Solver{System: gas, Grid: grid, Boundaries: sides, State: NewState(gas.Variables(), grid.Cells()), Workers: 2}
	grid.Each(func(cell int, at []float64) {
		density, velocity, pressure := set(at)
		gas.Set(s.State, cell, density, velocity, pressure)
	})
	return s, gas
}

func advance(t *testing.T, s *Solver, end float64) {
	t.Helper()
	if err := s.Advance(t.Context(), end); err != nil {
		t.Fatal(err)
	}
}

// alongAxis is a vector of three components with one that is not zero.
func alongAxis(axis int, v float64) []float64 {
	out := make([]float64, 3)
	out[axis] = v
	return out
}

func TestShockTubesMatchTheExactRiemannSolution(t *testing.T) {
	const n, gamma = 200, 1.4
	for _, c := range []struct {
		name    string
		l, r    gasState
		end     float64
		largest float64 // allowed mean absolute error of the density
	}{
		{"Sod", gasState{1, 0, 1}, gasState{0.125, 0, 0.1}, 0.2, 0.0035},
		{"Lax", gasState{0.445, 0.698, 3.528}, gasState{0.5, 0, 0.571}, 0.13, 0.012},
		{"near vacuum", gasState{1, -2, 0.4}, gasState{1, 2, 0.4}, 0.15, 0.012},
		{"strong shock", gasState{1, 0, 1000}, gasState{1, 0, 0.01}, 0.012, 0.12},
	} {
		for axis := range 3 {
			points := []int{1, 1, 1}
			points[axis] = n
			s, _ := gasSolver(t, points, field.Open, func(at []float64) (float64, []float64, float64) {
				q := c.l
				if at[axis] > 0.5 {
					q = c.r
				}
				return q.density, alongAxis(axis, q.velocity), q.pressure
			})
			advance(t, s, c.end)
			sum := 0.0
			for i := range n {
				sum += math.Abs(s.State[0][i] - exactRiemann(c.l, c.r, gamma, (s.Grid.Center(axis, i)-0.5)/c.end).density)
			}
			if sum /= n; sum > c.largest {
				t.Errorf("%s along axis %d: mean error of the density %.5f, allowed %.5f", c.name, axis, sum, c.largest)
			} else if axis == 0 {
				t.Logf("%s: mean error of the density %.5f", c.name, sum)
			}
		}
	}
}

func TestMassMomentumAndEnergyAreConservedOnPeriodicGrids(t *testing.T) {
	for _, points := range [][]int{{100}, {24, 20}, {10, 12, 8}} {
		s, _ := gasSolver(t, points, field.Periodic, func(at []float64) (float64, []float64, float64) {
			bump := 1.0
			for _, x := range at {
				bump *= 1 + 0.5*math.Sin(2*math.Pi*x)
			}
			return 0.2 + bump, []float64{0.5, -bump, 0.3}, 0.1 + bump*bump
		})
		before := make([]float64, len(s.State))
		for v := range before {
			before[v] = s.Total(v)
		}
		advance(t, s, 0.5)
		for v, want := range before {
			if got := s.Total(v); math.Abs(got-want) > 1e-13*(1+math.Abs(want)) {
				t.Errorf("grid %v: total of variable %d went from %.17g to %.17g", points, v, want, got)
			}
		}
	}
}

// An entropy wave in a uniform flow only moves, so after a quarter of its period the error is the scheme's.
func TestSmoothFlowConvergesAtSecondOrder(t *testing.T) {
	failure := func(n, dims int) float64 {
		quarter := 0.25 / float64(dims)
		points := []int{n, n, n}[:dims]
		wave := func(at []float64, phase float64) float64 {
			for _, x := range at {
				phase += x
			}
			return 1 + 0.2*math.Sin(2*math.Pi*phase)
		}
		s, _ := gasSolver(t, points, field.Periodic, func(at []float64) (float64, []float64, float64) {
			return wave(at, 0), []float64{1, 1, 1}, 1
		})
		advance(t, s, quarter)
		sum := 0.0
		s.Grid.Each(func(cell int, at []float64) { sum += math.Abs(s.State[0][cell] - wave(at, -0.25)) })
		return sum / float64(s.Grid.Cells())
	}
	for dims, n := range map[int]int{1: 128, 2: 64} {
		coarse, fine := failure(n, dims), failure(2*n, dims)
		order := math.Log2(coarse / fine)
		if order < 1.8 {
			t.Errorf("%d-D: errors %.3g on %d and %.3g on %d cells an axis: order %.2f, expected at least 1.8", dims, coarse, n, fine, 2*n, order)
		}
		t.Logf("%d-D: order %.2f (%.3g to %.3g)", dims, order, coarse, fine)
	}
}

// quarrel is an asymmetric two-dimensional problem with shocks, given in terms of x and y.
func quarrel(x, y float64) (density, u, v, pressure float64) {
	switch {
	case x < 0.3 && y < 0.6:
		return 1, 0.4, -0.3, 1.2
	case x < 0.3:
		return 0.4, -0.2, 0.5, 0.3
	case y < 0.4:
		return 1.5, 0.1, 0.6, 1.7
	}
	return 0.7, -0.5, -0.1, 0.8
}

func TestMirroringAndTransposingCommuteWithTheFlow(t *testing.T) {
	const n = 32
	for _, b := range []field.Boundary{field.Periodic, field.Open, field.Wall} {
		plain, _ := gasSolver(t, []int{n, n}, b, func(at []float64) (float64, []float64, float64) {
			d, u, v, p := quarrel(at[0], at[1])
			return d, []float64{u, v}, p
		})
		mirrored, _ := gasSolver(t, []int{n, n}, b, func(at []float64) (float64, []float64, float64) {
			d, u, v, p := quarrel(1-at[0], at[1])
			return d, []float64{-u, v}, p
		})
		transposed, _ := gasSolver(t, []int{n, n}, b, func(at []float64) (float64, []float64, float64) {
			d, u, v, p := quarrel(at[1], at[0])
			return d, []float64{v, u}, p
		})
		for _, s := range []*Solver{plain, mirrored, transposed} {
			advance(t, s, 0.3)
		}
		for i := range n {
			for j := range n {
				want := plain.State[0][i*n+j]
				if got := mirrored.State[0][(n-1-i)*n+j]; math.Abs(got-want) > 1e-11 {
					t.Fatalf("%v: cell (%d, %d): density %.15g, in the mirror %.15g", b, i, j, want, got)
				}
				if got := transposed.State[0][j*n+i]; math.Abs(got-want) > 1e-11 {
					t.Fatalf("%v: cell (%d, %d): density %.15g, transposed %.15g", b, i, j, want, got)
				}
			}
		}
	}
}

// A gas that runs into a wall is a gas that meets its mirror image: the exact Riemann problem with opposite velocities.
func TestShockReflectsFromAWallAsFromItsMirrorImage(t *testing.T) {
	const n, speed = 200, 0.8
	in := gasState{1, speed, 1}
	s, gas := gasSolver(t, []int{n}, field.Wall, func([]float64) (float64, []float64, float64) {
		return in.density, []float64{in.velocity}, in.pressure
	})
	advance(t, s, 0.2)
	want := exactRiemann(in, gasState{1, -speed, 1}, 1.4, 0)
	for i := n - 10; i < n-1; i++ {
		if got := gas.Pressure(s.State, i); math.Abs(got-want.pressure) > 0.01*want.pressure {
			t.Errorf("cell %d before the wall: pressure %.4f, exact %.4f", i, got, want.pressure)
		}
	}
	if mass := s.Total(0); math.Abs(mass-1) > 1e-13 {
		t.Errorf("mass between the walls went from 1 to %.16g", mass)
	}
}

func TestResultDoesNotDependOnWorkers(t *testing.T) {
	var reference State
	for _, workers := range []int{1, 2, 5} {
		s, _ := gasSolver(t, []int{40, 70}, field.Open, func(at []float64) (float64, []float64, float64) {
			d, u, v, p := quarrel(at[0], at[1])
			return d, []float64{u, v}, p
		})
		s.Workers = workers
		advance(t, s, 0.2)
		if reference == nil {
			reference = s.State
			continue
		}
		for v := range reference {
			for i, want := range reference[v] {
				if s.State[v][i] != want {
					t.Fatalf("%d workers: variable %d of cell %d is %v, with 1 worker %v", workers, v, i, s.State[v][i], want)
				}
			}
		}
	}
}

func TestImpossibleSetUpsAreRefused(t *testing.T) {
	s, _ := gasSolver(t, []int{8}, field.Periodic, func([]float64) (float64, []float64, float64) { return 1, []float64{0}, -1 })
	if err := s.Advance(t.Context(), 1); err == nil {
		t.Error("a negative pressure was accepted")
	}
	s, _ = gasSolver(t, []int{8}, field.Periodic, func([]float64) (float64, []float64, float64) { return 1, []float64{0}, 1 })
	s.Boundaries[0].High = field.Wall
	if err := s.Check(); err == nil {
		t.Error("an axis that is periodic on one side only was accepted")
	}
	if _, err := NewGrid([]int{4, 0}, []float64{0, 0}, []float64{1, 1}); err == nil {
		t.Error("an axis without cells was accepted")
	}
}

func BenchmarkEulerStep(b *testing.B) {
	grid, _ := NewGrid([]int{256, 256}, []float64{0, 0}, []float64{1, 1})
	gas := Euler{Dims: 2, Gamma: 1.4}
	s := &Solver{System: gas, Grid: grid, Boundaries: []field.Sides{field.Both(field.Periodic), field.Both(field.Periodic)},
		State: NewState(gas.Variables(), grid.Cells()), Workers: 1}
	grid.Each(func(cell int, at []float64) {
		d, u, v, p := quarrel(at[0], at[1])
		gas.Set(s.State, cell, d, []float64{u, v}, p)
	})
	if err := s.Check(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := s.step(1e9); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(grid.Cells()), "ns/cell-step")
}
