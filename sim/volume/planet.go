package volume

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/sim/scenario"
)

// Constants of the planet, as published.
const (
	planetRadius    = 6.37122e6 // m
	planetRotation  = 7.292e-5  // rad/s
	planetGravity   = 9.80616   // m/s^2
	planetDepth     = 5960.0    // m, mean depth of the layer
	planetHour      = 3600.0    // s
	planetDay       = 24        // h
	planetYear      = 1008      // h
	planetForcing   = 9.0       // m/h
	planetTilt      = 0.4       // rad, amplitude of the season
	planetSpinUp    = 48        // h before the first frame, in which waves that do not fit settle
	planetDecayTime = 3.0       // h, of the shortest waves kept
)

// planet is planetswe: a layer of fluid on the rotating Earth with mountains, heated by day and season.
//
// Equations: those of shallowWater, with the damping of a hyperviscosity (the fourth power of the mode number, e-folding 3
// h at the shortest waves kept). Units: m, m/s, frames one hour apart. F = 9 m/h cos(phi - phi_c) exp(-(latitude -
// latitude_c)^2 / (pi/2)^2) follows the sun: phi_c turns once a day of 24 h, latitude_c = 0.4 sin once a year of 1008 h.
// Initial state: westerly jets of 20 to 45 m/s near 40 degrees in exact gradient-wind balance, random waves of mode 2 to
// 6, a random time of the year; then 48 h of spin-up. height is the surface's height over its mean. There is no
// parameter. Axes: theta (colatitude; marked open as in the public files) and phi (periodic); velocity = (theta, phi).
//
// Source: McCabe et al., "Towards Stability of Autoregressive Neural Operators" (TMLR 2023); Williamson et al.,
// J. Comput. Phys. 102 (1992) 211.
func planet() scenario.Scenario {
	return scenario.Scenario{
		Name: "planetswe", Title: "Shallow water on the rotating Earth with mountains, days and seasons",
		Equations:  "u_t = -u.grad u - g grad h - 2 Omega x u, h_t = -div((H + h - b) u) + F(t), with hyperviscosity",
		Source:     "McCabe et al., TMLR (2023), Stability of autoregressive neural operators; Williamson et al., J. Comput. Phys. 102 (1992) 211",
		Simplified: "random balanced jets and waves instead of ERA5 analyses; seven Gaussian massifs instead of Earth's topography; damping by mode number along rows and meridians instead of a Laplacian squared",
		GridType:   "equiangular", Axes: []string{"theta", "phi"},
		Fields:      []scenario.Field{scalarField("height"), vectorField("velocity")},
		DefaultGrid: []int{64, 128}, LeastGrid: []int{8, 16}, PublishedGrid: []int{256, 512}, DefaultFrames: 240, PublishedFrames: 1008,
		Seconds: 10,
		CheckGrid: func(grid []int) error {
			if grid[1]%2 != 0 {
				return fmt.Errorf("%d columns; expected an even number, because meridians continue across the poles", grid[1])
			}
			return nil
		},
		Domain: func(grid []int, _ map[string]float64) scenario.Domain {
			d := scenario.Domain{Boundaries: []field.Sides{field.Both(field.Open), field.Both(field.Periodic)},
				Coordinates: [][]float32{make([]float32, grid[0]), make([]float32, grid[1])}}
			for j := range d.Coordinates[0] {
				d.Coordinates[0][j] = float32((float64(j) + 0.5) * math.Pi / float64(grid[0]))
			}
			for i := range d.Coordinates[1] {
				d.Coordinates[1][i] = float32(2 * math.Pi * float64(i) / float64(grid[1]))
			}
			return d
		},
		Run: runPlanet,
	}
}

// runPlanet simulates one trajectory. Time 0 of the frames is the end of the spin-up.
func runPlanet(ctx context.Context, c scenario.Case, emit func(scenario.Frame) error) error {
	rng := random(c, 1)
	w := newShallowWater(c.Grid[0], c.Grid[1], c.Workers, planetRadius, planetGravity, planetDepth)
	w.damping = 1 / (planetDecayTime * planetHour)
	w.setPlanet()
	season := uniform(rng, 0, planetYear)
	w.forcing = w.sunlight(season)
	w.setWeather(rng)
	cells := w.rows * w.columns
	values := map[string][]float32{"height": make([]float32, cells), "velocity": make([]float32, 2*cells)}
	for frame := range c.Frames {
		if err := w.advance(ctx, float64(planetSpinUp+frame)*planetHour); err != nil {
			return fmt.Errorf("frame %d: %w", frame, err)
		}
		narrow(values["height"], w.state[2])
		interleave(values["velocity"], w.state[:2])
		if err := emit(scenario.Frame{Time: float64(frame), Values: values}); err != nil {
			return err
		}
	}
	return nil
}

// massif is a Gaussian mountain: latitude, longitude and width in degrees, height in metres.
type massif struct{ latitude, longitude, width, height float64 }

// massifs stand where Earth's great ones do: Tibet, Rockies, Andes, Antarctica, Greenland, East Africa, Alps.
var massifs = [...]massif{
	{33, 88, 12, 3500}, {42, -110, 11, 1800}, {-20, -67, 9, 2200}, {-85, 60, 16, 2500}, {72, -40, 9, 2000}, {5, 37, 9, 1200}, {46, 10, 7, 1000},
}

