package volume

import (
	"context"
	"math"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/sim/scenario"
)

// supernova is supernova_explosion_128: a supernova's energy, 10^51 erg of heat, released in the middle of a box of
// turbulent interstellar gas.
//
// Equations: those of Euler with gamma = 5/3, heating and cooling (radiation). Units: pc, Myr, solar mass, K; the box is
// 60 pc wide. Initial state: log-normal density around rho0 (standard deviation 1 of the logarithm, waves of up to 4 a
// side), temperature T0, solenoidal turbulence E(k) ~ k^-2 of rms speed 3 pc/Myr; the heat fills a ball of 3 pc or two
// cells. Parameters, as published: T0 = 100 K, rho0 = 44.5 hydrogen atoms / cm^3, Z = 1 (solar). Boundaries: open. 59 frames
// over 0.2 Myr.
//
// Source: Hirashima et al., Mon. Not. R. Astron. Soc. 526 (2023) 4054; Ohana et al., The Well (2024).
func supernova() scenario.Scenario {
	const half = 30.0
	fields := []scenario.Field{positiveField("pressure"), positiveField("density"), logarithmicField("temperature"), vectorField("velocity")}
	s := interstellarScenario(fields)
	s.Name, s.Title = "supernova_explosion_128", "A supernova's blast wave in turbulent interstellar gas"
	s.Equations = "Euler equations, gamma = 5/3, E_t + div((E + p) v) = n Gamma - Z n^2 Lambda(T)"
	s.Simplified = "grid instead of particles; no self-gravity during the 0.2 Myr; log-normal initial density; equal frame intervals"
	s.PublishedGrid, s.DefaultFrames, s.PublishedFrames = []int{128, 128, 128}, 59, 59
	s.Seconds = 9
	s.Parameters = []scenario.Parameter{
		{Name: "T0", Doc: "initial temperature, K", Values: []float64{100}},
		{Name: "rho0", Doc: "mean initial density, hydrogen atoms / cm^3", Values: []float64{44.5}},
		{Name: "Z", Doc: "metallicity relative to the sun: strength of heating and cooling", Values: []float64{1}},
	}
	low, high := []float64{-half, -half, -half}, []float64{half, half, half}
	s.Domain = box(low, high, openCube)
	s.Run = func(ctx context.Context, c scenario.Case, emit func(scenario.Frame) error) error {
		solver, gas, err := interstellarSolver(c, half)
		if err != nil {
			return err
		}
		setTurbulentGas(solver, gas, c)
		explode(solver, gas, []float64{0, 0, 0}, max(3, 2*solver.Grid.Spacing[0]), supernovaEnergy)
		out := newFluid(solver, gas, fields)
		return solver.record(ctx, c, 0.2/58, func(int) map[string][]float32 { return out.sample(1 / gasConstant) }, emit)
	}
	return s
}

// openCube is the boundaries of the interstellar boxes.
var openCube = []field.Sides{field.Both(field.Open), field.Both(field.Open), field.Both(field.Open)}

// interstellarScenario is what the two scenarios of interstellar gas share.
func interstellarScenario(fields []scenario.Field) scenario.Scenario {
	return scenario.Scenario{
		Source:   "Hirashima et al., Mon. Not. R. Astron. Soc. 526 (2023) 4054; Ohana et al., The Well (2024)",
		GridType: "cartesian", Axes: []string{"x", "y", "z"}, Fields: fields,
		DefaultGrid: []int{32, 32, 32}, LeastGrid: []int{8, 8, 8},
	}
}

// interstellarSolver is an empty box from -half to half with open sides and radiation of metallicity Z.
func interstellarSolver(c scenario.Case, half float64) (*Solver, Euler, error) {
	gas := Euler{Dims: 3, Gamma: interstellarGamma}
	grid, err := NewGrid(c.Grid, []float64{-half, -half, -half}, []float64{half, half, half})
	if err != nil {
		return nil, gas, err
	}
	s := &Solver{System: gas, Grid: grid, Boundaries: openCube, State: NewState(gas.Variables(), grid.Cells()), Workers: c.Workers}
	s.Split = radiation{gas: gas, metallicity: c.Parameters["Z"], heating: heatingRate}.split(s)
	return s, gas, nil
}

// setTurbulentGas fills the box with gas of log-normal density in turbulent motion.
func setTurbulentGas(s *Solver, gas Euler, c scenario.Case) {
	const speed, contrast, most = 3.0, 1.0, 4
	side := s.Grid.Spacing[0] * float64(s.Grid.Points[0])
	flow := randomFlow(random(c, 1), s.Grid, side, most, 2)
	logarithm := randomFlow(random(c, 2), s.Grid, side, most, 1.5)[0] // rms 1/sqrt(3)
	mean := 0.0
	for i, v := range logarithm {
		logarithm[i] = math.Exp(contrast * math.Sqrt(3) * v)
		mean += logarithm[i] / float64(len(logarithm))
	}
	density := c.Parameters["rho0"] * hydrogenDensity
	for i, relative := range logarithm {
		rho := density * relative / mean
		velocity := []float64{speed * flow[0][i], speed * flow[1][i], speed * flow[2][i]}
		gas.Set(s.State, i, rho, velocity, rho*gasConstant*c.Parameters["T0"])
	}
}

// explode adds energy as heat, spread evenly over the cells of a ball (or over the cell nearest to its middle).
func explode(s *Solver, gas Euler, center []float64, radius, energy float64) {
	var ball []int
	nearest, least := 0, math.Inf(1)
	s.Grid.Each(func(cell int, at []float64) {
		square := 0.0
		for axis, x := range at {
			square += (x - center[axis]) * (x - center[axis])
		}
		if square < radius*radius {
			ball = append(ball, cell)
		}
		if square < least {
			nearest, least = cell, square
		}
	})
	if len(ball) == 0 {
		ball = []int{nearest}
	}
	for _, cell := range ball {
		s.State[gas.Dims+1][cell] += energy / (float64(len(ball)) * s.Grid.Volume())
	}
}
