package spectral

import (
	"context"
	"math"
	"math/rand/v2"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/sim/scenario"
)

const (
	convectionLength   = 4.0
	convectionInterval = 0.25 // free-fall times between frames
	convectionStep     = 0.125
	convectionDamping  = 20.0 // damping rate of the highest modes when diffusion alone does not resolve the flow
)

// rayleighBenard solves convection between a hot wall below and a cold one above, in the Boussinesq approximation,
//
//	db/dt + u.grad b = kappa lap b,   kappa = (Ra Pr)^(-1/2)
//	du/dt + u.grad u = -grad p + nu lap u + b e_y,   div u = 0,   nu = (Ra / Pr)^(-1/2)
//
// with b = 1 and u = 0 at y = 0, b = 0 and u = 0 at y = 1, periodic in x over [0, 4). Lengths are in heights of the
// layer, times in free-fall times. Ra is the Rayleigh number (convection from 1708 on), Pr the Prandtl number. The state
// of rest carries small random disturbances of the buoyancy. The Well, rayleigh_benard, after the Dedalus example.
func rayleighBenard() scenario.Scenario {
	return scenario.Scenario{
		Name:      "rayleigh_benard",
		Title:     "Convection between a hot and a cold wall",
		Equations: "db/dt + u.grad b = kappa lap b; du/dt + u.grad u = -grad p + nu lap u + b e_y; div u = 0",
		Source:    "The Well, rayleigh_benard; Dedalus example ivp_2d_rayleigh_benard",
		Simplified: "disturbances are smooth, of amplitude 0.001 to 0.1, on the full conduction profile; no net flow along x; " +
			"Legendre-Galerkin, not Chebyshev tau, in y (frames on the same Chebyshev points); grids too coarse for the Rayleigh number get a filter of order 8",
		GridType:        "cartesian",
		Axes:            []string{"x", "y"},
		Fields:          []scenario.Field{scalar("buoyancy"), scalar("pressure"), vector("velocity")},
		DefaultGrid:     []int{128, 64},
		PublishedGrid:   []int{512, 128},
		DefaultFrames:   200,
		PublishedFrames: 200,
		Seconds:         8,
		Parameters: []scenario.Parameter{
			{Name: "Rayleigh", Doc: "Rayleigh number", Values: []float64{1e6, 1e7, 1e8, 1e9, 1e10}},
			{Name: "Prandtl", Doc: "Prandtl number: viscosity over thermal diffusivity", Values: []float64{0.1, 0.2, 0.5, 1, 2, 5, 10}},
		},
		LeastGrid: []int{16, 16},
		Domain: func(grid []int, _ map[string]float64) scenario.Domain {
			return strip(grid[0], convectionLength, chebyshevNodes(grid[1]), 0, 1, field.Both(field.Periodic))
		},
		Run: runRayleighBenard,
	}
}

func runRayleighBenard(ctx context.Context, c scenario.Case, emit func(scenario.Frame) error) error {
	if err := requirePositive(c.Parameters, "Rayleigh", "Prandtl"); err != nil {
		return err
	}
	s := newConvection(c.Grid, convectionLength, c.Parameters["Rayleigh"], c.Parameters["Prandtl"], c.Workers)
	s.setFilter(min(s.viscosity, s.diffusivity), convectionDamping)
	state := make([]complex128, 2*s.size())
	s.disturb(s.part(state, 1), newRandom(c.Seed))
	out := s.newSampler(chebyshevNodes(c.Grid[1]), c.Grid[0])
	r := newRecorder(emit)
	conduction := func(_ int, y float64) float64 { return (1 - y) / 2 }
	return trajectory(ctx, c, convectionInterval, NewStepper(s, len(state), c.Workers), state, r, func() {
		pressure := s.flowPressure(state)
		r.set("buoyancy", 0, 1, out.sample(s.part(state, 1), out.zero[0], one, conduction))
		r.set("pressure", 0, 1, out.sample(pressure, out.legendre[0], one, nil))
		out.setVelocity(r, s.part(state, 0), nil)
	})
}

// convection is the Boussinesq system. The state holds the stream function and the deviation of the buoyancy from the
// conduction profile 1 - y.
type convection struct {
	channelSystem
	viscosity, diffusivity float64

	u, v, b    []float64 // at the points; b is the deviation
	first      []float64 // products
	second     []float64
	conduction []float64 // by y point
	speed      float64
}

func newConvection(grid []int, length, rayleigh, prandtl float64, workers int) *convection {
	s := &convection{
		channelSystem: channelSystem{channel: newChannel(grid[0], grid[1], length, 1, workers)},
		viscosity:     math.Sqrt(prandtl / rayleigh),
		diffusivity:   1 / math.Sqrt(rayleigh*prandtl),
	}
	s.addField(s.clamped, momentum(s.viscosity))
	s.addField(s.zero, heat(s.diffusivity))
	for _, p := range []*[]float64{&s.u, &s.v, &s.b, &s.first, &s.second} {
		*p = make([]float64, s.volume())
	}
	for _, y := range s.points {
		s.conduction = append(s.conduction, (1-y)/2)
	}
	return s
}

// disturb fills the buoyancy with a smooth random field of an amplitude drawn between 0.001 and 0.1. The numbers are drawn
// in an order that does not depend on the grid.
func (s *convection) disturb(b []complex128, random *rand.Rand) {
	amplitude := math.Pow(10, uniform(random, -3, -1))
	for m := 1; m <= 16; m++ {
		for j := range 6 {
			value := complex(random.NormFloat64(), random.NormFloat64()) * complex(amplitude/(4*float64(1+j)), 0)
			if m < s.waves && j < s.zero.n {
				s.wave(b, m)[j] = value
			}
		}
	}
}

func (s *convection) evaluate(state []complex128) {
	s.velocity(s.u, s.v, state, nil)
	s.toPoints(s.b, s.part(state, 1), s.zero.at[0], one)
	s.speed = s.crossing(s.u, s.v)
}

// Nonlinear implements System.
func (s *convection) Nonlinear(dst, state []complex128) {
	s.evaluate(state)
	clear(dst)
	stream, heat := s.part(dst, 0), s.part(dst, 1)
	reynoldsStress(s.first, s.second, s.u, s.v)
	s.addStress(stream, s.first, s.second)
	s.addForce(stream, nil, s.b)
	for q, b := range s.conduction {
		for i := q * s.nx; i < (q+1)*s.nx; i++ {
			s.second[i] = s.b[i] + b
		}
	}
	s.addFlux(heat, s.zero, s.second, s.u, s.v, s.first)
}

// StepLimit implements System: buoyancy oscillates at a frequency of at most 1.
func (s *convection) StepLimit() float64 { return min(convectionStep, courant/max(s.speed, 1e-9)) }

// flowPressure returns the pressure's Legendre coefficients, of zero mean.
func (s *convection) flowPressure(state []complex128) []complex128 {
	s.evaluate(state)
	up := make([]float64, s.volume())
	for i, b := range s.b {
		up[i] = b + s.conduction[i/s.nx]
	}
	txx, txy, tyy := reynoldsTensor(s.u, s.v)
	return s.pressure(state, s.viscosity, txx, txy, tyy, make([]float64, s.volume()), up)
}
