package spectral

import (
	"context"
	"math"
	"testing"
)

// start fills the velocity and scalars of a flow from functions of the position and returns the state.
func start(f *fluid, value func(x []float64) []float64) []complex128 {
	all := append(append([][]float64{}, f.velocity...), f.scalars...)
	position := make([]float64, len(f.lengths))
	for p := range f.product {
		inner := len(f.product)
		for a, n := range f.fourier.shape {
			inner /= n
			position[a] = f.lengths[a] * float64(p/inner%n) / float64(n)
		}
		for i, v := range value(position) {
			all[i][p] = v
		}
	}
	u := make([]complex128, len(all)*f.fourier.Size())
	for i, v := range all {
		f.fourier.Forward(f.component(u, i), v)
	}
	return u
}

// Taylor and Green (1937): u = cos x sin y, v = -sin x cos y decays as exp(-2 nu t), p = -(cos 2x + cos 2y) / 4 decays
// twice as fast; a scalar cos x cos y is constant along streamlines and decays by its own diffusion.
func TestTaylorGreenVortexDecaysExactly(t *testing.T) {
	const viscosity, diffusivity, time = 0.05, 0.02, 1.0
	f := newFluid([]int{20, 24}, []float64{2 * math.Pi, 2 * math.Pi}, viscosity, []float64{diffusivity}, 0, 2)
	flow := func(x []float64) []float64 {
		return []float64{math.Cos(x[0]) * math.Sin(x[1]), -math.Sin(x[0]) * math.Cos(x[1]), math.Cos(x[0]) * math.Cos(x[1])}
	}
	u := start(f, flow)
	if err := NewStepper(f, len(u), 2).Advance(context.Background(), u, time); err != nil {
		t.Fatal(err)
	}
	f.toPoints(u)
	pressure := make([]float64, len(f.product))
	f.pressure(pressure)
	worst := 0.0
	for p, v := range pressure {
		x := []float64{2 * math.Pi * float64(p/24) / 20, 2 * math.Pi * float64(p%24) / 24}
		want := flow(x)
		decay := math.Exp(-2 * viscosity * time)
		worst = max(worst, math.Abs(f.velocity[0][p]-decay*want[0]), math.Abs(f.velocity[1][p]-decay*want[1]),
			math.Abs(v+decay*decay*(math.Cos(2*x[0])+math.Cos(2*x[1]))/4),
			math.Abs(f.scalars[0][p]-math.Exp(-2*diffusivity*time)*want[2]))
	}
	if worst > 2e-6 {
		t.Errorf("largest error %.3g after t = %v, allowed 2e-6", worst, time)
	}
}

// An Arnold-Beltrami-Childress flow is parallel to its curl, so that it only decays, as exp(-nu t), in three dimensions.
func TestBeltramiFlowDecaysExactlyIn3D(t *testing.T) {
	const viscosity, time = 0.1, 0.5
	f := newFluid([]int{12, 14, 16}, []float64{2 * math.Pi, 2 * math.Pi, 2 * math.Pi}, viscosity, nil, 0, 2)
	u := start(f, func(x []float64) []float64 {
		return []float64{
			math.Sin(x[2]) + 0.5*math.Cos(x[1]),
			0.8*math.Sin(x[0]) + math.Cos(x[2]),
			0.5*math.Sin(x[1]) + 0.8*math.Cos(x[0]),
		}
	})
	f.toPoints(u)
	initial := append([]float64(nil), f.velocity[1]...)
	if err := NewStepper(f, len(u), 2).Advance(context.Background(), u, time); err != nil {
		t.Fatal(err)
	}
	f.toPoints(u)
	for p, v := range f.velocity[1] {
		if want := initial[p] * math.Exp(-viscosity*time); math.Abs(v-want) > 1e-6 {
			t.Fatalf("v = %v at point %d, want %v", v, p, want)
		}
	}
}

func TestFlowStaysDivergenceFreeAndConservesMeans(t *testing.T) {
	for _, grid := range [][]int{{24, 32}, {12, 12, 12}} {
		lengths := lengthsOf(grid)
		f := newFluid(grid, lengths, 1e-4, []float64{1e-3}, 10, 2)
		u := make([]complex128, (len(grid)+1)*f.fourier.Size())
		random := newRandom(3)
		for i := range len(grid) + 1 {
			c := f.component(u, i)
			f.fourier.RandomField(c, random, 4, func([]int) float64 { return 1 })
			c[0] = complex(0.3+float64(i), 0)
		}
		f.project(u)
		if err := NewStepper(f, len(u), 2).Advance(context.Background(), u, 0.2); err != nil {
			t.Fatal(err)
		}
		divergence := 0.0
		for m := range f.k2 {
			var d complex128
			for axis := range grid {
				d += complex(f.k[axis][m], 0) * f.component(u, axis)[m]
			}
			divergence = max(divergence, math.Hypot(real(d), imag(d)))
		}
		if divergence > 1e-13 {
			t.Errorf("%v: a mode of the divergence is %.3g", grid, divergence)
		}
		for i := range len(grid) + 1 {
			if got, want := real(f.component(u, i)[0]), 0.3+float64(i); math.Abs(got-want) > 1e-13 {
				t.Errorf("%v: the mean of component %d drifted from %v to %v", grid, i, want, got)
			}
		}
	}
}

// Without viscosity the truncated equations conserve the energy; the stepper's third-order error is all that is left.
func TestInviscidFlowConservesEnergy(t *testing.T) {
	f := newFluid([]int{32, 32}, []float64{1, 1}, 0, nil, 0, 2)
	u := make([]complex128, 2*f.fourier.Size())
	random := newRandom(5)
	for i := range 2 {
		f.fourier.RandomField(f.component(u, i), random, 4, func([]int) float64 { return 1 })
	}
	f.project(u)
	energy := func() float64 {
		f.toPoints(u)
		e := 0.0
		for p := range f.product {
			e += f.velocity[0][p]*f.velocity[0][p] + f.velocity[1][p]*f.velocity[1][p]
		}
		return e
	}
	before := energy()
	s := NewStepper(f, len(u), 2)
	for range 50 {
		s.Step(u, 2e-4)
	}
	if change := energy()/before - 1; math.Abs(change) > 1e-6 {
		t.Errorf("the energy changed by a relative %.3g", change)
	}
}
