package volume

import (
	"math"
	"math/rand/v2"

	"github.com/gowalrus/walrus/sim/scenario"
)

// acousticInclusions is acoustic_scattering_inclusions: the medium of acoustic_scattering_discontinuous with 1 to 15
// ellipses of another density, log rho uniform in [-1, 10], axes in [0.05, 0.6], tilted by up to 45 degrees. The rings'
// pressure starts outside the ellipses. 102 frames over a time of 2. For equations, units and boundaries see scattering.
func acousticInclusions() scenario.Scenario {
	return scattering{
		name: "acoustic_scattering_inclusions", title: "Sound scattered by inclusions of other density",
		simplified: noiseSimplified,
		seconds:    3.5,
		interval:   2.0 / 101, frames: 102, most: 3, ring: wideRing,
		medium: func(rng *rand.Rand, g Grid, density []float64) func(int) bool {
			splitMedium(rng, g, density)
			return outside(addInclusions(rng, g, density))
		},
	}.scenario()
}

// outside allows the cells that are not inside.
func outside(inside []bool) func(int) bool { return func(cell int) bool { return !inside[cell] } }

// addInclusions draws the ellipses and returns which cells they cover.
func addInclusions(rng *rand.Rand, g Grid, density []float64) []bool {
	inside := make([]bool, len(density))
	for range 1 + rng.IntN(15) {
		x, y := uniform(rng, -0.95, 0.95), uniform(rng, -0.95, 0.95)
		width, height := uniform(rng, 0.05, 0.6)/2, uniform(rng, 0.05, 0.6)/2
		sin, cos := math.Sincos(uniform(rng, -math.Pi/4, math.Pi/4))
		rho := math.Exp(uniform(rng, -1, 10))
		g.Each(func(cell int, at []float64) {
			dx, dy := at[0]-x, at[1]-y
			a, b := (dx*cos+dy*sin)/width, (dy*cos-dx*sin)/height
			if a*a+b*b <= 1 {
				density[cell], inside[cell] = rho, true
			}
		})
	}
	return inside
}
