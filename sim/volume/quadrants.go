package volume

import (
	"context"
	"sort"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/sim/scenario"
)

// quadrants is the pair of scenarios euler_multi_quadrants_periodicBC and euler_multi_quadrants_openBC: a gas that
// starts with constant density, velocity and pressure in each rectangle of a random partition of the unit square, so
// that shocks, rarefactions and contacts leave every edge and meet.
//
// Equations: those of Euler. Dimensionless units: lengths in sides of the domain; 101 frames, 0.015 apart. Parameter:
// gamma, the ratio of specific heats, one of the ten published values. Boundaries: periodic, or open (extrapolated).
// Initial data: 2 to 4 columns and rows; density and pressure uniform in [0.2, 1.8], velocity components in
// [-0.75, 0.75], chosen near the published means and standard deviations of the fields.
//
// Source: Ohana et al., "The Well" (2024), appendix; Lax and Liu, SIAM J. Sci. Comput. 19 (1998) 319.
func quadrants(boundary field.Boundary, name, where string) scenario.Scenario {
	low, high := []float64{0, 0}, []float64{1, 1}
	sides := []field.Sides{field.Both(boundary), field.Both(boundary)}
	fields := []scenario.Field{positiveField("density"), positiveField("energy"), positiveField("pressure"), vectorField("momentum")}
	return scenario.Scenario{
		Name:       name,
		Title:      "Compressible gas released from random rectangles, " + where,
		Equations:  "rho_t + div m = 0, m_t + div(m v + p) = 0, E_t + div((E + p) v) = 0, p = (gamma - 1)(E - rho v^2 / 2)",
		Source:     "Ohana et al., The Well (2024); Lax and Liu, SIAM J. Sci. Comput. 19 (1998) 319",
		Simplified: "uniform grid instead of adaptive refinement; ranges of the initial values chosen near the published statistics",
		GridType:   "cartesian", Axes: []string{"x", "y"}, Fields: fields,
		DefaultGrid: []int{128, 128}, LeastGrid: []int{8, 8}, PublishedGrid: []int{512, 512}, DefaultFrames: 101, PublishedFrames: 101,
		Parameters: []scenario.Parameter{{Name: "gamma", Doc: "ratio of specific heats",
			Values: []float64{1.13, 1.22, 1.3, 1.33, 1.365, 1.4, 1.404, 1.453, 1.597, 1.76}}},
		Seconds: 11,
		Domain:  box(low, high, sides),
		Run: func(ctx context.Context, c scenario.Case, emit func(scenario.Frame) error) error {
			grid, err := NewGrid(c.Grid, low, high)
			if err != nil {
				return err
			}
			gas := Euler{Dims: 2, Gamma: c.Parameters["gamma"]}
			s := &Solver{System: gas, Grid: grid, Boundaries: sides, State: NewState(gas.Variables(), grid.Cells()), Workers: c.Workers}
			setQuadrants(s, gas, c)
			out := newFluid(s, gas, fields)
			return s.record(ctx, c, 0.015, func(int) map[string][]float32 { return out.sample(1) }, emit)
		},
	}
}

// setQuadrants draws the partition and the states. The draws do not depend on the grid: a finer grid refines the same
// problem.
func setQuadrants(s *Solver, gas Euler, c scenario.Case) {
	rng := random(c, 1)
	const most = 4
	var cuts [2][]float64
	for axis := range cuts {
		count := 2 + rng.IntN(most-1)
		for i := 1; i < count; i++ {
			cuts[axis] = append(cuts[axis], (float64(i)+uniform(rng, -0.25, 0.25))/float64(count))
		}
	}
	var states [most * most][4]float64 // density, velocity, pressure
	for i := range states {
		states[i] = [4]float64{uniform(rng, 0.2, 1.8), uniform(rng, -0.75, 0.75), uniform(rng, -0.75, 0.75), uniform(rng, 0.2, 1.8)}
	}
	s.Grid.Each(func(cell int, at []float64) {
		q := states[sort.SearchFloat64s(cuts[0], at[0])*most+sort.SearchFloat64s(cuts[1], at[1])]
		gas.Set(s.State, cell, q[0], q[1:3], q[3])
	})
}
