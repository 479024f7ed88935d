package spectral

import (
	"context"
	"math"
	"math/rand/v2"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/sim/scenario"
)

const (
	tunnelLength   = 16.0 // of the part that is shown, in sizes of the obstacle
	tunnelHeight   = 4.0
	tunnelInterval = 0.25
	tunnelSpinUp   = 20.0 // time before the first frame, so that the wake is shed
	permeability   = 0.01 // time in which the flow comes to rest inside the obstacle
	fringeStrength = 4.0  // rate at which the flow behind the part shown returns to the inflow
	tunnelDamping  = 20.0
)

// flowPast solves flow past an obstacle in a channel, the obstacle being a porous body of vanishing permeability (volume
// penalisation),
//
//	du/dt + u.grad u = -grad p + lap u / Re - mask u / eta,   div u = 0
//
// in units of the obstacle's size and the mean velocity, eta = 0.01. The channel is 16 long and 4 high with walls at rest
// and a parabolic inflow; behind the part that is shown a fringe returns the flow to the inflow, so that the solver can
// be periodic. The obstacle's outline is a circle with a few random harmonics; mask is 1 inside and 0 in the fluid. Re is
// the Reynolds number. Angot, Bruneau and Fabrie, Numer. Math. 81 (1999) 497; Tali et al., arXiv 2409.18032 (FlowBench).
func flowPast() scenario.Scenario {
	mask := scalar("mask")
	mask.Constant = true
	return scenario.Scenario{
		Name:      "flowbench_FPO_NS_2D_512x128_harmonics",
		Title:     "Flow past an obstacle of random shape in a channel",
		Equations: "du/dt + u.grad u = -grad p + lap u / Re - mask u / eta; div u = 0",
		Source:    "Tali et al., arXiv 2409.18032 (FlowBench, flow past objects, harmonics)",
		Simplified: "volume penalisation and an outflow fringe, not a shifted boundary method with an outlet; a channel of 16 x 4 obstacle sizes; " +
			"frames start after a spin-up of 20; Reynolds numbers at which the wake is shed; grids too coarse get a filter of order 8",
		GridType:        "cartesian",
		Axes:            []string{"x", "y"},
		Fields:          []scenario.Field{scalar("pressure"), mask, vector("velocity")},
		DefaultGrid:     []int{128, 32},
		PublishedGrid:   []int{512, 128},
		DefaultFrames:   121,
		PublishedFrames: 242,
		Seconds:         8,
		Parameters: []scenario.Parameter{
			{Name: "Re", Doc: "Reynolds number of the obstacle's size and the mean velocity", Low: 200, High: 1000},
		},
		LeastGrid: []int{32, 16},
		Domain: func(grid []int, _ map[string]float64) scenario.Domain {
			return strip(grid[0], tunnelLength, evenNodes(grid[1]), 0, tunnelHeight, field.Both(field.Wall))
		},
		Run: runFlowPast,
	}
}

func runFlowPast(ctx context.Context, c scenario.Case, emit func(scenario.Frame) error) error {
	if err := requirePositive(c.Parameters, "Re"); err != nil {
		return err
	}
	s := newTunnel(c.Grid, 1/c.Parameters["Re"], c.Workers)
	s.setFilter(s.viscosity, tunnelDamping)
	random := newRandom(c.Seed)
	shape := randomOutline(random)
	s.place(shape)
	state := make([]complex128, s.size())
	s.disturb(state, random)
	stepper := NewStepper(s, len(state), c.Workers)
	for range int(tunnelSpinUp / tunnelInterval) {
		if err := stepper.Advance(ctx, state, tunnelInterval); err != nil {
			return err
		}
	}
	out := s.newSampler(evenNodes(c.Grid[1]), c.Grid[0])
	r := newRecorder(emit)
	solid := make([]float64, c.Grid[0]*c.Grid[1])
	for i := range solid {
		if shape.inside(s.x(i/c.Grid[1]), s.half*out.y[i%c.Grid[1]]) < 0 {
			solid[i] = 1
		}
	}
	r.setConstant("mask", solid)
	return trajectory(ctx, c, tunnelInterval, stepper, state, r, func() {
		pressure, gradient := s.flowPressure(state)
		r.set("pressure", 0, 1, out.sample(pressure, out.legendre[0], one, func(i int, _ float64) float64 { return gradient * s.x(i) }))
		out.setVelocity(r, state, func(_ int, y float64) float64 { return poiseuille(y) })
	})
}

// outline is a closed curve around a centre: the radius is a Fourier series of the angle.
type outline struct {
	x, y         float64
	radius       float64
	cosine, sine [outlineModes]float64
}

const outlineModes = 5

// randomOutline draws an obstacle of mean radius about 1/2, a third of the way down the channel.
func randomOutline(random *rand.Rand) *outline {
	o := &outline{x: uniform(random, 3, 4), y: uniform(random, -0.3, 0.3), radius: uniform(random, 0.4, 0.55)}
	for m := 1; m < outlineModes; m++ { // harmonics 2 to 5; the first only moves the centre
		size := 0.25 * o.radius / float64(m)
		o.cosine[m], o.sine[m] = uniform(random, -size, size), uniform(random, -size, size)
	}
	return o
}

