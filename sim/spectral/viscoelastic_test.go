package spectral

import (
	"context"
	"math"
	"testing"
)

// Long polymers (Oldroyd-B): from C = I the conformation under Poiseuille flow reaches C_xy = Wi s, C_xx = 1 + 2 Wi^2 s^2
// with s the rate of shear, and since C_xy is then linear in s the parabolic profile stays. On the way, C_xy(t) =
// Wi s (1 - exp(-t/Wi)).
func TestPoiseuilleFlowWithPolymerStressIsExact(t *testing.T) {
	const weissenberg = 0.5
	s := newPolymerFlow([]int{8, 24}, polymer{reynolds: 1, weissenberg: weissenberg, solvent: 0.5, length: 1e7}, 1)
	state := make([]complex128, 5*s.size())
	stepper := NewStepper(s, len(state), 1)
	time := 0.0
	for _, until := range []float64{0.4, 10} {
		if err := stepper.Advance(context.Background(), state, until-time); err != nil {
			t.Fatal(err)
		}
		time = until
		s.evaluate(state)
		decay := math.Exp(-time / weissenberg)
		for i := range s.u {
			rate := s.shear[i/s.nx] * weissenberg
			wantXX := 1 + 2*rate*rate*(1-decay*(1+time/weissenberg))
			wantXY := rate * (1 - decay)
			if math.Abs(s.c[xx][i]-wantXX) > 2e-3 || math.Abs(s.c[xy][i]-wantXY) > 1e-3 || math.Abs(s.c[yy][i]-1) > 1e-3 {
				t.Fatalf("time %v, y = %.3f: C_xx %v, C_xy %v, C_yy %v; want %v, %v, 1", time, s.points[i/s.nx],
					s.c[xx][i], s.c[xy][i], s.c[yy][i], wantXX, wantXY)
			}
			if want := s.base[i/s.nx]; math.Abs(s.u[i]-want) > 1e-4 {
				t.Fatalf("time %v: velocity %v, want %v", time, s.u[i], want)
			}
		}
	}
}

// In steady shear stretching balances relaxation in each component.
func TestShearedPolymerIsInEquilibrium(t *testing.T) {
	p := polymer{weissenberg: 50, length: 70}
	for _, rate := range []float64{-3, -0.1, 0, 1, 3} {
		c := p.sheared(rate)
		f := p.spring(c[xx] + c[yy] + c[zz])
		for name, balance := range map[string]float64{
			"xx": 2*c[xy]*rate - (f*c[xx]-1)/p.weissenberg,
			"xy": c[yy]*rate - f*c[xy]/p.weissenberg,
			"yy": (f*c[yy] - 1) / p.weissenberg,
			"zz": (f*c[zz] - 1) / p.weissenberg,
		} {
			if math.Abs(balance) > 1e-10*(1+c[xx]) {
				t.Errorf("rate %v: component %s changes at rate %.3g", rate, name, balance)
			}
		}
	}
}

func TestLogarithmOfAConformationInverts(t *testing.T) {
	s := newPolymerFlow([]int{16, 24}, polymer{reynolds: 1, weissenberg: 50, solvent: 0.9, length: 70}, 1)
	for _, rate := range []float64{-3, 0, 0.5} {
		want := s.sheared(rate)
		for component, v := range logarithm(want) {
			s.psi[component][0] = v
		}
		s.conformationAt(0)
		for component, v := range want {
			if got := s.c[component][0]; math.Abs(got-v) > 1e-9*(1+want[xx]) {
				t.Errorf("rate %v: component %d is %v, want %v", rate, component, got, v)
			}
		}
	}
}
