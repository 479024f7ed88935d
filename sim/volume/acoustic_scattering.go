package volume

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/sim/scenario"
)

// scattering is what the three acoustic scenarios share: pressure rings that spread in a medium of varying density.
//
// Equations: those of Acoustics with K = 4, on the square [-1, 1]^2, dimensionless. Boundaries: reflecting walls at both
// ends of x, open at both ends of y. Initial state: at rest, zero pressure but for a few rings; inside a ring of
// radius R and half width w the pressure is intensity + cos(pi (r - R) / w).
type scattering struct {
	name, title string
	simplified  string
	seconds     float64 // see scenario.Scenario
	interval    float64 // time between frames
	frames      int
	most        int // rings: 1 to most
	ring        func(rng *rand.Rand) (width, radius, intensity float64)
	// medium sets the density at each cell and says where rings may start and have pressure.
	medium func(rng *rand.Rand, g Grid, density []float64) (allowed func(cell int) bool)
	// inMedium draws a ring's centre; nil: uniform in [-0.95, 0.95]^2.
	inMedium func(rng *rand.Rand, g Grid, allowed func(cell int) bool) (x, y float64)
}

const (
	acousticModulus = 4.0
	scatteringText  = "p_t + K div u = 0, rho(x, y) u_t + grad p = 0, K = 4"
	ringSimplified  = "rings are at least one cell wide"
	noiseSimplified = "smoothed noise is a sum of waves with the same covariance; " + ringSimplified
)

// scenario assembles the description.
func (a scattering) scenario() scenario.Scenario {
	low, high := []float64{-1, -1}, []float64{1, 1}
	sides := []field.Sides{field.Both(field.Wall), field.Both(field.Open)}
	density, speed := positiveField("density"), positiveField("speed_of_sound")
	density.Constant, speed.Constant = true, true
	return scenario.Scenario{
		Name: a.name, Title: a.title, Equations: scatteringText,
		Source:     "Ohana et al., The Well (2024), generated with Clawpack (Mandli et al., PeerJ Comput. Sci. 2 (2016) e68)",
		Simplified: a.simplified,
		GridType:   "cartesian", Axes: []string{"x", "y"},
		Fields:      []scenario.Field{scalarField("pressure"), density, speed, vectorField("velocity")},
		DefaultGrid: []int{128, 128}, LeastGrid: []int{8, 8}, PublishedGrid: []int{256, 256}, DefaultFrames: a.frames, PublishedFrames: a.frames,
		Seconds: a.seconds,
		Domain:  box(low, high, sides),
		Run: func(ctx context.Context, c scenario.Case, emit func(scenario.Frame) error) error {
			grid, err := NewGrid(c.Grid, low, high)
			if err != nil {
				return err
			}
			return a.run(ctx, c, grid, sides, emit)
		},
	}
}

// run simulates one trajectory.
func (a scattering) run(ctx context.Context, c scenario.Case, grid Grid, sides []field.Sides, emit func(scenario.Frame) error) error {
	system := Acoustics{Dims: 2, Modulus: acousticModulus}
	density := make([]float64, grid.Cells())
	allowed := a.medium(random(c, 1), grid, density)
	s := &Solver{System: system, Grid: grid, Boundaries: sides, Workers: c.Workers,
		State: NewState(system.Variables(), grid.Cells()), Material: system.setMedium(density)}
	a.setRings(random(c, 2), s, allowed)

	cells := grid.Cells()
	values := map[string][]float32{"pressure": make([]float32, cells), "velocity": make([]float32, 2*cells),
		"density": make([]float32, cells), "speed_of_sound": make([]float32, cells)}
	narrow(values["density"], density)
	for i, d := range density {
		values["speed_of_sound"][i] = float32(math.Sqrt(acousticModulus / d))
	}
	return s.record(ctx, c, a.interval, func(int) map[string][]float32 {
		for i, d := range density {
			values["pressure"][i] = float32(acousticModulus * s.State[0][i])
			values["velocity"][2*i] = float32(s.State[1][i] / d)
			values["velocity"][2*i+1] = float32(s.State[2][i] / d)
		}
		return values
	}, emit)
}

// setRings adds the initial pressure where the medium allows it, and draws again while that is nowhere: silence is no
// trajectory.
func (a scattering) setRings(rng *rand.Rand, s *Solver, allowed func(cell int) bool) {
	for try := 0; try < 1000 && slices.Max(s.State[0]) == 0; try++ {
		a.addRings(rng, s, allowed)
	}
}

