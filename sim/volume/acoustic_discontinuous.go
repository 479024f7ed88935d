package volume

import (
	"math/rand/v2"

	"github.com/gowalrus/walrus/sim/scenario"
)

// acousticDiscontinuous is acoustic_scattering_discontinuous: the square is divided at a random line along x or y, and
// each side has its own smooth density (constant, bilinear gradient, Gaussian bump or smoothed noise, values in [1, 7]).
// 1 to 3 pressure rings of intensity [0.5, 2] start anywhere. 102 frames over a time of 2. For equations, units and
// boundaries see scattering.
func acousticDiscontinuous() scenario.Scenario {
	return scattering{
		name: "acoustic_scattering_discontinuous", title: "Sound across one jump of the medium's density",
		simplified: noiseSimplified,
		seconds:    1.8,
		interval:   2.0 / 101, frames: 102, most: 3, ring: wideRing,
		medium: func(rng *rand.Rand, g Grid, density []float64) func(int) bool {
			splitMedium(rng, g, density)
			return everywhere
		},
	}.scenario()
}
