package spectral

import (
	"context"
	"math"
	"math/rand/v2"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/sim/scenario"
)

const (
	viscoelasticLength   = 2 * math.Pi
	viscoelasticInterval = 0.25
	viscoelasticDamping  = 20.0 // damping rate of the highest modes on grids that do not resolve the polymer's sheets
)

// viscoelastic solves a dilute polymer solution that is driven through a channel at constant flow rate (FENE-P),
//
//	Re (du/dt + u.grad u) = -grad p + beta lap u + (1 - beta) div T,   div u = 0
//	dC/dt + u.grad C + T = C.grad u + (grad u)^T.C + epsilon lap C
//	T = (f C - I) / Wi,   f = 1 / (1 - (tr C - 3) / Lmax^2)
//
// with C the conformation tensor of the polymer, of components xx, xy, yy (tensor C) and zz. Lengths are in half widths
// of the channel, velocities in the mean velocity. The flow is periodic in x over [0, 2 pi), at rest at the walls
// y = -1 and 1, where the diffusion of C vanishes. It starts from the laminar state under a random disturbance. Re is
// the Reynolds number, Wi the Weissenberg number (relaxation time), beta the solvent's share of the viscosity, Lmax the
// polymer's greatest length. Beneitez, Page, Dubief and Kerswell, J. Fluid Mech. 981 (2024) A30; The Well,
// viscoelastic_instability.
func viscoelastic() scenario.Scenario {
	czz := scalar("c_zz")
	czz.Positive = true
	return scenario.Scenario{
		Name:      "viscoelastic_instability",
		Title:     "A polymer solution in a channel, disturbed from its laminar flow",
		Equations: "Re (du/dt + u.grad u) = -grad p + beta lap u + (1 - beta) div T; dC/dt + u.grad C + T = C.grad u + (grad u)^T.C + epsilon lap C; T = (f(tr C) C - I) / Wi",
		Source:    "Beneitez et al., J. Fluid Mech. 981 (2024) A30; The Well, viscoelastic_instability",
		Simplified: "frames every 0.25, not 1; starts from the disturbed laminar state only, so that edge states and attractors are not selected; solves for the logarithm of C, which keeps C positive definite; " +
			"diffusion acts on the logarithm, across the channel as epsilon (1 - y^2), with a larger epsilon on coarser grids; f is continued linearly beyond 40; Legendre-Galerkin in y",
		GridType:        "cartesian",
		Axes:            []string{"x", "y"},
		Fields:          []scenario.Field{scalar("pressure"), czz, vector("velocity"), tensor("C")},
		DefaultGrid:     []int{64, 64},
		PublishedGrid:   []int{512, 512},
		DefaultFrames:   20,
		PublishedFrames: 60,
		Seconds:         4,
		Parameters: []scenario.Parameter{
			{Name: "Re", Doc: "Reynolds number", Values: []float64{1000}},
			{Name: "Wi", Doc: "Weissenberg number", Values: []float64{50}},
			{Name: "beta", Doc: "viscosity of the solvent over that of the solution", Values: []float64{0.9}},
			{Name: "epsilon", Doc: "diffusivity of the conformation tensor", Values: []float64{2e-6}},
			{Name: "Lmax", Doc: "greatest length of the polymer", Values: []float64{70}},
		},
		LeastGrid: []int{16, 24},
		Domain: func(grid []int, _ map[string]float64) scenario.Domain {
			return strip(grid[0], viscoelasticLength, evenNodes(grid[1]), -1, 1, field.Both(field.Periodic))
		},
		Run: runViscoelastic,
	}
}

