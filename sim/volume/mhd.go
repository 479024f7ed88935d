package volume

import (
	"context"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/sim/scenario"
)

// magneticTurbulence is MHD_64: decaying turbulence of an isothermal conducting gas.
//
// Equations: those of IsothermalMHD. Units: the side of the cube, the initial density and rms speed. Initial state:
// density 1, solenoidal waves of up to 3 a side with E(k) ~ k^-2 and rms speed 1, field 1 / M_A along x. The field's
// divergence, by central differences, is removed after every step. Parameters, as published: sonic Mach number Ms (speed
// of sound 1 / Ms) and Alfven Mach number Ma. Boundaries: periodic. 100 frames, 0.01 apart.
//
// Source: Burkhart et al., Astrophys. J. 905 (2020) 14; Ohana et al., The Well (2024).
func magneticTurbulence() scenario.Scenario {
	low, high := []float64{0, 0, 0}, []float64{1, 1, 1}
	sides := []field.Sides{field.Both(field.Periodic), field.Both(field.Periodic), field.Both(field.Periodic)}
	return scenario.Scenario{
		Name: "MHD_64", Title: "Compressible magnetohydrodynamic turbulence",
		Equations:  "rho_t + div(rho v) = 0, (rho v)_t + div(rho v v - B B + rho a^2 + B^2 / 2) = 0, B_t - curl(v x B) = 0, div B = 0",
		Source:     "Burkhart et al., Astrophys. J. 905 (2020) 14; Ohana et al., The Well (2024)",
		Simplified: "turbulence decays from random waves instead of being driven; simulated at the written resolution instead of filtered from 256^3",
		GridType:   "cartesian", Axes: []string{"x", "y", "z"},
		Fields:      []scenario.Field{positiveField("density"), vectorField("velocity"), vectorField("magnetic_field")},
		DefaultGrid: []int{32, 32, 32}, LeastGrid: []int{8, 8, 8}, PublishedGrid: []int{64, 64, 64}, DefaultFrames: 100, PublishedFrames: 100,
		Parameters: []scenario.Parameter{
			{Name: "Ms", Doc: "initial rms speed over the speed of sound", Values: []float64{0.5, 0.7, 1.5, 2, 7}},
			{Name: "Ma", Doc: "initial rms speed over the Alfven speed of the mean field", Values: []float64{0.7, 2}},
		},
		Seconds: 32,
		Domain:  box(low, high, sides),
		Run: func(ctx context.Context, c scenario.Case, emit func(scenario.Frame) error) error {
			grid, err := NewGrid(c.Grid, low, high)
			if err != nil {
				return err
			}
			s := magneticSolver(c, grid, sides)
			velocity, magnetic := make([]float32, 3*grid.Cells()), make([]float32, 3*grid.Cells())
			values := map[string][]float32{"density": make([]float32, grid.Cells()), "velocity": velocity, "magnetic_field": magnetic}
			return s.record(ctx, c, 0.01, func(int) map[string][]float32 {
				narrow(values["density"], s.State[0])
				for i, density := range s.State[0] {
					for k := range 3 {
						velocity[3*i+k] = float32(s.State[rowMomentum+k][i] / density)
					}
				}
				interleave(magnetic, s.State[rowMagnetic:])
				return values
			}, emit)
		},
	}
}

// magneticSolver sets up the initial state and the projection of the field.
func magneticSolver(c scenario.Case, grid Grid, sides []field.Sides) *Solver {
	system := IsothermalMHD{Sound: 1 / c.Parameters["Ms"]}
	s := &Solver{System: system, Grid: grid, Boundaries: sides, State: NewState(system.Variables(), grid.Cells()), Workers: c.Workers}
	flow := randomFlow(random(c, 1), grid, 1, 3, 2)
	for i := range grid.Cells() {
		s.State[0][i] = 1
		for k := range flow {
			s.State[rowMomentum+k][i] = flow[k][i]
		}
		s.State[rowMagnetic][i] = 1 / c.Parameters["Ma"]
	}
	s.Split = cleanField(s)
	return s
}

// cleanField returns the step that removes the field's divergence.
func cleanField(s *Solver) func(float64, float64, State) error {
	t := newTransform(s.Grid.Points, s.Workers)
	var scratch [3][]complex128
	for k := range scratch {
		scratch[k] = make([]complex128, s.Grid.Cells())
	}
	return func(_, _ float64, u State) error {
		project(t, s.Grid.Spacing, [3][]float64{u[rowMagnetic], u[rowMagnetic+1], u[rowMagnetic+2]}, scratch)
		return nil
	}
}
