package volume

import (
	"math"
	"slices"
	"testing"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/sim/scenario"
)

// Between 10^5 and 4 10^7 K, Lambda ~ T^-0.65 and dT/dt = -C T^-0.65, so T^1.65 falls linearly in time.
func TestHotGasCoolsAsItsPowerLawSays(t *testing.T) {
	const n = 2.0 // atoms / cm^3
	r := radiation{gas: Euler{Dims: 3, Gamma: interstellarGamma}, metallicity: 1}
	constant := -r.rate(n*hydrogenDensity, 1e6) * math.Pow(1e6, 0.65)
	// The constant itself, from cgs: (gamma - 1) n Lambda / k_B, seconds to Myr.
	cgs := (interstellarGamma - 1) * n * 1.78e-18 / 1.380649e-16 * 3.15576e13
	if math.Abs(constant/cgs-1) > 1e-3 {
		t.Errorf("cooling constant %.6g, in cgs %.6g", constant, cgs)
	}
	end := 0.7 * math.Pow(1e6, 1.65) / (1.65 * constant) // most of the heat is gone
	got := r.relax(n*hydrogenDensity, 1e6, end)
	want := math.Pow(0.3, 1/1.65) * 1e6
	if math.Abs(got/want-1) > 0.005 {
		t.Errorf("10^6 K cools to %.5g K in %.3g Myr, exact %.5g K", got, end, want)
	}
}

func TestRadiationRestsWhereHeatingMeetsCooling(t *testing.T) {
	r := radiation{gas: Euler{Dims: 3, Gamma: interstellarGamma}, metallicity: 1, heating: heatingRate}
	for _, n := range []float64{44.5, 4.45} {
		want := math.Sqrt(heatingRate / (n * 2.2380e-32)) // n Lambda(T) = Gamma on the coldest piece
		for _, start := range []float64{want / 3, want * 4} {
			if got := r.relax(n*hydrogenDensity, start, 1e4); math.Abs(got/want-1) > 0.01 {
				t.Errorf("n = %g from %.4g K: rests at %.4g K, heating meets cooling at %.4g K", n, start, got, want)
			}
		}
	}
	if got := r.relax(1e6*hydrogenDensity, 500, 1e3); got < coldestGas {
		t.Errorf("dense gas cooled to %g K, below the coldest %g K", got, coldestGas)
	}
}

// A strong blast in a cold uniform gas reaches R = 1.152 (E t^2 / rho)^(1/5) (Sedov 1946; gamma = 5/3). One octant is
// simulated between reflecting walls.
func TestBlastWaveFollowsSedov(t *testing.T) {
	const n, density, energy = 24, 1.3, 2.0
	grid, err := NewGrid([]int{n, n, n}, []float64{0, 0, 0}, []float64{1, 1, 1})
	if err != nil {
		t.Fatal(err)
	}
	gas := Euler{Dims: 3, Gamma: 5.0 / 3}
	wall := field.Sides{Low: field.Wall, High: field.Open}
	s := &Solver{System: gas, Grid: grid, Boundaries: []field.Sides{wall, wall, wall}, State: NewState(5, grid.Cells()), Workers: 2}
	for i := range grid.Cells() {
		gas.Set(s.State, i, density, []float64{0, 0, 0}, 1e-5)
	}
	explode(s, gas, []float64{0, 0, 0}, 0.08, energy/8)
	// The shock is where the pressure falls through half its highest value, on the way out along the axis and the diagonals.
	radius := func() float64 {
		mean := 0.0
		for _, direction := range [][3]int{{1, 0, 0}, {1, 1, 0}, {1, 1, 1}} {
			pressure := make([]float64, n)
			for i := range pressure {
				pressure[i] = gas.Pressure(s.State, (i*direction[0]*n+i*direction[1])*n+i*direction[2])
			}
			half := slices.Max(pressure) / 2
			last := n - 2
			for last > 0 && pressure[last] < half {
				last--
			}
			place := float64(last) + 0.5 + (pressure[last]-half)/(pressure[last]-pressure[last+1])
			step := math.Sqrt(float64(direction[0] + direction[1] + direction[2]))
			mean += place * step * grid.Spacing[0] / 3
		}
		return mean
	}
	times := []float64{0.1, 0.35}
	var radii []float64
	for _, end := range times {
		advance(t, s, end)
		radii = append(radii, radius())
		want := 1.152 * math.Pow(energy*end*end/density, 0.2)
		if got := radii[len(radii)-1]; math.Abs(got/want-1) > 0.05 {
			t.Errorf("time %g: radius %.4f, Sedov %.4f", end, got, want)
		}
	}
	exponent := math.Log(radii[1]/radii[0]) / math.Log(times[1]/times[0])
	if math.Abs(exponent-0.4) > 0.025 {
		t.Errorf("radius grows as t^%.3f, Sedov t^0.4", exponent)
	}
	t.Logf("radii %.4f, exponent %.3f", radii, exponent)
}

