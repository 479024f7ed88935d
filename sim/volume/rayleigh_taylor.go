package volume

import (
	"context"
	"math"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/sim/scenario"
)

// Constants of the Rayleigh-Taylor scenario; see rayleighTaylor.
const (
	fallAcceleration = 0.03
	fallSoundSpeed   = 0.5   // of the heavy gas at the interface
	fallAmplitude    = 0.005 // rms displacement of the interface
)

// rayleighTaylor is rayleigh_taylor_instability: heavy gas over light gas in the unit cube.
//
// Equations: those of Euler with gravity -g in z, gamma = 5/3. Units: the side of the cube, the heavy gas's density; g =
// 0.03, so that the published duration (30 to 100 as the Atwood number falls) fits. Density at the interface: 1 above and
// (1 - At) / (1 + At) below; each layer is isentropic and in hydrostatic balance, and that balance is exact in the discrete
// equations. The speed of sound, 0.5 in the heavy gas, is five to ten times the flow's, so the flow is nearly
// incompressible. Parameters: Atwood, and mean and std of the log-normal spectrum of the interface's waves (mode numbers).
// Boundaries: periodic in x and y, slip walls in z. 60 frames up to time sqrt(12 / (At g)).
//
// Source: Cabot and Cook, Nature Phys. 2 (2006) 562; Ohana et al., The Well (2024).
func rayleighTaylor() scenario.Scenario {
	low, high := []float64{0, 0, 0}, []float64{1, 1, 1}
	sides := []field.Sides{field.Both(field.Periodic), field.Both(field.Periodic), field.Both(field.Wall)}
	fields := []scenario.Field{positiveField("density"), vectorField("velocity")}
	return scenario.Scenario{
		Name: "rayleigh_taylor_instability", Title: "Heavy fluid falling through light fluid", Fields: fields,
		Equations:  "rho_t + div(rho v) = 0, (rho v)_t + div(rho v v + p) = -rho g z, E_t + div((E + p) v) = -rho v_z g",
		Source:     "Cabot and Cook, Nature Phys. 2 (2006) 562; Ohana et al., The Well (2024)",
		Simplified: "nearly incompressible gas (Mach number about 0.1) without viscosity or diffusion instead of incompressible miscible fluids; full random phases only",
		GridType:   "cartesian", Axes: []string{"x", "y", "z"},
		DefaultGrid: []int{24, 24, 24}, LeastGrid: []int{8, 8, 8}, PublishedGrid: []int{128, 128, 128}, DefaultFrames: 60, PublishedFrames: 120,
		Parameters: []scenario.Parameter{
			{Name: "Atwood", Doc: "difference of the densities over their sum", Values: []float64{0.75, 0.5, 0.25, 0.125, 0.0625}},
			{Name: "mean", Doc: "mode number at which the log-normal spectrum of the initial waves peaks", Values: []float64{1, 4, 16}},
			{Name: "std", Doc: "standard deviation of the logarithm of the mode number", Values: []float64{0.25, 0.5, 1}},
		},
		Seconds: 28,
		Domain:  box(low, high, sides),
		Run: func(ctx context.Context, c scenario.Case, emit func(scenario.Frame) error) error {
			grid, err := NewGrid(c.Grid, low, high)
			if err != nil {
				return err
			}
			atwood := c.Parameters["Atwood"]
			waves := interfaceWaves(c, grid)
			s, gas, err := fallingLayers(grid, sides, atwood, c.Workers, func(at []float64) float64 { return waves(at[0], at[1]) })
			if err != nil {
				return err
			}
			out := newFluid(s, gas, fields)
			interval := math.Sqrt(12/(atwood*fallAcceleration)) / 59
			return s.record(ctx, c, interval, func(int) map[string][]float32 { return out.sample(1) }, emit)
		},
	}
}

// fallingLayers sets up heavy over light gas on a grid whose last axis is vertical, with gravity. The interface lies at
// height 0.5 + displacement; the flat state is an exact equilibrium of the discrete equations.
func fallingLayers(grid Grid, sides []field.Sides, atwood float64, workers int, displacement func(at []float64) float64) (*Solver, Euler, error) {
	dims := len(grid.Points)
	gas := Euler{Dims: dims, Gamma: 5.0 / 3}
	s := &Solver{System: gas, Grid: grid, Boundaries: sides, State: NewState(gas.Variables(), grid.Cells()), Workers: workers}
	up := dims - 1
	s.Source = func(_ float64, u, rate State) {
		overBlocks(s.Workers, grid.Cells(), func(from, to int) {
			for i := from; i < to; i++ {
				rate[1+up][i] -= fallAcceleration * u[0][i]
				rate[dims+1][i] -= fallAcceleration * u[1+up][i]
			}
		})
	}
	light := (1 - atwood) / (1 + atwood)
	pressure := fallSoundSpeed * fallSoundSpeed / gas.Gamma
	// An isentropic layer: p / rho^gamma constant, dp/dz = -rho g.
	layer := func(density, z float64) (rho, p float64) {
		ratio := 1 - (gas.Gamma-1)/gas.Gamma*density*fallAcceleration/pressure*(z-0.5)
		return density * math.Pow(ratio, 1/(gas.Gamma-1)), pressure * math.Pow(ratio, gas.Gamma/(gas.Gamma-1))
	}
	set := func(displacement func(at []float64) float64) {
		still := make([]float64, dims)
		grid.Each(func(cell int, at []float64) {
			above := min(1, max(0, (at[up]-0.5-displacement(at))/grid.Spacing[up]+0.5)) // share of heavy gas
			heavyRho, heavyP := layer(1, at[up])
			lightRho, lightP := layer(light, at[up])
			gas.Set(s.State, cell, above*heavyRho+(1-above)*lightRho, still, above*heavyP+(1-above)*lightP)
		})
	}
	set(func([]float64) float64 { return 0 })
	if err := s.Balance(); err != nil {
		return nil, gas, err
	}
	set(displacement)
	return s, gas, nil
}

// interfaceWaves draws the displacement of the interface: waves of mode numbers up to a quarter of the grid, amplitudes
// with the log-normal spectrum, random phases, scaled to rms fallAmplitude.
func interfaceWaves(c scenario.Case, g Grid) func(x, y float64) float64 {
	rng := random(c, 1)
	const most = 32
	resolved := max(1, min(g.Points[0], g.Points[1])/4)
	mean, std := c.Parameters["mean"], c.Parameters["std"]
	type wave struct{ kx, ky, phase, amplitude float64 }
	var waves []wave
	sum, heaviest := 0.0, math.Inf(-1)
	for x := -most; x <= most; x++ {
		for y := 0; y <= most; y++ {
			phase := uniform(rng, 0, 2*math.Pi) // drawn for every wave, so that finer grids add waves only
			k := math.Hypot(float64(x), float64(y))
			if k == 0 || k > float64(resolved) || (y == 0 && x < 0) {
				continue
			}
			exponent := -math.Pow(math.Log(k/mean)/std, 2)/2 - math.Log(k*std)
			heaviest = max(heaviest, exponent)
			waves = append(waves, wave{2 * math.Pi * float64(x), 2 * math.Pi * float64(y), phase, exponent})
		}
	}
	for i := range waves {
		waves[i].amplitude = math.Exp(waves[i].amplitude - heaviest)
		sum += waves[i].amplitude * waves[i].amplitude / 2
	}
	scale := fallAmplitude / math.Sqrt(sum)
	return func(x, y float64) float64 {
		total := 0.0
		for _, w := range waves {
			total += w.amplitude * math.Cos(w.kx*x+w.ky*y+w.phase)
		}
		return scale * total
	}
}
