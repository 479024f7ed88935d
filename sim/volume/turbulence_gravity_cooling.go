package volume

import (
	"context"
	"math"

	"github.com/gowalrus/walrus/sim/scenario"
)

// turbulenceGravityCooling is turbulence_gravity_cooling: a turbulent cloud of interstellar gas under its own gravity,
// with heating and cooling, in which filaments and dense clumps form.
//
// Equations: those of Euler with gamma = 5/3, gravity div grad Phi = 4 pi G rho of the mass in the box alone (empty space
// around), heating and cooling (radiation). Units: pc, Myr, solar mass, K. Initial state: a ball of 0.45 of the box's
// width, density rho0, temperature T0, with solenoidal turbulence E(k) ~ k^-2 in virial balance (v^2 = 3 G M / (5 R));
// around it gas of a hundredth of the density at the same pressure. Parameters, as published: rho0 = 44.5, 4.45 or 0.445
// hydrogen atoms / cm^3 in boxes of 60, 129 and 278 pc; T0 = 10, 100 or 1000 K; Z = 1, 0.1 or 0 (adiabatic). Boundaries:
// open. 50 frames, 0.02 free-fall times (6.93, 21.9, 69.3 Myr) apart.
//
// Source: Hirashima et al., Mon. Not. R. Astron. Soc. 526 (2023) 4054; Ohana et al., The Well (2024).
func turbulenceGravityCooling() scenario.Scenario {
	fields := []scenario.Field{positiveField("pressure"), positiveField("density"), logarithmicField("temperature"), vectorField("velocity")}
	s := interstellarScenario(fields)
	s.Name, s.Title = "turbulence_gravity_cooling", "Turbulent interstellar cloud with self-gravity and cooling"
	s.Equations = "Euler equations, gamma = 5/3, with -rho grad Phi, lap Phi = 4 pi G rho, and heating n Gamma - Z n^2 Lambda(T)"
	s.Simplified = "grid instead of particles; no star formation; power-law cooling"
	s.PublishedGrid, s.DefaultFrames, s.PublishedFrames = []int{64, 64, 64}, 50, 50
	s.Seconds = 9
	s.Parameters = []scenario.Parameter{
		{Name: "rho0", Doc: "initial density of the cloud, hydrogen atoms / cm^3; fixes the box and the free-fall time", Values: []float64{44.5, 4.45, 0.445}},
		{Name: "T0", Doc: "initial temperature of the cloud, K", Values: []float64{10, 100, 1000}},
		{Name: "Z", Doc: "metallicity relative to the sun: strength of heating and cooling", Values: []float64{1, 0.1, 0}},
	}
	s.Domain = func(points []int, parameters map[string]float64) scenario.Domain {
		half := cloudBox(parameters["rho0"]) / 2
		return boxDomain(points, []float64{-half, -half, -half}, []float64{half, half, half}, openCube)
	}
	s.Run = func(ctx context.Context, c scenario.Case, emit func(scenario.Frame) error) error {
		solver, gas, err := interstellarSolver(c, cloudBox(c.Parameters["rho0"])/2)
		if err != nil {
			return err
		}
		gravity := newGravity(solver.Grid, c.Workers)
		solver.Source, solver.Limit = gravity.source(solver), gravity.limit
		setCloud(solver, gas, c)
		out := newFluid(solver, gas, fields)
		interval := 0.02 * freeFallTime(c.Parameters["rho0"])
		return solver.record(ctx, c, interval, func(int) map[string][]float32 { return out.sample(1 / gasConstant) }, emit)
	}
	return s
}

// cloudBox is the width of the box in pc: 60 pc for the densest cloud, and the same mass for the others.
func cloudBox(density float64) float64 { return 60 * math.Cbrt(44.5/density) }

// freeFallTime is sqrt(L^3 / (G M)) in Myr with the published mass of 10^6 solar masses.
func freeFallTime(density float64) float64 {
	return math.Sqrt(math.Pow(cloudBox(density), 3) / (gravitationalConstant * 1e6))
}

// setCloud sets the ball of gas and its surroundings.
func setCloud(s *Solver, gas Euler, c scenario.Case) {
	density := c.Parameters["rho0"] * hydrogenDensity
	pressure := density * gasConstant * c.Parameters["T0"]
	side := s.Grid.Spacing[0] * float64(s.Grid.Points[0])
	radius := 0.45 * side
	speed := math.Sqrt(3.0 / 5 * gravitationalConstant * density * 4 * math.Pi / 3 * radius * radius)
	flow := randomFlow(random(c, 1), s.Grid, side, 6, 2)
	s.Grid.Each(func(cell int, at []float64) {
		distance := math.Sqrt(at[0]*at[0] + at[1]*at[1] + at[2]*at[2])
		inside := 0.5 * (1 - math.Tanh((distance-radius)/s.Grid.Spacing[0]))
		velocity := make([]float64, 3)
		for k := range velocity {
			velocity[k] = inside * speed * flow[k][cell]
		}
		gas.Set(s.State, cell, density*(inside+(1-inside)*ambientContrast), velocity, pressure)
	})
}
