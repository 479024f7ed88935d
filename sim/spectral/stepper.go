package spectral

import (
	"context"
	"errors"
	"fmt"
	"math"
)

// System is a semi-discrete problem M du/dt = L u + N(u). M and L are linear and stiff; N is not stiff.
type System interface {
	// Mass writes M u to dst.
	Mass(dst, u []complex128)
	// Linear writes L u to dst.
	Linear(dst, u []complex128)
	// Nonlinear writes N(u) to dst.
	Nonlinear(dst, u []complex128)
	// Factor prepares Solve for the matrix M - h L.
	Factor(h float64)
	// Solve writes the solution u of (M - h L) u = rhs to dst, which may be rhs.
	Solve(dst, rhs []complex128)
	// StepLimit is the longest stable time step for N at the state of the last call of Nonlinear.
	StepLimit() float64
}

// Filtered is a System whose smallest scales are damped after each step.
type Filtered interface {
	System
	// Filter damps u as over a time step dt.
	Filter(u []complex128, dt float64)
}

// The scheme ARS(4,4,3) of Ascher, Ruuth and Spiteri (1997), section 2.8: third order, four implicit stages with the
// same diagonal, stiffly accurate (the last stage is the new state).
const (
	stages           = 4
	implicitDiagonal = 0.5
)

var (
	explicitWeights = [stages][stages]float64{
		{1. / 2},
		{11. / 18, 1. / 18},
		{5. / 6, -5. / 6, 1. / 2},
		{1. / 4, 7. / 4, 3. / 4, -7. / 4},
	}
	// implicitWeights[i][j] multiplies L u_(j+1) in stage i+1; the diagonal is left to Solve.
	implicitWeights = [stages][stages]float64{
		{},
		{1. / 6},
		{-1. / 2, 1. / 2},
		{3. / 2, -3. / 2, 1. / 2},
	}
)

// Stepper advances a System by implicit-explicit Runge-Kutta steps without allocating.
type Stepper struct {
	system   System
	workers  int
	factored float64 // the step that Factor was last called for
	mass     []complex128
	explicit [stages][]complex128
	implicit [stages][]complex128 // the last one is never needed
}

// NewStepper returns a stepper for states of the given length.
func NewStepper(system System, length, workers int) *Stepper {
	s := &Stepper{system: system, workers: workers, mass: make([]complex128, length)}
	for i := range stages {
		s.explicit[i] = make([]complex128, length)
		s.implicit[i] = make([]complex128, length)
	}
	return s
}

// Step replaces u, the state at time t, by the state at t + dt.
func (s *Stepper) Step(u []complex128, dt float64) {
	if dt != s.factored {
		s.system.Factor(implicitDiagonal * dt)
		s.factored = dt
	}
	s.system.Mass(s.mass, u)
	for i := range stages {
		s.system.Nonlinear(s.explicit[i], u)
		if i > 0 {
			s.system.Linear(s.implicit[i-1], u)
		}
		s.combine(u, i, dt)
		s.system.Solve(u, u)
	}
	if f, ok := s.system.(Filtered); ok {
		f.Filter(u, dt)
	}
}

// combine writes the right-hand side of a stage to dst: M u_n plus the weighted rates of the stages before it.
func (s *Stepper) combine(dst []complex128, stage int, dt float64) {
	parallel(s.workers, len(dst), func(_, low, high int) {
		copy(dst[low:high], s.mass[low:high])
		add := func(rate []complex128, weight float64) {
			if weight == 0 {
				return
			}
			factor := dt * weight
			out := dst[low:high]
			for i, r := range rate[low:high] {
				out[i] += complex(factor*real(r), factor*imag(r))
			}
		}
		for j := range stage + 1 {
			add(s.explicit[j], explicitWeights[stage][j])
			add(s.implicit[j], implicitWeights[stage][j])
		}
	})
}

// maxSteps bounds the steps of one interval; a state that needs more has blown up.
const maxSteps = 1e6

var errDiverged = errors.New("the solution diverged")

// slack is by how much a step may exceed the limit before the steps of an interval are chosen anew; the limits that
// systems give leave that much room.
const slack = 1.25

// Advance takes equal steps over an interval of time, as many as the system's limit asks for, and more when the limit
// falls on the way.
func (s *Stepper) Advance(ctx context.Context, u []complex128, interval float64) error {
	s.system.Nonlinear(s.explicit[0], u)
	dt, left, count := math.Inf(1), interval, math.MaxInt
	for count > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		limit := s.system.StepLimit()
		if !(limit*maxSteps > left) {
			return fmt.Errorf("%w: the stable time step fell to %.3g", errDiverged, limit)
		}
		if dt > slack*limit {
			count = max(1, int(math.Ceil(left/limit)))
			dt = left / float64(count)
		}
		s.Step(u, dt)
		left -= dt
		count--
	}
	return nil
}
