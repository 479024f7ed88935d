package volume

import (
	"math"
	"math/rand/v2"
)

// randomFlow is a periodic solenoidal velocity on a cube of the given side: a sum of transverse waves with mode numbers
// up to most, the amplitude of each mode k falling as k^-slope (an energy spectrum E(k) ~ k^(2 - 2 slope); slope 2 is
// Burgers turbulence, E ~ k^-2), with random directions and phases. It is scaled to rms speed 1 over the grid's cells
// and has the same shape on every grid.
func randomFlow(rng *rand.Rand, g Grid, side float64, most int, slope float64) [3][]float64 {
	var flow [3][]float64
	for k := range flow {
		flow[k] = make([]float64, g.Cells())
	}
	for x := -most; x <= most; x++ {
		for y := -most; y <= most; y++ {
			for z := 0; z <= most; z++ {
				square := x*x + y*y + z*z
				if square == 0 || square > most*most || (z == 0 && (y < 0 || (y == 0 && x < 0))) {
					continue // the constant, the corners, and the twins of waves that are there
				}
				addWave(rng, g, side, [3]float64{float64(x), float64(y), float64(z)}, math.Pow(float64(square), -slope/2), flow)
			}
		}
	}
	normalise(flow)
	return flow
}

// addWave adds one wave, perpendicular to its wave vector.
func addWave(rng *rand.Rand, g Grid, side float64, k [3]float64, amplitude float64, flow [3][]float64) {
	var direction [3]float64
	dot, square := 0.0, 0.0
	for i := range direction {
		direction[i] = rng.NormFloat64()
		dot += direction[i] * k[i]
		square += k[i] * k[i]
	}
	for i := range direction {
		direction[i] = amplitude * (direction[i] - dot*k[i]/square)
	}
	// cos(kx x + ky y + kz z + phase) from one table of sines and cosines an axis.
	phase := uniform(rng, 0, 2*math.Pi)
	var table [3][]complex128
	for axis, n := range g.Points {
		table[axis] = make([]complex128, n)
		for i := range n {
			sin, cos := math.Sincos(2 * math.Pi * k[axis] * g.Center(axis, i) / side)
			table[axis][i] = complex(cos, sin)
		}
	}
	start := complex(math.Cos(phase), math.Sin(phase))
	cell := 0
	for _, x := range table[0] {
		for _, y := range table[1] {
			xy := start * x * y
			for _, z := range table[2] {
				wave := real(xy)*real(z) - imag(xy)*imag(z)
				for i, d := range direction {
					flow[i][cell] += d * wave
				}
				cell++
			}
		}
	}
}

// normalise scales to rms speed 1.
func normalise(flow [3][]float64) {
	sum := 0.0
	for _, component := range flow {
		for _, v := range component {
			sum += v * v
		}
	}
	if sum == 0 {
		return // a grid of one cell, on a node of every wave
	}
	scale := math.Sqrt(float64(len(flow[0])) / sum)
	for _, component := range flow {
		for i := range component {
			component[i] *= scale
		}
	}
}