// setPlanet fills in the Coriolis parameter and the ground.
func (w *shallowWater) setPlanet() {
	w.overPoints(func(i int, theta, phi float64) {
		w.coriolis[i] = 2 * planetRotation * math.Cos(theta)
		for _, m := range massifs {
			w.ground[i] += m.height * math.Exp(-math.Pow(distance(theta, phi, m)/(m.width*math.Pi/180), 2))
		}
	})
	w.smooth(w.ground, 1, 0)
}

// distance is the angle between a point and a massif, in radians.
func distance(theta, phi float64, m massif) float64 {
	sin, cos := math.Sincos(m.latitude * math.Pi / 180)
	dot := math.Cos(theta)*sin + math.Sin(theta)*cos*math.Cos(phi-m.longitude*math.Pi/180)
	return math.Acos(max(-1, min(1, dot)))
}

// overPoints calls visit for every point with its colatitude and longitude.
func (w *shallowWater) overPoints(visit func(i int, theta, phi float64)) {
	for j := range w.rows {
		for i := range w.columns {
			visit(j*w.columns+i, w.colatitude(j), w.longitude(i))
		}
	}
}

// sunlight returns the forcing that follows the sun from a time of the year in hours on.
func (w *shallowWater) sunlight(season float64) func(time float64, height []float64) {
	return func(time float64, height []float64) {
		hours := time/planetHour + season
		center := planetTilt * math.Sin(2*math.Pi*hours/planetYear)
		turn := 2 * math.Pi * hours / planetDay
		parallel(w.workers, w.rows, func(_, row int) {
			offset := (math.Pi/2 - w.colatitude(row) - center) / (math.Pi / 2)
			strength := planetForcing / planetHour * math.Exp(-offset*offset)
			for i := range w.columns {
				height[row*w.columns+i] += strength * math.Cos(w.longitude(i)-turn)
			}
		})
	}
}

// setWeather sets jets in gradient-wind balance and adds waves of the stream function psi, whose height is f psi / g.
func (w *shallowWater) setWeather(rng *rand.Rand) {
	type jet struct{ latitude, width, speed float64 }
	var jets []jet
	for _, hemisphere := range []float64{1, -1} {
		jets = append(jets, jet{hemisphere * uniform(rng, 0.6, 0.85), uniform(rng, 0.2, 0.35), uniform(rng, 20, 45)})
	}
	wind := func(theta float64) float64 {
		speed := 0.0
		for _, j := range jets {
			offset := (math.Pi/2 - theta - j.latitude) / j.width
			speed += j.speed * math.Exp(-offset*offset)
		}
		return speed * math.Sin(theta)
	}
	// g h' = u (2 Omega a cos theta + u / tan theta), integrated from the north pole row by row in fine steps.
	height := 0.0
	const fine = 64
	heights := make([]float64, w.rows)
	theta := 0.0
	for j := range heights {
		step := (w.colatitude(j) - theta) / fine
		for range fine {
			middle := theta + step/2
			u := wind(middle)
			height += step * u * (2*planetRotation*planetRadius*math.Cos(middle) + u/math.Tan(middle)) / planetGravity
			theta += step
		}
		heights[j] = height
	}
	psi := w.scratch[0]
	waves := randomWaves(rng)
	w.overPoints(func(i int, theta, phi float64) { psi[i] = waves(theta, phi) })
	w.smooth(psi, 1, 0)
	w.byColatitude(psi, w.state[1], 1)
	w.byLongitude(psi, w.state[0])
	w.overPoints(func(i int, theta, _ float64) {
		w.state[0][i] *= -1 / (planetRadius * math.Sin(theta))
		w.state[1][i] = w.state[1][i]/planetRadius + wind(theta)
		w.state[2][i] = heights[i/w.columns] + w.coriolis[i]*psi[i]/planetGravity
	})
	mean := w.mean(w.state[2])
	for i := range w.state[2] {
		w.state[2][i] -= mean
	}
}

// randomWaves is a stream function in m^2/s: waves of zonal mode 2 to 6 in each hemisphere's middle latitudes, winds of
// some 10 m/s.
func randomWaves(rng *rand.Rand) func(theta, phi float64) float64 {
	type wave struct{ mode, phase, amplitude, latitude, width float64 }
	var all []wave
	for _, hemisphere := range []float64{1, -1} {
		for m := 2; m <= 6; m++ {
			k := float64(m)
			all = append(all, wave{k, uniform(rng, 0, 2*math.Pi), 8 * planetRadius / k * rng.NormFloat64(),
				hemisphere * uniform(rng, 0.5, 0.95), uniform(rng, 0.25, 0.4)})
		}
	}
	return func(theta, phi float64) float64 {
		sum := 0.0
		for _, w := range all {
			offset := (math.Pi/2 - theta - w.latitude) / w.width
			// sin^2 makes the wave vanish at the poles as a smooth field of its mode must, to the order that matters.
			sum += w.amplitude * math.Cos(w.mode*phi+w.phase) * math.Exp(-offset*offset) * math.Pow(math.Sin(theta), w.mode)
		}
		return sum
	}
}
