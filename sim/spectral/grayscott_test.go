package spectral

import (
	"context"
	"math"
	"testing"
)

// The homogeneous steady states besides A = 1, B = 0 solve A B = F + k, F (1 - A) = (F + k) B.
func homogeneous(feed, kill float64) (a, b float64) {
	a = (1 - math.Sqrt(1-4*(feed+kill)*(feed+kill)/feed)) / 2
	return a, (feed + kill) / a
}

func TestHomogeneousGrayScottStatesAreSteady(t *testing.T) {
	const feed, kill = 0.04, 0.05
	a, b := homogeneous(feed, kill)
	for _, state := range [][2]float64{{1, 0}, {a, b}} {
		g := newReaction([]int{16, 16}, feed, kill, 1)
		u := make([]complex128, 2*g.fourier.Size())
		u[0], u[g.fourier.Size()] = complex(state[0], 0), complex(state[1], 0)
		if err := NewStepper(g, len(u), 1).Advance(context.Background(), u, 100); err != nil {
			t.Fatal(err)
		}
		g.toPoints(u)
		for i := range g.a {
			if math.Abs(g.a[i]-state[0]) > 1e-9 || math.Abs(g.b[i]-state[1]) > 1e-9 {
				t.Fatalf("state %v moved to (%v, %v)", state, g.a[i], g.b[i])
			}
		}
	}
}

// A small wave on the homogeneous state grows at the larger eigenvalue of the linearised reaction and diffusion.
func TestGrayScottWaveGrowsAtTheLinearRate(t *testing.T) {
	const feed, kill, wave = 0.06, 0.062, 16
	a, b := homogeneous(feed, kill)
	k2 := math.Pow(2*math.Pi*wave/(2*grayScottHalf), 2)
	jaa, jab := -b*b-feed-diffusivityA*k2, -2*a*b
	jba, jbb := b*b, 2*a*b-feed-kill-diffusivityB*k2
	trace, det := jaa+jbb, jaa*jbb-jab*jba
	if trace*trace < 4*det {
		t.Fatalf("chosen parameters oscillate: trace %v, determinant %v", trace, det)
	}
	rate := trace/2 + math.Sqrt(trace*trace/4-det)

	g := newReaction([]int{48, 16}, feed, kill, 2)
	m := g.fourier.Size()
	u := make([]complex128, 2*m)
	u[0], u[m] = complex(a, 0), complex(b, 0)
	at, _ := g.fourier.index([]int{wave, 0})
	mirrored, _ := g.fourier.index([]int{-wave, 0})
	for _, i := range []int{at, mirrored} { // the eigenvector
		u[i], u[m+i] = 1e-7, complex(1e-7*(rate-jaa)/jab, 0)
	}
	const time = 1000.0
	if err := NewStepper(g, len(u), 2).Advance(context.Background(), u, time); err != nil {
		t.Fatal(err)
	}
	got := math.Log(real(u[at])/1e-7) / time
	if math.Abs(got-rate) > 1e-2*math.Abs(rate) {
		t.Errorf("growth rate %v, linear theory %v", got, rate)
	}
}
