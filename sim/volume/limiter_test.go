package volume

import (
	"math"
	"math/rand/v2"
	"testing"
)

// monotonizedCentral is the definition, with the branches that slopes does without.
func monotonizedCentral(a, b float64) float64 {
	if a*b <= 0 {
		return 0
	}
	return math.Copysign(min(2*math.Abs(a), 2*math.Abs(b), 0.5*math.Abs(a+b)), a)
}

func TestSlopesAreThoseOfTheDefinition(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	for _, n := range []int{2, 3, 4, 50} {
		w, s := make([]float64, n), make([]float64, n)
		for range 50 {
			for i := range w {
				w[i] = float64(rng.IntN(7)) * math.Pow(10, float64(rng.IntN(5))) // plateaus, jumps and both signs of slope
			}
			MonotonizedCentral.slopes(w, s)
			if s[0] != 0 || s[n-1] != 0 {
				t.Fatalf("slopes %v at the ends, want 0", s)
			}
			for i := 1; i < n-1; i++ {
				if want := monotonizedCentral(w[i]-w[i-1], w[i+1]-w[i]); s[i] != want {
					t.Fatalf("slope %v between %v, want %v", s[i], w[i-1:i+2], want)
				}
			}
		}
	}
}
