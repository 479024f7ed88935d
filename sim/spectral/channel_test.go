package spectral

import (
	"context"
	"math"
	"slices"
	"testing"
)

// growth is the exponential rate of the largest coefficient of field 0 between two times.
func growth(t *testing.T, s System, state []complex128, length int, settle, time float64) float64 {
	t.Helper()
	stepper := NewStepper(s, len(state), 1)
	largest := func() float64 {
		m := 0.0
		for _, v := range state[:length] {
			m = max(m, math.Hypot(real(v), imag(v)))
		}
		return m
	}
	if err := stepper.Advance(context.Background(), state, settle); err != nil {
		t.Fatal(err)
	}
	before := largest()
	if err := stepper.Advance(context.Background(), state, time); err != nil {
		t.Fatal(err)
	}
	return math.Log(largest()/before) / time
}

// Rigid walls: convection starts at Ra = 1707.762 with wavenumber 3.117 (Chandrasekhar 1961, table III).
func TestConvectionStartsAtTheCriticalRayleighNumber(t *testing.T) {
	for _, prandtl := range []float64{0.5, 5} {
		rate := func(rayleigh float64) float64 {
			s := newConvection([]int{6, 16}, 2*math.Pi/3.117, rayleigh, prandtl, 1)
			state := make([]complex128, 2*s.size())
			s.wave(s.part(state, 1), 1)[0] = 1e-6
			return growth(t, s, state, s.size(), 40, 40)
		}
		const low, high = 1690.0, 1726.0
		below, above := rate(low), rate(high)
		critical := low + (high-low)*below/(below-above)
		if below >= 0 || above <= 0 || math.Abs(critical-1707.762) > 0.5 {
			t.Errorf("Pr = %v: growth rates %.3g at %v and %.3g at %v, zero at %.3f, want 1707.762", prandtl, below, low, above, high, critical)
		}
	}
}

// A Stokes mode of a channel decays at nu (k^2 + mu^2); for k = 0 with no net flow its profile is cos(mu y) - cos(mu) with
// tan(mu) = mu on [-1, 1], or sin(pi y), of which the latter decays slowest.
func TestViscousFlowBetweenWallsDecaysAtTheStokesRate(t *testing.T) {
	s := newConvection([]int{8, 24}, 2*math.Pi, 1e4, 1, 1)
	state := make([]complex128, 2*s.size())
	s.wave(s.part(state, 0), 0)[0] = 1e-3 // even in y: the velocity is odd
	want := -0.01 * 4 * math.Pi * math.Pi // nu = 0.01, sin(2 pi (y - 1/2)) on [0, 1]
	if got := growth(t, s, state, s.size(), 12, 1); math.Abs(got-want) > 1e-4*math.Abs(want) {
		t.Errorf("decay rate %v, want %v", got, want)
	}
}

// The Galerkin form conserves the energy of an inviscid flow, whatever the walls: the quadrature of the products is exact.
func TestStressDoesNoWorkOnTheFlow(t *testing.T) {
	s := newConvection([]int{24, 20}, 3, 1e6, 1, 2)
	state, dst := make([]complex128, 2*s.size()), make([]complex128, 2*s.size())
	random := newRandom(1)
	for m := range s.waves {
		for j := range s.clamped.n {
			v := complex(random.NormFloat64(), random.NormFloat64())
			if m == 0 {
				v = complex(real(v), 0)
			}
			s.wave(s.part(state, 0), m)[j] = v
		}
	}
	s.evaluate(state)
	difference, shear := make([]float64, s.volume()), make([]float64, s.volume())
	reynoldsStress(difference, shear, s.u, s.v)
	s.addStress(s.part(dst, 0), difference, shear)
	power, size := 0.0, 0.0
	for i := range s.size() {
		weight := 2.0
		if i < s.degrees {
			weight = 1
		}
		a, b := state[i], dst[i]
		work := weight * (real(a)*real(b) + imag(a)*imag(b))
		power += work
		size += math.Abs(work)
	}
	if math.Abs(power) > 1e-12*size {
		t.Errorf("power %.3g of terms that sum to %.3g in magnitude", power, size)
	}
}

