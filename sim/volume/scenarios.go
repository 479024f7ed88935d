package volume

import (
	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/sim/scenario"
)

// Scenarios lists what this package simulates.
func Scenarios() []scenario.Scenario {
	return []scenario.Scenario{
		acousticDiscontinuous(),
		acousticInclusions(),
		acousticMaze(),
		quadrants(field.Periodic, "euler_multi_quadrants_periodicBC", "periodic"),
		quadrants(field.Open, "euler_multi_quadrants_openBC", "open"),
		magneticTurbulence(),
		planet(),
		rayleighTaylor(),
		supernova(),
		turbulenceGravityCooling(),
		radiativeLayer(2),
		radiativeLayer(3),
	}
}
