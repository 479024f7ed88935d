package spectral

import (
	"context"
	"math"

	"github.com/gowalrus/walrus/sim/scenario"
)

const (
	activeLength      = 10.0 // side of the periodic square
	activeInterval    = 0.25 // time between frames
	translation       = 0.05 // diffusivity of the rods' positions
	rotation          = 0.05 // diffusivity of their directions
	stokesTolerance   = 1e-6 // relative change of the rate of strain at which its iteration ends
	stokesIterations  = 60
	activeCompression = 0.2 // amplitude of the initial variation of the concentration
)

// activeMatter solves a suspension of active rods in a Stokes fluid on the periodic square [0, 10)^2, by the moments of
// their directions: concentration c, second moment D (trace c), fourth moment S from the Bingham closure,
//
//	dc/dt + u.grad c = dT lap c
//	dD/dt + u.grad D - (grad u.D + D.grad u^T) + 2 S:E = dT lap D - 4 dR (D - c I/2) + 4 zeta (D.D - S:D)
//	-lap u + grad p = div (alpha D + beta S:E - 2 zeta beta (D.D - S:D)),   div u = 0
//
// with E the rate of strain. Lengths are in units of the rods' mean spacing, viscosity and flow speed are scaled out;
// dT = dR = 0.05. alpha is the strength of the active dipoles (negative: they push), zeta how strongly rods align with
// their neighbours, beta their volume fraction. Maddu, Weady and Shelley, arXiv 2308.06675, equations 1-5; The Well,
// active_matter.
func activeMatter() scenario.Scenario {
	return scenario.Scenario{
		Name:      "active_matter",
		Title:     "Active rods that align and stir the Stokes fluid they live in",
		Equations: "dc/dt + u.grad c = dT lap c; D^ + 2 S:E = dT lap D - 4 dR (D - c I/2) + 4 zeta (D.D - S:D); -lap u + grad p = div(alpha D + beta S:E - 2 zeta beta (D.D - S:D))",
		Source:    "Maddu, Weady and Shelley, arXiv 2308.06675; The Well, active_matter",
		Simplified: "the concentration starts with smooth variations of 20%, so that it evolves; " +
			"dT = dR = 0.05; third-order implicit-explicit Runge-Kutta with steps set by stability",
		GridType:        "cartesian",
		Axes:            []string{"x", "y"},
		Fields:          []scenario.Field{scalar("concentration"), vector("velocity"), tensor("D"), tensor("E")},
		DefaultGrid:     []int{64, 64},
		PublishedGrid:   []int{256, 256},
		DefaultFrames:   81,
		PublishedFrames: 81,
		Seconds:         9,
		Parameters: []scenario.Parameter{
			{Name: "alpha", Doc: "dipole strength", Values: []float64{-1, -2, -3, -4, -5}},
			{Name: "beta", Doc: "volume fraction of the rods", Values: []float64{0.8}},
			{Name: "zeta", Doc: "strength of alignment", Values: []float64{1, 3, 5, 7, 9, 11, 13, 15, 17}},
		},
		LeastGrid: []int{16, 16},
		Domain: func(grid []int, _ map[string]float64) scenario.Domain {
			return periodicBox(grid, []float64{0, 0}, []float64{activeLength, activeLength})
		},
		Run: runActiveMatter,
	}
}

func runActiveMatter(ctx context.Context, c scenario.Case, emit func(scenario.Frame) error) error {
	if err := requirePositive(c.Parameters, "beta", "zeta"); err != nil {
		return err
	}
	s := newSuspension(c.Grid, c.Parameters["alpha"], c.Parameters["beta"], c.Parameters["zeta"], c.Workers)
	m := s.fourier.Size()
	u := make([]complex128, 3*m)
	random := newRandom(c.Seed)
	for i, amplitude := range []float64{activeCompression / 3, 0.02, 0.02} {
		part := u[i*m : (i+1)*m]
		s.fourier.RandomField(part, random, 6, func(m []int) float64 {
			return math.Exp(-float64(m[0]*m[0]+m[1]*m[1]) / 16)
		})
		for j := range part {
			part[j] *= complex(amplitude, 0)
		}
	}
	u[0] = 1
	r := newRecorder(emit)
	values := make([]float64, s.fourier.Points())
	return trajectory(ctx, c, activeInterval, NewStepper(s, len(u), c.Workers), u, r, func() {
		s.Nonlinear(s.discard, u)
		r.set("concentration", 0, 1, s.c)
		r.set("velocity", 0, 2, s.u)
		r.set("velocity", 1, 2, s.v)
		put := func(name string, xx, xy func(i int) float64, trace func(i int) float64) {
			for entry, value := range []func(i int) float64{
				func(i int) float64 { return trace(i)/2 + xx(i) }, xy, xy,
				func(i int) float64 { return trace(i)/2 - xx(i) },
			} {
				for i := range values {
					values[i] = value(i)
				}
				r.set(name, entry, 4, values)
			}
		}
		at := func(field []float64) func(int) float64 { return func(i int) float64 { return field[i] } }
		put("D", at(s.p1), at(s.p2), at(s.c))
		put("E", at(s.e1), at(s.e2), func(int) float64 { return 0 })
	})
}