func runViscoelastic(ctx context.Context, c scenario.Case, emit func(scenario.Frame) error) error {
	if err := requirePositive(c.Parameters, "Re", "Wi", "beta", "epsilon", "Lmax"); err != nil {
		return err
	}
	s := newPolymerFlow(c.Grid, polymer{reynolds: c.Parameters["Re"], weissenberg: c.Parameters["Wi"],
		solvent: c.Parameters["beta"], diffusivity: max(c.Parameters["epsilon"], resolvedDiffusivity(c.Grid)), length: c.Parameters["Lmax"]}, c.Workers)
	s.setFilter(s.diffusivity, viscoelasticDamping)
	state := make([]complex128, 5*s.size())
	s.laminar(state)
	s.disturb(state, newRandom(c.Seed))
	out := s.newSampler(evenNodes(c.Grid[1]), c.Grid[0])
	r := newRecorder(emit)
	return trajectory(ctx, c, viscoelasticInterval, NewStepper(s, len(state), c.Workers), state, r, func() {
		pressure := s.flowPressure(state)
		r.set("pressure", 0, 1, out.sample(pressure, out.legendre[0], one, nil))
		out.setVelocity(r, s.part(state, 0), func(_ int, y float64) float64 { return poiseuille(y) })
		for component := range s.psi {
			copy(s.psi[component], out.sample(s.part(state, 1+component), out.legendre[0], one, nil))
		}
		for i := range s.c[xx] {
			s.conformationAt(i)
		}
		r.set("c_zz", 0, 1, s.c[zz])
		for entry, component := range []int{xx, xy, xy, yy} {
			r.set("C", entry, 4, s.c[component])
		}
	})
}

// resolvedDiffusivity is the least diffusivity of the conformation tensor that a grid carries without its sheets breaking
// up into noise: the published one on the published grid, and as the square of the spacing on coarser ones.
func resolvedDiffusivity(grid []int) float64 {
	return 2e-6 * math.Pow(512/float64(min(grid[0], grid[1])), 2)
}

// poiseuille is the laminar profile of mean velocity 1 between walls at -1 and 1.
func poiseuille(y float64) float64 { return 1.5 * (1 - y*y) }

// The components of the conformation tensor that are not given by symmetry, in the order of the state.
const (
	xx = iota
	xy
	yy
	zz
)

// polymer holds the material's parameters.
type polymer struct {
	reynolds, weissenberg, solvent, diffusivity, length float64
}

// springLimit is where f is continued by its tangent, so that a step that overshoots the greatest length recovers.
const springLimit = 40

// spring is f(tr C), the stiffening of the polymer as its length reaches its greatest.
func (p polymer) spring(trace float64) float64 {
	x := (trace - 3) / (p.length * p.length)
	if knee := 1 - 1.0/springLimit; x > knee {
		return springLimit + springLimit*springLimit*(x-knee)
	}
	return 1 / (1 - x)
}

// sheared gives the steady conformation under a uniform rate of shear: f is the root of a function that falls with f.
func (p polymer) sheared(rate float64) (c [4]float64) {
	at := func(f float64) [4]float64 {
		s := p.weissenberg * rate / f
		return [4]float64{xx: (1 + 2*s*s) / f, xy: s / f, yy: 1 / f, zz: 1 / f}
	}
	low, high := 1.0, 2+p.weissenberg*math.Abs(rate)
	for range 100 {
		f := (low + high) / 2
		c = at(f)
		if trace := c[xx] + c[yy] + c[zz]; (trace-3)/(p.length*p.length) > 1-1/f {
			low = f
		} else {
			high = f
		}
	}
	return c
}

// The parts of the logarithm of the conformation tensor, in the order of the state: half the trace of its in-plane part,
// half the difference of its diagonal, its off-diagonal, and the logarithm of c_zz.
const (
	logMean = iota
	logDifference
	logShear
	logAcross
)

// polymerFlow is the FENE-P system in a channel. The state holds the stream function of the deviation from the parabolic
// profile, then the logarithm psi of C, whose evolution (Fattal and Kupferman 2004) keeps C positive definite.
type polymerFlow struct {
	channelSystem
	polymer

	base          []float64 // the parabolic profile by y point
	shear         []float64 // its derivative
	u, v          []float64 // at the points
	ux, uy, vx    []float64
	psi, c        [4][]float64
	first, second []float64 // products
	speed         float64
	stiffness     float64 // the fastest rate of stretching or relaxation
}

