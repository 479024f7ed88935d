package spectral

import "github.com/gowalrus/walrus/sim/scenario"

// Scenarios lists the scenarios of this package by name.
func Scenarios() []scenario.Scenario {
	return []scenario.Scenario{
		activeMatter(),
		flowPast(),
		grayScott(),
		helmholtzStaircase(),
		rayleighBenard(),
		shearFlow(),
		viscoelastic(),
	}
}