// suspension is the system of the active rods. Symmetric tensors without trace are kept as pairs (xx, xy): the state
// holds the coefficients of c and of the pair (p1, p2) of D - c I/2.
type suspension struct {
	diagonal
	alpha, beta, zeta float64

	fourier *Fourier
	k       [][]float64
	k2      []float64
	closure binghamTable

	c, p1, p2    []float64 // at the grid points
	u, v         []float64
	e1, e2, spin []float64 // rate of strain (xx, xy) and half the vorticity
	s1, s2       []float64 // stress (xx, xy), or a product
	stress       [2][]complex128
	stream       []complex128 // u = d stream/dy, v = -d stream/dx
	spectrum     []complex128
	discard      []complex128
	speed        float64
}

func newSuspension(grid []int, alpha, beta, zeta float64, workers int) *suspension {
	f := NewFourier(grid, TwoThirds, workers)
	s := &suspension{alpha: alpha, beta: beta, zeta: zeta, fourier: f, closure: newBinghamTable()}
	s.k = f.Wavenumbers([]float64{activeLength, activeLength})
	s.k2 = squared(s.k)
	m := f.Size()
	rates := make([]float64, 3*m)
	for i, k2 := range s.k2 {
		rates[i] = -translation * k2
		rates[m+i] = -translation*k2 - 4*rotation
		rates[2*m+i] = rates[m+i]
	}
	s.diagonal = newDiagonal(rates, workers)
	for _, p := range []*[]float64{&s.c, &s.p1, &s.p2, &s.u, &s.v, &s.e1, &s.e2, &s.spin, &s.s1, &s.s2} {
		*p = make([]float64, f.Points())
	}
	for _, p := range []*[]complex128{&s.stress[0], &s.stress[1], &s.stream, &s.spectrum} {
		*p = make([]complex128, m)
	}
	s.discard = make([]complex128, 3*m)
	return s
}

// moments gives <cos^2 2t>, <cos 2t sin 2t> and <sin^2 2t> over the directions t at a grid point.
func (s *suspension) moments(i int) (cc, cs, ss float64) {
	q1, q2 := 2*s.p1[i]/s.c[i], 2*s.p2[i]/s.c[i]
	order2 := q1*q1 + q2*q2
	if order2 == 0 {
		return 0.5, 0, 0.5
	}
	fourth := s.closure.fourth(math.Sqrt(order2)) / order2
	c4, s4 := fourth*(q1*q1-q2*q2), fourth*2*q1*q2
	return (1 + c4) / 2, s4 / 2, (1 - c4) / 2
}

// align is the pair of D.D - S:D at a grid point.
func (s *suspension) align(i int, cc, cs, ss float64) (a1, a2 float64) {
	c, p1, p2 := s.c[i], s.p1[i], s.p2[i]
	return c * (p1/2 - (p1*cc+p2*cs)/2), c * (p2/2 - (p1*cs+p2*ss)/2)
}