func newPolymerFlow(grid []int, p polymer, workers int) *polymerFlow {
	s := &polymerFlow{polymer: p, channelSystem: channelSystem{channel: newChannel(grid[0], grid[1], viscoelasticLength, 2, workers)}}
	s.addField(s.clamped, momentum(p.solvent/p.reynolds))
	// Diffusion across the channel with diffusivity epsilon (1 - y^2) has Legendre polynomials as its modes.
	basis := *s.legendre
	basis.gram[1] = make(band, basis.n)
	for j := range basis.gram[1] {
		basis.gram[1][j][0] = basis.gram[0][j][0] * float64(j*(j+1))
	}
	for range s.psi {
		s.addField(&basis, heat(p.diffusivity))
	}
	for _, y := range s.points {
		s.base = append(s.base, poiseuille(y))
		s.shear = append(s.shear, -3*y)
	}
	for _, to := range []*[]float64{&s.u, &s.v, &s.ux, &s.uy, &s.vx, &s.first, &s.second} {
		*to = make([]float64, s.volume())
	}
	for i := range s.psi {
		s.psi[i], s.c[i] = make([]float64, s.volume()), make([]float64, s.volume())
	}
	return s
}

// laminar sets C to that of the parabolic profile and the deviation to zero.
func (s *polymerFlow) laminar(state []complex128) {
	clear(state)
	for component := range s.psi {
		for q, rate := range s.shear {
			psi := logarithm(s.sheared(rate))
			for i := range s.nx {
				s.first[q*s.nx+i] = psi[component]
			}
		}
		part := s.part(state, 1+component)
		s.transform(s.first)
		s.addIntegrals(part, s.legendre.at[0], one)
		for i := range part {
			part[i] /= complex(s.legendre.gram[0][i%s.degrees][0], 0)
		}
	}
}

// logarithm gives the parts of psi of a conformation.
func logarithm(c [4]float64) (psi [4]float64) {
	mean, half := (c[xx]+c[yy])/2, (c[xx]-c[yy])/2
	r := math.Hypot(half, c[xy])
	// the smaller eigenvalue from the determinant, without cancellation
	large := math.Log(mean + r)
	small := math.Log(c[xx]*c[yy]-c[xy]*c[xy]) - large
	psi[logMean], psi[logAcross] = (large+small)/2, math.Log(c[zz])
	if r > 0 {
		psi[logDifference], psi[logShear] = (large-small)/2*half/r, (large-small)/2*c[xy]/r
	}
	return psi
}

// conformationAt computes C from psi at a point.
func (s *polymerFlow) conformationAt(i int) {
	r, cosine, sine := polar(s.psi[logDifference][i], s.psi[logShear][i])
	scale := math.Exp(s.psi[logMean][i])
	even, odd := scale*math.Cosh(r), scale*math.Sinh(r)
	s.c[xx][i], s.c[xy][i], s.c[yy][i] = even+cosine*odd, sine*odd, even-cosine*odd
	s.c[zz][i] = math.Exp(s.psi[logAcross][i])
}

// polar gives the length and direction of a pair.
func polar(x, y float64) (r, cosine, sine float64) {
	r = math.Hypot(x, y)
	if r == 0 {
		return 0, 1, 0
	}
	return r, x / r, y / r
}

// disturb adds a random flow of long waves, drawn in an order that does not depend on the grid.
func (s *polymerFlow) disturb(state []complex128, random *rand.Rand) {
	amplitude := uniform(random, 0.01, 0.04)
	for m := 1; m <= 4; m++ {
		for j := range 6 {
			value := complex(random.NormFloat64(), random.NormFloat64()) * complex(amplitude/float64((1+m)*(1+j)), 0)
			if m < s.waves && j < s.clamped.n {
				s.wave(s.part(state, 0), m)[j] = value
			}
		}
	}
}

func (s *polymerFlow) evaluate(state []complex128) {
	s.velocity(s.u, s.v, state, s.base)
	stream := s.part(state, 0)
	s.toPoints(s.ux, stream, s.clamped.at[1], alongX)
	s.toPoints(s.vx, stream, s.clamped.at[0], func(k float64) complex128 { return complex(k*k, 0) })
	s.toPoints(s.uy, stream, s.clamped.at[2], one)
	for i := range s.uy {
		s.uy[i] += s.shear[i/s.nx]
	}
	for component, psi := range s.psi {
		s.toPoints(psi, s.part(state, 1+component), s.legendre.at[0], one)
	}
	parallel(s.workers, s.volume(), func(_, low, high int) {
		for i := low; i < high; i++ {
			s.conformationAt(i)
		}
	})
	s.speed = s.crossing(s.u, s.v)
	s.stiffness = 0
	for i, strain := range s.ux {
		trace := s.c[xx][i] + s.c[yy][i] + s.c[zz][i]
		f := min(s.spring(trace), springLimit)
		relaxation := f * f * trace / (s.length * s.length * s.weissenberg)
		s.stiffness = max(s.stiffness, relaxation, 2*math.Abs(strain)+math.Abs(s.uy[i])+math.Abs(s.vx[i]))
	}
}