// addRings draws one set of rings. A ring is at least as wide as a cell, so that coarse grids see it.
func (a scattering) addRings(rng *rand.Rand, s *Solver, allowed func(cell int) bool) {
	for range 1 + rng.IntN(a.most) {
		width, radius, intensity := a.ring(rng)
		width = max(width, s.Grid.Spacing[0], s.Grid.Spacing[1])
		x, y := uniform(rng, -0.95, 0.95), uniform(rng, -0.95, 0.95)
		if a.inMedium != nil {
			x, y = a.inMedium(rng, s.Grid, allowed)
		}
		s.Grid.Each(func(cell int, at []float64) {
			offset := math.Hypot(at[0]-x, at[1]-y) - radius
			if math.Abs(offset) <= width && allowed(cell) {
				s.State[0][cell] += (intensity + math.Cos(math.Pi*offset/width)) / acousticModulus
			}
		})
	}
}

// wideRing is a ring of the discontinuous and inclusions scenarios.
func wideRing(rng *rand.Rand) (width, radius, intensity float64) {
	width = uniform(rng, 0.05, 0.15)
	return width, uniform(rng, width+0.01, 0.3), uniform(rng, 0.5, 2)
}

// everywhere allows all cells.
func everywhere(int) bool { return true }

// splitMedium fills two parts of the square, divided at a random line along x or y, with one smooth density each.
func splitMedium(rng *rand.Rand, g Grid, density []float64) {
	axis, at := rng.IntN(2), uniform(rng, -0.8, 0.8)
	parts := [2]func(x, y float64) float64{}
	for i := range parts {
		low, high := [2]float64{-1, -1}, [2]float64{1, 1}
		if i == 0 {
			high[axis] = at
		} else {
			low[axis] = at
		}
		parts[i] = smoothDensity(rng, low, high)
	}
	g.Each(func(cell int, position []float64) {
		part := 0
		if position[axis] >= at {
			part = 1
		}
		density[cell] = parts[part](position[0], position[1])
	})
}

// smoothDensity draws one of the four published kinds of background on the rectangle from low to high: a Gaussian bump,
// a bilinear gradient, a constant, or smoothed noise around a constant.
func smoothDensity(rng *rand.Rand, low, high [2]float64) func(x, y float64) float64 {
	level := func() float64 { return uniform(rng, 1, 7) }
	switch rng.IntN(4) {
	case 0:
		base, peak, spread := level(), level(), uniform(rng, 0.1, 5)
		x0, y0 := uniform(rng, low[0], high[0]), uniform(rng, low[1], high[1])
		return func(x, y float64) float64 {
			return base + (peak-base)*math.Exp(-((x-x0)*(x-x0)+(y-y0)*(y-y0))/spread)
		}
	case 1:
		corner := [4]float64{level(), level(), level(), level()}
		return func(x, y float64) float64 {
			a, b := (x-low[0])/(high[0]-low[0]), (y-low[1])/(high[1]-low[1])
			return (1-a)*(1-b)*corner[0] + a*(1-b)*corner[1] + (1-a)*b*corner[2] + a*b*corner[3]
		}
	case 2:
		base := level()
		return func(float64, float64) float64 { return base }
	}
	base, noise := level(), smoothedNoise(rng, uniform(rng, 5, 10))
	return func(x, y float64) float64 { return base + noise(x, y) }
}

// smoothedNoise has the covariance of white noise of unit variance at each of 256 x 256 points after a Gaussian filter
// of width sigma points, but as a sum of waves, so that it is the same function on every grid.
func smoothedNoise(rng *rand.Rand, sigma float64) func(x, y float64) float64 {
	const waves = 64
	length := sigma * 2 / 256 * math.Sqrt2
	amplitude := math.Sqrt(2.0/waves) / (2 * math.SqrtPi * sigma)
	var k [waves][3]float64
	for i := range k {
		k[i] = [3]float64{rng.NormFloat64() / length, rng.NormFloat64() / length, uniform(rng, 0, 2*math.Pi)}
	}
	return func(x, y float64) float64 {
		sum := 0.0
		for _, w := range k {
			sum += math.Cos(w[0]*x + w[1]*y + w[2])
		}
		return amplitude * sum
	}
}
