package spectral

import (
	"context"
	"math"
	"testing"
)

func TestBinghamClosureMatchesQuadrature(t *testing.T) {
	table := newBinghamTable()
	for _, a := range []float64{0.01, 0.5, 2, 7, 40} {
		var norm, second, fourth float64
		const n = 4000
		for i := range n {
			angle := 2 * math.Pi * float64(i) / n
			w := math.Exp(a * (math.Cos(angle) - 1))
			norm += w
			second += w * math.Cos(angle)
			fourth += w * math.Cos(2*angle)
		}
		if got, want := table.fourth(second/norm), fourth/norm; math.Abs(got-want) > 2e-6 {
			t.Errorf("a = %v: fourth harmonic %v, quadrature %v", a, got, want)
		}
	}
}

// A small uniform nematic order relaxes by rotational diffusion and grows by alignment: at rate zeta - 4 dR.
func TestUniformNematicOrderRelaxesAtTheLinearRate(t *testing.T) {
	for _, zeta := range []float64{0, 0.1, 1} {
		s := newSuspension([]int{16, 16}, -1, 0.8, zeta, 1)
		m := s.fourier.Size()
		u := make([]complex128, 3*m)
		u[0], u[m], u[2*m] = 1, 1e-5, 2e-5
		const time = 2.0
		if err := NewStepper(s, len(u), 1).Advance(context.Background(), u, time); err != nil {
			t.Fatal(err)
		}
		want := zeta - 4*rotation
		for i, start := range []float64{1e-5, 2e-5} {
			if got := math.Log(real(u[(i+1)*m])/start) / time; math.Abs(got-want) > 1e-2*math.Abs(want) {
				t.Errorf("zeta = %v: component %d changes at rate %v, linear theory %v", zeta, i, got, want)
			}
		}
	}
}

// A wave of the shear component of D along x drives a Stokes flow with E = -(alpha - zeta beta/2) D / (2 + beta/4), which
// turns the rods at half its rate.
func TestActiveWaveGrowsAtTheLinearRate(t *testing.T) {
	const alpha, beta, zeta, wave, time = -5.0, 0.8, 0.5, 2, 1.0
	s := newSuspension([]int{24, 16}, alpha, beta, zeta, 2)
	m := s.fourier.Size()
	u := make([]complex128, 3*m)
	u[0] = 1
	plus, _ := s.fourier.index([]int{wave, 0})
	minus, _ := s.fourier.index([]int{-wave, 0})
	u[2*m+plus], u[2*m+minus] = 1e-6, 1e-6
	if err := NewStepper(s, len(u), 2).Advance(context.Background(), u, time); err != nil {
		t.Fatal(err)
	}
	k := 2 * math.Pi * wave / activeLength
	want := zeta - 4*rotation - translation*k*k - (alpha-zeta*beta/2)/(4+beta/2)
	if got := math.Log(real(u[2*m+plus])/1e-6) / time; math.Abs(got-want) > 5e-3*want {
		t.Errorf("growth rate %v, linear theory %v", got, want)
	}
}