// inside is the distance from the outline along the ray from the centre: negative inside.
func (o *outline) inside(x, y float64) float64 {
	angle := math.Atan2(y-o.y, x-o.x)
	radius := o.radius
	for m := range outlineModes {
		radius += o.cosine[m]*math.Cos(float64(m+1)*angle) + o.sine[m]*math.Sin(float64(m+1)*angle)
	}
	return math.Hypot(x-o.x, y-o.y) - radius
}

// tunnel is the system of penalised flow in a channel with a fringe. The state holds the stream function of the deviation
// from the parabolic profile.
type tunnel struct {
	channelSystem
	viscosity float64
	spacing   float64

	base           []float64 // the parabolic profile by y point
	drag           []float64 // mask / eta at the points
	fringe         []float64 // by x point
	u, v           []float64
	first, second  []float64
	forceX, forceY []float64
	speed          float64
}

func newTunnel(grid []int, viscosity float64, workers int) *tunnel {
	columns := grid[0] + (grid[0]+3)/4 // the fringe is a quarter of the part shown
	spacing := tunnelLength / float64(grid[0])
	s := &tunnel{viscosity: viscosity, spacing: spacing,
		channelSystem: channelSystem{channel: newChannel(columns, grid[1], spacing*float64(columns), tunnelHeight, workers)}}
	s.addField(s.clamped, momentum(viscosity))
	for _, y := range s.points {
		s.base = append(s.base, poiseuille(y))
	}
	length := spacing * float64(columns)
	for i := range columns {
		// a smooth bump over the fringe, zero at its ends
		bump := math.Sin(math.Pi * max(0, s.x(i)-tunnelLength) / (length - tunnelLength))
		s.fringe = append(s.fringe, fringeStrength*bump*bump)
	}
	for _, to := range []*[]float64{&s.drag, &s.u, &s.v, &s.first, &s.second, &s.forceX, &s.forceY} {
		*to = make([]float64, s.volume())
	}
	return s
}

// x is the position of a column of points.
func (s *tunnel) x(i int) float64 { return s.spacing * float64(i) }

// solid is the share of a cell that a body covers whose surface is at the given distance, positive outside: smooth over
// about the spacing.
func (s *tunnel) solid(distance float64) float64 { return (1 - math.Tanh(2*distance/s.spacing)) / 2 }

// place puts an obstacle into the channel.
func (s *tunnel) place(o *outline) {
	for q, eta := range s.points {
		for i := range s.nx {
			s.drag[q*s.nx+i] = s.solid(o.inside(s.x(i), s.half*eta)) / permeability
		}
	}
}

// disturb adds weak random waves that set off the shedding, drawn in an order that does not depend on the grid.
func (s *tunnel) disturb(state []complex128, random *rand.Rand) {
	for m := 1; m <= 8; m++ {
		for j := range 3 {
			value := complex(random.NormFloat64(), random.NormFloat64()) * complex(0.05/float64(1+j), 0)
			if m < s.waves && j < s.clamped.n {
				s.wave(state, m)[j] = value
			}
		}
	}
}

// evaluate computes the velocity and the forces of the obstacle and the fringe at the points.
func (s *tunnel) evaluate(state []complex128) {
	s.velocity(s.u, s.v, state, s.base)
	s.speed = s.crossing(s.u, s.v)
	for i, u := range s.u {
		drag, fringe := s.drag[i], s.fringe[i%s.nx]
		s.forceX[i] = fringe*(s.base[i/s.nx]-u) - drag*u
		s.forceY[i] = -(fringe + drag) * s.v[i]
	}
}

// Nonlinear implements System.
func (s *tunnel) Nonlinear(dst, state []complex128) {
	s.evaluate(state)
	clear(dst)
	reynoldsStress(s.first, s.second, s.u, s.v)
	s.addStress(dst, s.first, s.second)
	s.addForce(dst, s.forceX, s.forceY)
}

// StepLimit implements System: the drag is explicit, and the scheme stable up to 2.5 permeabilities.
func (s *tunnel) StepLimit() float64 { return min(1.6*permeability, courant/s.speed) }

// flowPressure returns the Legendre coefficients of the periodic part of the pressure, and the mean gradient that balances
// the obstacle, the fringe and the friction at the walls.
func (s *tunnel) flowPressure(state []complex128) (coefficients []complex128, gradient float64) {
	s.evaluate(state)
	total := 0.0
	for q, w := range s.weights {
		for i := q * s.nx; i < (q+1)*s.nx; i++ {
			total += w * s.forceX[i] / float64(s.nx)
		}
	}
	friction := -6 / s.half // U'(top) - U'(bottom) of the base flow
	for j, v := range s.wave(state, 0)[:s.clamped.n] {
		friction += real(v) * (s.clamped.top[2][j] - s.clamped.base[2][j])
	}
	gradient = (total + s.viscosity*friction) / (2 * s.half)
	txx, txy, tyy := reynoldsTensor(s.u, s.v)
	return s.pressure(state, s.viscosity, txx, txy, tyy, s.forceX, s.forceY), gradient
}
