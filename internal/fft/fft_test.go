package fft

import (
	"math"
	"math/cmplx"
	"math/rand/v2"
	"testing"
)

// The definition, term by term, on axes of even, odd and single extent.
func TestTransformIsTheSumOverAllPoints(t *testing.T) {
	sizes := []int{4, 1, 3}
	rng := rand.New(rand.NewPCG(1, 2))
	values := make([]complex128, 12)
	for i := range values {
		values[i] = complex(rng.NormFloat64(), rng.NormFloat64())
	}
	want := make([]complex128, len(values))
	for k := range want {
		for i, v := range values {
			phase := float64(k/3*(i/3))/4 + float64(k%3*(i%3))/3
			want[k] += v * cmplx.Exp(complex(0, -2*math.Pi*phase))
		}
	}
	Transform(values, sizes)
	for k, v := range values {
		if cmplx.Abs(v-want[k]) > 1e-12 {
			t.Errorf("coefficient %d: %v; want %v", k, v, want[k])
		}
	}
}

func TestFrequenciesOfTheUpperHalfAreNegative(t *testing.T) {
	for _, c := range []struct{ i, n, want int }{{0, 4, 0}, {1, 4, 1}, {2, 4, -2}, {3, 4, -1}, {2, 5, 2}, {3, 5, -2}} {
		if got := Frequency(c.i, c.n); got != c.want {
			t.Errorf("coefficient %d of %d: %d; want %d", c.i, c.n, got, c.want)
		}
	}
}