// Inside a uniform ball the acceleration is -4 pi G rho r / 3, outside -G M / r^2.
func TestGravityOfAUniformBall(t *testing.T) {
	const n, half, radius, density = 32, 10.0, 6.0, 2.0
	grid, err := NewGrid([]int{n, n, n}, []float64{-half, -half, -half}, []float64{half, half, half})
	if err != nil {
		t.Fatal(err)
	}
	w := newGravity(grid, 2)
	rho := make([]float64, grid.Cells())
	mass := 0.0
	grid.Each(func(cell int, at []float64) {
		// The edge is smoothed over a cell, so that the ball's mass is right.
		rho[cell] = density * min(1, max(0, 0.5+(radius-math.Hypot(math.Hypot(at[0], at[1]), at[2]))/grid.Spacing[0]))
		mass += rho[cell] * grid.Volume()
	})
	w.solve(rho)
	worst := 0.0
	grid.Each(func(cell int, at []float64) {
		r := math.Hypot(math.Hypot(at[0], at[1]), at[2])
		if r < 2 || math.Abs(r-radius) < 1.5 || max(math.Abs(at[0]), math.Abs(at[1]), math.Abs(at[2])) > half-grid.Spacing[0] {
			return // the middle, the edge, and the one-sided differences
		}
		want := gravitationalConstant * mass / (r * r)
		if r < radius {
			want = gravitationalConstant * density * 4 * math.Pi / 3 * r
		}
		for axis, x := range at {
			worst = max(worst, math.Abs(w.Field[axis][cell]+want*x/r)/want)
		}
	})
	if worst > 0.02 {
		t.Errorf("acceleration off by %.3f of its value", worst)
	}
	t.Logf("acceleration off by at most %.4f of its value", worst)
}

func TestTurbulentFlowHasRmsOneAndNoDivergence(t *testing.T) {
	grid, err := NewGrid([]int{24, 24, 24}, []float64{0, 0, 0}, []float64{2, 2, 2})
	if err != nil {
		t.Fatal(err)
	}
	flow := randomFlow(random(scenario.Case{Seed: 3}, 1), grid, 2, 3, 2)
	sum := 0.0
	for _, component := range flow {
		for _, v := range component {
			sum += v * v
		}
	}
	if got := math.Sqrt(sum / float64(grid.Cells())); math.Abs(got-1) > 1e-12 {
		t.Errorf("rms speed %.15g", got)
	}
	before := [3][]float64{}
	tr := newTransform(grid.Points, 2)
	var scratch [3][]complex128
	for k := range flow {
		before[k] = append([]float64(nil), flow[k]...)
		scratch[k] = make([]complex128, grid.Cells())
	}
	project(tr, grid.Spacing, flow, scratch) // removes what has a divergence by central differences: a small part
	change := 0.0
	for k := range flow {
		for i, v := range flow[k] {
			change += (v - before[k][i]) * (v - before[k][i])
		}
	}
	if relative := math.Sqrt(change / sum); relative > 0.05 {
		t.Errorf("%.3f of the flow has a divergence", relative)
	}
}

// A cold uniform ball at rest falls together as R = R0 cos^2 b with b + sin(2b)/2 = k t, k^2 = 8 pi G rho / 3, and stays
// uniform (Binney and Tremaine, "Galactic Dynamics", section 4.10.3).
func TestColdBallFallsFreely(t *testing.T) {
	const n, half, radius, density = 20, 10.0, 8.0, 50.0
	grid, err := NewGrid([]int{n, n, n}, []float64{-half, -half, -half}, []float64{half, half, half})
	if err != nil {
		t.Fatal(err)
	}
	gas := Euler{Dims: 3, Gamma: interstellarGamma}
	s := &Solver{System: gas, Grid: grid, Boundaries: openCube, State: NewState(5, grid.Cells()), Workers: 2}
	w := newGravity(grid, 2)
	s.Source, s.Limit = w.source(s), w.limit
	k := math.Sqrt(8 * math.Pi / 3 * gravitationalConstant * density)
	grid.Each(func(cell int, at []float64) {
		share := min(1, max(1e-2, 0.5+(radius-math.Hypot(math.Hypot(at[0], at[1]), at[2]))/grid.Spacing[0]))
		gas.Set(s.State, cell, share*density, []float64{0, 0, 0}, 1e-3*density*k*k*radius*radius)
	})
	const b = 0.5 // R = 0.77 R0
	advance(t, s, (b+math.Sin(2*b)/2)/k)
	cos := math.Cos(b)
	wantDensity, wantRate := density/math.Pow(cos, 6), -k*math.Tan(b)/(cos*cos)
	grid.Each(func(cell int, at []float64) {
		if math.Hypot(math.Hypot(at[0], at[1]), at[2]) > 3 {
			return
		}
		if got := s.State[0][cell]; math.Abs(got/wantDensity-1) > 0.03 {
			t.Errorf("at %v: density %.4f, free fall %.4f", at, got, wantDensity)
		}
		for axis, x := range at {
			if got := s.State[1+axis][cell] / s.State[0][cell]; math.Abs(got-wantRate*x) > 0.03*math.Abs(wantRate)*radius*cos*cos {
				t.Errorf("at %v: velocity %.4f along axis %d, free fall %.4f", at, got, axis, wantRate*x)
			}
		}
	})
}