// A buoyancy that depends on y only is balanced by the pressure alone: p = y - y^2/2 - 1/3 for the conduction profile.
func TestPressureBalancesTheConductionProfile(t *testing.T) {
	s := newConvection([]int{16, 24}, 4, 1e5, 1, 1)
	state := make([]complex128, 2*s.size())
	out := s.newSampler(evenNodes(24), 16)
	p := out.sample(s.flowPressure(state), out.legendre[0], one, nil)
	for i, got := range p {
		y := (1 + out.y[i%24]) / 2
		if want := y - y*y/2 - 1./3; math.Abs(got-want) > 1e-10 {
			t.Fatalf("pressure %v at y = %v, want %v", got, y, want)
		}
	}
}

func TestBandSolveInvertsMultiply(t *testing.T) {
	random := newRandom(2)
	for _, n := range []int{1, 3, 5, 20} {
		b := make(band, n)
		for i := range b {
			for d := range min(i, bandwidth) + 1 {
				b[i][d] = random.NormFloat64()
			}
			b[i][0] = 20
		}
		want, u := make([]complex128, n), make([]complex128, n)
		for i := range want {
			want[i] = complex(random.NormFloat64(), random.NormFloat64())
		}
		b.multiply(u, want)
		b.factor()
		b.solve(u)
		for i := range u {
			if d := u[i] - want[i]; math.Hypot(real(d), imag(d)) > 1e-13 {
				t.Fatalf("n = %d: solution %v at %d, want %v", n, u[i], i, want[i])
			}
		}
	}
}

func TestQuadratureAscendsAndIntegratesPolynomials(t *testing.T) {
	points, weights := gaussLegendre(7)
	if !slices.IsSorted(points) {
		t.Errorf("points %v do not ascend", points)
	}
	for degree := range 14 {
		got, want := 0.0, (1+math.Pow(-1, float64(degree)))/float64(degree+1)
		for i, x := range points {
			got += weights[i] * math.Pow(x, float64(degree))
		}
		if math.Abs(got-want) > 1e-14 {
			t.Errorf("the integral of x^%d is %v, want %v", degree, got, want)
		}
	}
}

// toPoints and addIntegrals share the work of mirrored points; they must agree with the plain sums, for both parities and
// an odd number of points.
func TestMirroredPointsGiveThePlainSums(t *testing.T) {
	for _, ny := range []int{16, 17} {
		c := newChannel(8, ny, 1, 2, 1)
		random := newRandom(4)
		for d, table := range c.clamped.at {
			u := make([]complex128, c.size())
			for j := range table.n {
				u[j] = complex(random.NormFloat64(), 0)
			}
			x, integrals := make([]float64, c.volume()), make([]complex128, c.size())
			c.toPoints(x, u, table, one)
			c.transform(x)
			c.addIntegrals(integrals, table, one)
			want := make([]float64, table.n)
			for q := range ny {
				value := 0.0
				for j, v := range table.row(q) {
					value += v * real(u[j])
				}
				if math.Abs(x[q*c.nx]-value) > 1e-9*(1+math.Abs(value)) {
					t.Fatalf("%d points, derivative %d: value %v at point %d, want %v", ny, d, x[q*c.nx], q, value)
				}
				for j, v := range table.row(q) {
					want[j] += c.weights[q] * value * v
				}
			}
			for j, v := range want {
				if math.Abs(real(integrals[j])-v) > 1e-9*(1+math.Abs(v)) {
					t.Fatalf("%d points, derivative %d: integral %v against polynomial %d, want %v", ny, d, integrals[j], j, v)
				}
			}
		}
	}
}
