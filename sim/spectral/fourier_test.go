package spectral

import (
	"fmt"
	"math"
	"slices"
	"testing"
)

// shapes covers one to three dimensions, odd sizes and sizes with large prime factors.
var shapes = [][]int{{24}, {35}, {16, 20}, {21, 22}, {9, 34}, {8, 9, 10}}

func lengthsOf(shape []int) []float64 {
	l := make([]float64, len(shape))
	for i := range l {
		l[i] = 1 + float64(i)
	}
	return l
}

func TestTransformOfRandomFieldRoundTrips(t *testing.T) {
	for _, shape := range shapes {
		for _, keep := range []Truncation{TwoThirds, Full} {
			f := NewFourier(shape, keep, 2)
			u, back := make([]complex128, f.Size()), make([]complex128, f.Size())
			f.RandomField(u, newRandom(1), 50, func([]int) float64 { return 1 })
			x := make([]float64, f.Points())
			f.Inverse(x, u)
			f.Forward(back, x)
			variance := 0.0
			for _, v := range x {
				variance += v * v / float64(len(x))
			}
			if math.Abs(variance-1) > 1e-12 {
				t.Errorf("%v: variance %v at the points, want 1", shape, variance)
			}
			for i := range u {
				if d := u[i] - back[i]; math.Hypot(real(d), imag(d)) > 1e-13 {
					t.Fatalf("%v truncation %d: coefficient %d is %v after a round trip, was %v", shape, keep, i, back[i], u[i])
				}
			}
		}
	}
}

func TestDerivativeOfAWaveIsExact(t *testing.T) {
	for _, shape := range shapes {
		lengths := lengthsOf(shape)
		f := NewFourier(shape, TwoThirds, 1)
		k := f.Wavenumbers(lengths)
		for axis := range shape {
			phase := make([]float64, f.Points()) // 2 pi (2 x_axis + x_0 + ...), all axes in play
			inner := f.Points()
			for a, n := range shape {
				inner /= n
				m := 1.0
				if a == axis {
					m = 2
				}
				for p := range phase {
					phase[p] += 2 * math.Pi * m * float64(p/inner%n) / float64(n)
				}
			}
			x, got := make([]float64, len(phase)), make([]float64, len(phase))
			for p, v := range phase {
				x[p] = math.Sin(v)
			}
			u := make([]complex128, f.Size())
			f.Forward(u, x)
			for i := range u {
				u[i] *= complex(0, k[axis][i])
			}
			f.Inverse(got, u)
			wave := 2 * math.Pi * 2 / lengths[axis]
			for p, v := range phase {
				if want := wave * math.Cos(v); math.Abs(got[p]-want) > 1e-11 {
					t.Fatalf("%v axis %d: derivative %v at point %d, want %v", shape, axis, got[p], p, want)
				}
			}
		}
	}
}

func TestTransformsDoNotDependOnWorkers(t *testing.T) {
	for _, shape := range shapes {
		var first []float64
		for _, workers := range []int{1, 2, 3, 7} {
			f := NewFourier(shape, TwoThirds, workers)
			u := make([]complex128, f.Size())
			x := make([]float64, f.Points())
			for i := range x {
				x[i] = math.Sin(float64(i * i))
			}
			f.Forward(u, x)
			f.Inverse(x, u)
			if first == nil {
				first = x
			} else if !slices.Equal(first, x) {
				t.Errorf("%v: %d workers give other bits than one", shape, workers)
			}
		}
	}
}

func TestRandomFieldDoesNotDependOnTheGrid(t *testing.T) {
	at := func(n int) []float64 {
		f := NewFourier([]int{n, n}, TwoThirds, 1)
		u := make([]complex128, f.Size())
		f.RandomField(u, newRandom(7), 3, func(m []int) float64 { return 1 / float64(1+m[0]*m[0]+m[1]*m[1]) })
		x := make([]float64, n*n)
		f.Inverse(x, u)
		return x
	}
	coarse, fine := at(12), at(24)
	for i := range 12 {
		for j := range 12 {
			if a, b := coarse[i*12+j], fine[2*i*24+2*j]; math.Abs(a-b) > 1e-13 {
				t.Fatalf("point (%d, %d): %v on 12 points, %v on 24", i, j, a, b)
			}
		}
	}
}

func BenchmarkFourier(b *testing.B) {
	for _, shape := range [][]int{{128, 128}, {256, 512}, {64, 64, 64}} {
		b.Run(fmt.Sprint(shape), func(b *testing.B) {
			f := NewFourier(shape, TwoThirds, 1)
			u, x := make([]complex128, f.Size()), make([]float64, f.Points())
			for b.Loop() {
				f.Forward(u, x)
				f.Inverse(x, u)
			}
		})
	}
}
