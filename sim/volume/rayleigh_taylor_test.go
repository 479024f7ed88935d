package volume

import (
	"math"
	"testing"

	"github.com/gowalrus/walrus/field"
)

// fallBox is a two-dimensional box with walls below and above.
func fallBox(t *testing.T, nx, nz int, displacement func(at []float64) float64) (*Solver, float64) {
	t.Helper()
	const atwood = 0.5
	grid, err := NewGrid([]int{nx, nz}, []float64{0, 0}, []float64{1, 1})
	if err != nil {
		t.Fatal(err)
	}
	s, _, err := fallingLayers(grid, []field.Sides{field.Both(field.Periodic), field.Both(field.Wall)}, atwood, 2, displacement)
	if err != nil {
		t.Fatal(err)
	}
	return s, atwood
}

// The amplitude of one wave that starts at rest grows as cosh(sigma t), sigma^2 = At g k tanh(k h) with layers of depth h (Chandrasekhar,
// "Hydrodynamic and Hydromagnetic Stability", chapter 10).
func TestRayleighTaylorWaveGrowsAtTheLinearRate(t *testing.T) {
	const n, k = 48, 2 * math.Pi
	s, atwood := fallBox(t, n, n, func(at []float64) float64 { return 0.002 * math.Cos(k*at[0]) })
	sigma := math.Sqrt(atwood * fallAcceleration * k * math.Tanh(k*0.5))
	amplitude := func() float64 { // displaced mass in the wave
		sum := 0.0
		s.Grid.Each(func(cell int, at []float64) { sum += s.State[0][cell] * math.Cos(k*at[0]) })
		return math.Abs(sum)
	}
	advance(t, s, 2/sigma)
	first := amplitude()
	advance(t, s, 3.5/sigma)
	got := sigma * math.Log(amplitude()/first) / math.Log(math.Cosh(3.5)/math.Cosh(2))
	if math.Abs(got/sigma-1) > 0.07 {
		t.Errorf("growth rate %.4f, linear theory %.4f (ratio %.3f)", got, sigma, got/sigma)
	}
	t.Logf("growth rate %.4f, linear theory %.4f", got, sigma)
}

func TestFlatInterfaceStaysAtRest(t *testing.T) {
	s, _ := fallBox(t, 8, 24, func([]float64) float64 { return 0 })
	advance(t, s, 5)
	for v := 1; v <= 2; v++ {
		for i, m := range s.State[v] {
			if math.Abs(m) > 1e-12 {
				t.Fatalf("cell %d: momentum %g along axis %d, want rest", i, m, v-1)
			}
		}
	}
}
