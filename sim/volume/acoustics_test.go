package volume

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gowalrus/walrus/field"
)

// soundSolver has a wave of the given pressure that runs towards higher x.
func soundSolver(t *testing.T, n int, length float64, b field.Boundary, density, pressure func(x float64) float64) *Solver {
	t.Helper()
	grid, err := NewGrid([]int{n}, []float64{0}, []float64{length})
	if err != nil {
		t.Fatal(err)
	}
	system := Acoustics{Dims: 1, Modulus: acousticModulus}
	rho := make([]float64, n)
	for i := range rho {
		rho[i] = density(grid.Center(0, i))
	}
	s := &Solver{System: system, Grid: grid, Boundaries: []field.Sides{field.Both(b)}, Workers: 1, State: NewState(2, n), Material: system.setMedium(rho)}
	for i := range rho {
		p := pressure(grid.Center(0, i))
		s.State[0][i] = p / acousticModulus
		s.State[1][i] = rho[i] * p / s.Material[1][i] // u = p / Z
	}
	return s
}

func TestPlaneWaveTravelsAtTheSpeedOfSound(t *testing.T) {
	const n, rho = 64, 2.5
	speed := math.Sqrt(acousticModulus / rho)
	s := soundSolver(t, n, 1, field.Periodic, func(float64) float64 { return rho }, func(x float64) float64 { return math.Cos(2 * math.Pi * x) })
	advance(t, s, 1/speed) // one period
	var cosine, sine float64
	for i := range n {
		p := acousticModulus * s.State[0][i]
		cosine += p * math.Cos(2*math.Pi*s.Grid.Center(0, i)) * 2 / n
		sine += p * math.Sin(2*math.Pi*s.Grid.Center(0, i)) * 2 / n
	}
	if phase := math.Atan2(sine, cosine) / (2 * math.Pi); math.Abs(phase) > 2e-3 {
		t.Errorf("after one period the wave is %.2g wavelengths off", phase)
	}
	if amplitude := math.Hypot(sine, cosine); math.Abs(amplitude-1) > 0.005 {
		t.Errorf("after one period the amplitude is %.4f, want 1", amplitude)
	}
}

// Reflected and transmitted pressure at a jump of the impedance: R = (Z2 - Z1) / (Z2 + Z1), 1 + R. The pulses' integrals
// carry those factors, the transmitted one with its width scaled by c2/c1.
func TestPulseReflectsAtADensityJump(t *testing.T) {
	for _, second := range []float64{0.4, 7, 2e4} {
		const n, first, jump = 1000, 2.0, 4.0
		pulse := func(x float64) float64 { return math.Exp(-(x - 2.5) * (x - 2.5) / 0.08) }
		density := func(x float64) float64 {
			if x < jump {
				return first
			}
			return second
		}
		s := soundSolver(t, n, 10, field.Open, density, pulse)
		in := s.Total(0) * acousticModulus
		advance(t, s, 3/math.Sqrt(acousticModulus/first)) // the reflected pulse is back at x = 2.5
		var back, through float64
		for i := range n {
			p := acousticModulus * s.State[0][i] * s.Grid.Spacing[0]
			if s.Grid.Center(0, i) < jump {
				back += p
			} else {
				through += p
			}
		}
		z1, z2 := math.Sqrt(acousticModulus*first), math.Sqrt(acousticModulus*second)
		reflected := (z2 - z1) / (z2 + z1)
		if got := back / in; math.Abs(got-reflected) > 0.005 {
			t.Errorf("density %g to %g: reflected %.4f of the pulse, theory %.4f", first, second, got, reflected)
		}
		transmitted := (1 + reflected) * math.Sqrt(first/second)
		if got := through / in; second < 100 && math.Abs(got-transmitted) > 0.005 {
			t.Errorf("density %g to %g: transmitted %.4f of the pulse, theory %.4f", first, second, got, transmitted)
		}
	}
}

// With walls all around, the sound's energy may only fall by the scheme's diffusion, and p/K and the walls' normal
// momentum are accounted for to round-off.
func TestSoundBetweenWallsKeepsItsCompression(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	s := soundSolver(t, 200, 1, field.Wall, func(x float64) float64 { return 1 + rng.Float64() }, func(x float64) float64 { return math.Exp(-50 * (x - 0.4) * (x - 0.4)) })
	energy := func() float64 {
		sum := 0.0
		for i := range s.State[0] {
			sum += acousticModulus*s.State[0][i]*s.State[0][i] + s.State[1][i]*s.State[1][i]/s.Material[0][i]
		}
		return sum
	}
	compression, before := s.Total(0), energy()
	advance(t, s, 3)
	if got := s.Total(0); math.Abs(got-compression) > 1e-14 {
		t.Errorf("total compression went from %.16g to %.16g", compression, got)
	}
	if ratio := energy() / before; ratio > 1 || ratio < 0.3 {
		t.Errorf("energy changed by a factor %.4f; expected a moderate loss", ratio)
	}
}

func TestMazesReachEveryRoomOnOneWay(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	for rooms := 1; rooms < 9; rooms++ {
		wall := drawMaze(rng, rooms)
		open := 0
		for _, row := range wall {
			for _, w := range row {
				if !w {
					open++
				}
			}
		}
		// A tree of rooms^2 nodes has rooms^2 - 1 passages; two more squares are entrance and exit.
		if want := 2*rooms*rooms - 1 + 2; open != want {
			t.Errorf("%d rooms a side: %d open squares, want %d", rooms, open, want)
		}
	}
}