// Nonlinear implements System.
func (s *polymerFlow) Nonlinear(dst, state []complex128) {
	s.evaluate(state)
	clear(dst)
	reynoldsStress(s.first, s.second, s.u, s.v)
	for i := range s.u {
		f := s.stressFactor(i)
		s.first[i] += f * (s.c[xx][i] - s.c[yy][i])
		s.second[i] += f * s.c[xy][i]
	}
	s.addStress(s.part(dst, 0), s.first, s.second)
	s.stretch()
	for component, psi := range s.psi {
		out := s.part(dst, 1+component)
		s.transform(s.c[component])
		s.addIntegrals(out, s.legendre.at[0], one)
		s.addFlux(out, s.legendre, psi, s.u, s.v, s.first)
	}
}

// stressFactor is the polymer's stress per conformation at a point; its isotropic part acts as a pressure.
func (s *polymerFlow) stressFactor(i int) float64 {
	f := s.spring(s.c[xx][i] + s.c[yy][i] + s.c[zz][i])
	return f * (1 - s.solvent) / (s.reynolds * s.weissenberg)
}

// stretch replaces c at the points by the rate of change of psi by stretching, turning and relaxing. In the frame of
// the eigenvectors of psi, with eigenvalues mean + r and mean - r, the diagonal changes by twice the rate of strain
// and the off-diagonal by h(-2r) L_12 + h(2r) L_21, with L the velocity gradient and h(d) = d / (1 - exp(-d)).
func (s *polymerFlow) stretch() {
	parallel(s.workers, s.volume(), func(_, low, high int) {
		for i := low; i < high; i++ {
			f := s.spring(s.c[xx][i] + s.c[yy][i] + s.c[zz][i])
			r, cosine, sine := polar(s.psi[logDifference][i], s.psi[logShear][i])
			strain, shear, spin := s.ux[i], (s.uy[i]+s.vx[i])/2, (s.vx[i]-s.uy[i])/2
			along, across := strain*cosine+shear*sine, shear*cosine-strain*sine
			large, small := math.Exp(-s.psi[logMean][i]-r), math.Exp(-s.psi[logMean][i]+r) // of the inverse of C
			difference := 2*along + (large-small)/(2*s.weissenberg)
			turn := bernoulli(-2*r)*(across-spin) + bernoulli(2*r)*(across+spin)
			s.c[logAcross][i] = (1/s.c[zz][i] - f) / s.weissenberg
			s.c[logMean][i] = ((large+small)/2 - f) / s.weissenberg
			s.c[logDifference][i] = difference*cosine - turn*sine
			s.c[logShear][i] = difference*sine + turn*cosine
		}
	})
}

// bernoulli is d / (1 - exp(-d)), 1 at d = 0.
func bernoulli(d float64) float64 {
	if math.Abs(d) < 1e-8 {
		return 1 + d/2
	}
	return -d / math.Expm1(-d)
}

// StepLimit implements System: a step follows the flow across cells, the stretching and the relaxation.
func (s *polymerFlow) StepLimit() float64 {
	return min(0.1*s.weissenberg, courant/s.speed, 0.5/s.stiffness)
}

// flowPressure returns the pressure's Legendre coefficients, in units of viscosity times velocity over length, without
// the mean gradient that drives the flow.
func (s *polymerFlow) flowPressure(state []complex128) []complex128 {
	s.evaluate(state)
	txx, txy, tyy := reynoldsTensor(s.u, s.v)
	for i := range txx {
		f := s.stressFactor(i)
		txx[i] += f * s.c[xx][i]
		txy[i] += f * s.c[xy][i]
		tyy[i] += f * s.c[yy][i]
	}
	p := s.pressure(state, s.solvent/s.reynolds, txx, txy, tyy, make([]float64, len(txx)), make([]float64, len(txx)))
	for i := range p {
		p[i] *= complex(s.reynolds, 0)
	}
	return p
}
