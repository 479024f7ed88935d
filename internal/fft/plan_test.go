package fft

import (
	"fmt"
	"math/cmplx"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/dsp/fourier"
)

// lengths have all kinds of factors: none, powers of 2, odd ones, large primes.
var lengths = []int{1, 2, 3, 4, 5, 6, 8, 15, 16, 27, 32, 34, 49, 60, 64, 96, 97, 100, 128, 194, 210}

func randomLine(n int, rng *rand.Rand) []complex128 {
	line := make([]complex128, n)
	for i := range line {
		line[i] = complex(rng.NormFloat64(), rng.NormFloat64())
	}
	return line
}

// near fails where two lines differ by more than rounding.
func near(t *testing.T, what string, got, want []complex128) {
	t.Helper()
	for i, v := range got {
		if !(cmplx.Abs(v-want[i]) <= 1e-12*float64(len(want))) {
			t.Fatalf("%s: value %d is %v, want %v", what, i, v, want[i])
		}
	}
}

func TestComplexLinesHaveGonumsCoefficients(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, n := range lengths {
		plan, twin := NewPlan(n), fourier.NewCmplxFFT(n)
		x := randomLine(n, rng)
		forward, inverse := append([]complex128(nil), x...), append([]complex128(nil), x...)
		plan.Forward(forward)
		plan.Inverse(inverse)
		near(t, fmt.Sprintf("forward of %d", n), forward, twin.Coefficients(nil, x))
		near(t, fmt.Sprintf("inverse of %d", n), inverse, twin.Sequence(nil, x))
	}
}

// Two real lines in one transform, with all coefficients and with some; the imaginary parts of frequency 0 and n/2 do not count.
func TestRealLinesHaveGonumsCoefficients(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for _, n := range lengths {
		for _, keep := range []int{n/2 + 1, (n-1)/3 + 1} {
			name := fmt.Sprintf("%d coefficients of %d", keep, n)
			plan, twin := NewPlan(n), fourier.NewFFT(n)
			var lines [2][]float64
			var spectra, want [2][]complex128
			for i := range lines {
				lines[i] = make([]float64, n)
				for j := range lines[i] {
					lines[i][j] = rng.NormFloat64()
				}
				spectra[i], want[i] = make([]complex128, keep), twin.Coefficients(nil, lines[i])
			}
			plan.Spectra(spectra[0], spectra[1], lines[0], lines[1])
			for i := range lines {
				near(t, name, spectra[i], want[i])
				spectra[i] = randomLine(keep, rng)
				clear(want[i])
				copy(want[i], spectra[i])
			}
			plan.Lines(lines[0], lines[1], spectra[0], spectra[1])
			for i, line := range lines {
				near(t, name+", back", asComplex(line), asComplex(twin.Sequence(nil, want[i])))
			}
		}
	}
}

// A line that stands for both gets what it gets beside another.
func TestALineIsItsOwnPartner(t *testing.T) {
	const n = 12
	plan := NewPlan(n)
	x, back := make([]float64, n), make([]float64, n)
	for j := range x {
		x[j] = float64(j * j % 7)
	}
	c := make([]complex128, n/2+1)
	plan.Spectra(c, c, x, x)
	near(t, "spectrum", c, fourier.NewFFT(n).Coefficients(nil, x))
	plan.Lines(back, back, c, c)
	for j := range back {
		back[j] /= n
	}
	near(t, "line", asComplex(back), asComplex(x))
}

func asComplex(line []float64) []complex128 {
	out := make([]complex128, len(line))
	for i, v := range line {
		out[i] = complex(v, 0)
	}
	return out
}

func BenchmarkPairOfRealLines(b *testing.B) {
	for _, n := range []int{64, 96, 512} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			plan := NewPlan(n)
			x, c := make([]float64, n), make([]complex128, n/3)
			for b.Loop() {
				plan.Spectra(c, c, x, x)
				plan.Lines(x, x, c, c)
			}
		})
	}
}
