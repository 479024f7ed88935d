package volume

import (
	"context"
	"errors"
	"math"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/sim/scenario"
)

// radiativeLayer is turbulent_radiative_layer_2D and _3D: cold dense gas below hot thin gas in shear; what mixes cools.
//
// Equations: those of Euler with gamma = 5/3 and the energy loss - w(T) p / ((gamma - 1) tcool), T = p / rho. The weight
// w = (1 - s^2)^2, s = log(T / Tmix) / (log(Thot / Tmix) / 2), is 1 at Tmix = sqrt(Tcold Thot) and 0 outside half the
// logarithmic way to Tcold and Thot, where heating balances cooling. Units: the box is 1 wide and sqrt(p / rho) of the hot gas is 1. Hot: density 1,
// cold: density 100, pressure 1. The gases pass each other at 0.1, and random waves move the interface at up to 0.01.
// Parameter: tcool, one of the nine published values. In the last tenth of the hot side, density and pressure relax to
// the hot gas's in a time of 0.1: the reservoir that feeds the layer. Boundaries: periodic along the interface, open across it (the
// last axis): y in [-1, 2] in 2-D, z in [-1, 1] in 3-D. Frames are 1.597033 apart in 2-D, 2.661722 in 3-D, 101 in
// the public data.
//
// Source: Fielding et al., Astrophys. J. Lett. 894 (2020) L24; Ohana et al., The Well (2024).
func radiativeLayer(dims int) scenario.Scenario {
	layer := layerTwo
	if dims == 3 {
		layer = layerThree
	}
	sides := make([]field.Sides, dims)
	for axis := range sides {
		sides[axis] = field.Both(field.Periodic)
	}
	sides[dims-1] = field.Both(field.Open)
	fields := []scenario.Field{positiveField("density"), positiveField("pressure"), vectorField("velocity")}
	fields[0].Log10 = dims == 3 // as the released model's configuration has it
	return scenario.Scenario{
		Name: layer.name, Title: "Hot gas shearing over cold gas; what mixes, cools", Fields: fields,
		Equations:  "rho_t + div(rho v) = 0, (rho v)_t + div(rho v v + p) = 0, E_t + div((E + p) v) = -w(T) p / ((gamma - 1) tcool)",
		Source:     "Fielding et al., Astrophys. J. Lett. 894 (2020) L24",
		Simplified: "polynomial cooling weight w(T); a reservoir holds the hot side's pressure; shear speed and initial waves fitted to the published statistics",
		GridType:   "cartesian", Axes: []string{"x", "y", "z"}[:dims], Seconds: layer.seconds,
		DefaultGrid: layer.grid, LeastGrid: []int{8, 8, 8}[:dims], PublishedGrid: layer.published, DefaultFrames: layer.frames, PublishedFrames: 101,
		Parameters: []scenario.Parameter{{Name: "tcool", Doc: "cooling time at Tmix, in crossing times of the box at the hot gas's sqrt(p / rho)",
			Values: []float64{0.03, 0.06, 0.1, 0.18, 0.32, 0.56, 1.00, 1.78, 3.16}}},
		Domain: box(layer.low, layer.high, sides),
		Run: func(ctx context.Context, c scenario.Case, emit func(scenario.Frame) error) error {
			grid, err := NewGrid(c.Grid, layer.low, layer.high)
			if err != nil {
				return err
			}
			gas := Euler{Dims: dims, Gamma: 5.0 / 3}
			s := &Solver{System: gas, Grid: grid, Boundaries: sides, State: NewState(gas.Variables(), grid.Cells()), Workers: c.Workers}
			cool, feed := coolLayer(s, gas, c.Parameters["tcool"]), feedLayer(s, gas)
			s.Split = func(time, dt float64, u State) error {
				return errors.Join(cool(time, dt, u), feed(time, dt, u))
			}
			setLayer(s, gas, c)
			out := newFluid(s, gas, fields)
			return s.record(ctx, c, layer.interval, func(int) map[string][]float32 { return out.sample(1) }, emit)
		},
	}
}

// layerSize is what differs between two and three dimensions.
type layerSize struct {
	name            string
	low, high       []float64
	grid, published []int
	frames          int
	interval        float64
	seconds         float64
}