// flow solves the Stokes equation for the stream function. The stress depends on the rate of strain through beta S:E; its
// isotropic part, beta E/4, is moved to the left and the rest iterated, which contracts because it is small against
// the viscosity.
func (s *suspension) flow() {
	resistance := 1 + s.beta/8
	for range stokesIterations {
		parallel(s.workers, len(s.c), func(_, low, high int) {
			for i := low; i < high; i++ {
				cc, cs, ss := s.moments(i)
				a1, a2 := s.align(i, cc, cs, ss)
				rods := s.beta * s.c[i] / 2
				s.s1[i] = s.alpha*s.p1[i] + rods*(s.e1[i]*cc+s.e2[i]*cs) - 2*s.zeta*s.beta*a1 - s.beta/4*s.e1[i]
				s.s2[i] = s.alpha*s.p2[i] + rods*(s.e1[i]*cs+s.e2[i]*ss) - 2*s.zeta*s.beta*a2 - s.beta/4*s.e2[i]
			}
		})
		s.fourier.Forward(s.stress[0], s.s1)
		s.fourier.Forward(s.stress[1], s.s2)
		change, size := 0.0, 0.0
		for i, k2 := range s.k2 {
			if k2 == 0 {
				continue
			}
			// resistance k^4 stream = 2 kx ky s1 + (ky^2 - kx^2) s2, the curl of div(stress)
			kx, ky := s.k[0][i], s.k[1][i]
			curl := complex(2*kx*ky, 0)*s.stress[0][i] + complex(ky*ky-kx*kx, 0)*s.stress[1][i]
			next := curl / complex(resistance*k2*k2, 0)
			d := next - s.stream[i]
			change = max(change, k2*(math.Abs(real(d))+math.Abs(imag(d))))
			size = max(size, k2*(math.Abs(real(next))+math.Abs(imag(next))))
			s.stream[i] = next
		}
		s.strain()
		if change <= stokesTolerance*size {
			return
		}
	}
}

// strain evaluates the rate of strain of the stream function.
func (s *suspension) strain() {
	s.derive(s.e1, func(kx, ky float64) complex128 { return complex(-kx*ky, 0) })
	s.derive(s.e2, func(kx, ky float64) complex128 { return complex((kx*kx-ky*ky)/2, 0) })
}

// derive evaluates a derivative of the stream function, given by its symbol.
func (s *suspension) derive(dst []float64, symbol func(kx, ky float64) complex128) {
	for i, v := range s.stream {
		s.spectrum[i] = symbol(s.k[0][i], s.k[1][i]) * v
	}
	s.fourier.Inverse(dst, s.spectrum)
}

// Nonlinear implements System.
func (s *suspension) Nonlinear(dst, state []complex128) {
	m := s.fourier.Size()
	fields := [3][]float64{s.c, s.p1, s.p2}
	for i, f := range fields {
		s.fourier.Inverse(f, state[i*m:(i+1)*m])
	}
	s.flow()
	s.derive(s.u, func(_, ky float64) complex128 { return complex(0, ky) })
	s.derive(s.v, func(kx, _ float64) complex128 { return complex(0, -kx) })
	s.derive(s.spin, func(kx, ky float64) complex128 { return complex((kx*kx+ky*ky)/2, 0) })
	s.speed = 0
	for i := range s.u {
		s.speed = max(s.speed, math.Abs(s.u[i])/activeLength*float64(s.fourier.shape[0])+
			math.Abs(s.v[i])/activeLength*float64(s.fourier.shape[1]))
	}

	clear(dst[:m])
	parallel(s.workers, len(s.c), func(_, low, high int) {
		for i := low; i < high; i++ {
			cc, cs, ss := s.moments(i)
			a1, a2 := s.align(i, cc, cs, ss)
			s.s1[i] = s.c[i]*(s.e1[i]-s.e1[i]*cc-s.e2[i]*cs) - 2*s.spin[i]*s.p2[i] + 4*s.zeta*a1
			s.s2[i] = s.c[i]*(s.e2[i]-s.e1[i]*cs-s.e2[i]*ss) + 2*s.spin[i]*s.p1[i] + 4*s.zeta*a2
		}
	})
	s.fourier.Forward(dst[m:2*m], s.s1)
	s.fourier.Forward(dst[2*m:], s.s2)
	for i, f := range fields {
		for axis, velocity := range [][]float64{s.u, s.v} {
			parallel(s.workers, len(f), func(_, low, high int) {
				for n := low; n < high; n++ {
					s.s1[n] = f[n] * velocity[n]
				}
			})
			s.fourier.Forward(s.spectrum, s.s1)
			subtractDerivative(dst[i*m:(i+1)*m], s.spectrum, s.k[axis])
		}
	}
}

// StepLimit implements System: the flow crosses about half a cell, and alignment and activity are followed.
func (s *suspension) StepLimit() float64 {
	return min(courant/max(s.speed, 1e-9), 0.5/(1+s.zeta+math.Abs(s.alpha)/4))
}