var (
	layerTwo = layerSize{name: "turbulent_radiative_layer_2D", low: []float64{-0.5, -1}, high: []float64{0.5, 2},
		grid: []int{32, 96}, published: []int{128, 384}, frames: 101, interval: 1.597033, seconds: 22}
	layerThree = layerSize{name: "turbulent_radiative_layer_3D", low: []float64{-0.5, -0.5, -1}, high: []float64{0.5, 0.5, 1},
		grid: []int{16, 16, 32}, published: []int{128, 128, 256}, frames: 25, interval: 2.661722, seconds: 30}
)

const (
	coldDensity     = 100.0
	layerMix        = 0.1             // Tmix; cold gas has T = 0.01, hot gas 1
	layerWidth      = 0.5 * math.Ln10 // half width of the cooling weight in log T
	layerFeed       = 0.1             // share of the box and time in which the reservoir acts
	layerShear      = 0.1
	layerWaves      = 0.01
	layerThickness  = 0.02
	layerReach      = 0.1 // height over which the waves fade
	layerWaveNumber = 8   // waves along each axis
)

// coolLayer returns the energy loss over dt at constant density: d log T / dt = -w(T) / tcool, by the midpoint rule in
// log T, in steps of at most a tenth of tcool.
func coolLayer(s *Solver, gas Euler, tcool float64) func(float64, float64, State) error {
	weight := func(logarithm float64) float64 { // of T / Tmix
		square := logarithm * logarithm / (layerWidth * layerWidth)
		return max(0, 1-square) * max(0, 1-square)
	}
	return func(_, dt float64, u State) error {
		substeps := max(1, math.Ceil(dt/(0.1*tcool)))
		h := dt / substeps / tcool
		overBlocks(s.Workers, s.Grid.Cells(), func(from, to int) {
			for i := from; i < to; i++ {
				pressure := gas.Pressure(u, i)
				start := math.Log(pressure / (u[0][i] * layerMix))
				logarithm := start
				for range int(substeps) {
					slope := weight(logarithm)
					if slope == 0 {
						break
					}
					logarithm -= h * weight(logarithm-0.5*h*slope)
				}
				u[gas.Dims+1][i] += pressure / (gas.Gamma - 1) * math.Expm1(logarithm-start)
			}
		})
		return nil
	}
}

// feedLayer returns the relaxation of the hot side's density and pressure to the reservoir's; velocities stay.
func feedLayer(s *Solver, gas Euler) func(float64, float64, State) error {
	across := gas.Dims - 1
	n := s.Grid.Points[across]
	first := n - max(1, int(layerFeed*float64(n)))
	return func(_, dt float64, u State) error {
		keep := math.Exp(-dt / layerFeed)
		overBlocks(s.Workers, s.Grid.Cells(), func(from, to int) {
			velocity := make([]float64, gas.Dims)
			for i := from; i < to; i++ {
				if i%n < first {
					continue
				}
				for k := range velocity {
					velocity[k] = u[1+k][i] / u[0][i]
				}
				gas.Set(u, i, 1+keep*(u[0][i]-1), velocity, 1+keep*(gas.Pressure(u, i)-1))
			}
		})
		return nil
	}
}

// setLayer sets the two gases and the waves on their interface.
func setLayer(s *Solver, gas Euler, c scenario.Case) {
	rng := random(c, 1)
	across := gas.Dims - 1
	thickness := max(layerThickness, s.Grid.Spacing[across])
	type wave struct{ k, phase [2]float64 }
	var waves []wave
	for range 2 * layerWaveNumber {
		var w wave
		for axis := range across {
			w.k[axis] = 2 * math.Pi * float64(1+rng.IntN(layerWaveNumber))
			w.phase[axis] = uniform(rng, 0, 2*math.Pi)
		}
		waves = append(waves, w)
	}
	velocity := make([]float64, gas.Dims)
	s.Grid.Each(func(cell int, at []float64) {
		height := at[across]
		hot := 0.5 * (1 + math.Tanh(height/thickness))
		sum := 0.0
		for _, w := range waves {
			product := 1.0
			for axis := range across {
				product *= math.Cos(w.k[axis]*at[axis] + w.phase[axis])
			}
			sum += product
		}
		velocity[0] = layerShear * (hot - 0.5)
		velocity[across] = layerWaves / math.Sqrt(2*layerWaveNumber) * sum * math.Exp(-height*height/(layerReach*layerReach))
		gas.Set(s.State, cell, coldDensity+(1-coldDensity)*hot, velocity, 1)
	})
}
