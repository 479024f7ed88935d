package volume

import (
	"context"
	"fmt"
	"math"

	"github.com/gowalrus/walrus/field"
)

// Solver advances the cell averages of a System on a Grid.
type Solver struct {
	System     System
	Grid       Grid
	Boundaries []field.Sides // one entry an axis
	State      State         // conserved variables, [variable][cell]
	Material   State         // constants of the medium, [material][cell]; nil where the system has none
	Time       float64

	// Source adds what is not a flux to the rate of change of u at a time; nil for none. It may use s.Workers.
	Source func(time float64, u, rate State)
	// Split advances by dt what is integrated apart from the fluxes, such as stiff cooling (Lie splitting) or a
	// constraint on the state; nil for none.
	Split func(time, dt float64, u State) error
	// Limit returns the longest step that Source and Split allow; nil for no limit.
	Limit func(u State) float64

	Limiter Limiter
	// Courant is the step in units of 1 / sum over axes of (highest signal speed / cell size). Zero: 0.8, with which
	// the Runge-Kutta scheme is stable.
	Courant float64
	Workers int // goroutines

	start, rate State // the state before the step; the rate of change
	rest        State // rate of change that the equilibrium of Balance has by discretisation; nil without
	scratch     []*bundle
}

// shuOsher lists the two stages of the second-order SSP Runge-Kutta scheme: u = keep start + (1-keep) (u + dt rate(u)),
// evaluated at a fraction of the step. A third stage would cost half as much again and win nothing over second-order
// reconstruction.
var shuOsher = [...]struct{ keep, fraction float64 }{{0, 0}, {0.5, 1}}

const (
	defaultCourant = 0.8
	mostRetries    = 12      // halvings of a step that led to an impossible state
	mostSteps      = 2000000 // between two frames; more means that the step has collapsed
)

// Check prepares the solver and reports what does not fit together.
func (s *Solver) Check() error {
	if len(s.Boundaries) != len(s.Grid.Points) {
		return fmt.Errorf("volume: boundaries for %d axes on a grid of %d", len(s.Boundaries), len(s.Grid.Points))
	}
	for axis, b := range s.Boundaries {
		if (b.Low == field.Periodic) != (b.High == field.Periodic) {
			return fmt.Errorf("volume: axis %d: boundaries %v; an axis is periodic on both sides or on none", axis, b)
		}
	}
	for name, rows := range map[string]struct {
		have State
		want int
	}{"variables": {s.State, s.System.Variables()}, "materials": {s.Material, s.System.Materials()}} {
		if len(rows.have) != rows.want {
			return fmt.Errorf("volume: %d %s in the state, the system has %d", len(rows.have), name, rows.want)
		}
		for _, row := range rows.have {
			if len(row) != s.Grid.Cells() {
				return fmt.Errorf("volume: %d %s values on %d cells", len(row), name, s.Grid.Cells())
			}
		}
	}
	s.Workers = max(1, s.Workers)
	if s.Courant == 0 {
		s.Courant = defaultCourant
	}
	if s.start == nil {
		s.start = NewState(len(s.State), s.Grid.Cells())
		s.rate = NewState(len(s.State), s.Grid.Cells())
	}
	for len(s.scratch) < s.Workers {
		s.scratch = append(s.scratch, newBundle(s.System, s.Grid))
	}
	return s.admissible()
}

// Advance integrates to time end, the last step shortened to meet it.
func (s *Solver) Advance(ctx context.Context, end float64) error {
	if err := s.Check(); err != nil {
		return err
	}
	for steps := 0; s.Time < end; steps++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		if steps >= mostSteps {
			return fmt.Errorf("volume: more than %d steps to reach time %g, stopped at %g; the signal speed has grown without bound", mostSteps, end, s.Time)
		}
		if err := s.step(end); err != nil {
			return err
		}
	}
	return nil
}

// step makes one step, at most to time end. When a stage leads to an impossible state (a vacuum that opens too fast),
// the step is repeated from its start at half the length and without slopes; Godunov's method with HLLC fluxes keeps
// density and pressure positive then.
func (s *Solver) step(end float64) error {
	s.start.copyFrom(s.State)
	limiter, shorten := s.Limiter, 1.0
	for retry := 0; ; retry++ {
		dt, last, err := s.stages(end, limiter, shorten)
		if err == nil && s.Split != nil {
			if err = s.Split(s.Time, dt, s.State); err == nil {
				err = s.admissible()
			}
		}
		if err == nil {
			s.Time += dt
			if last {
				s.Time = end
			}
			return nil
		}
		if retry == mostRetries {
			return fmt.Errorf("volume: time %g: step of %g: %w", s.Time, dt, err)
		}
		s.State.copyFrom(s.start)
		limiter = FirstOrder
		shorten /= 2
	}
}

// stages runs the Runge-Kutta stages of one step and chooses its length after the first evaluation.
func (s *Solver) stages(end float64, limiter Limiter, shorten float64) (dt float64, last bool, err error) {
	for stage, c := range shuOsher {
		frequency := s.rates(s.Time+c.fraction*dt, limiter)
		if stage == 0 {
			if dt, err = s.length(frequency); err != nil {
				return 0, false, err
			}
			dt *= shorten
			if remaining := end - s.Time; dt >= remaining*(1-1e-12) {
				dt, last = remaining, true
			} else if 2*dt > remaining {
				dt = remaining / 2 // no tiny last step
			}
		}
		for v, u := range s.State {
			start, rate := s.start[v], s.rate[v]
			overBlocks(s.Workers, len(u), func(from, to int) {
				for i := from; i < to; i++ {
					u[i] = c.keep*start[i] + (1-c.keep)*(u[i]+dt*rate[i])
				}
			})
		}
		if err := s.admissible(); err != nil {
			return dt, false, err
		}
	}
	return dt, last, nil
}

// rates fills s.rate and returns the sum over axes of the highest signal speed divided by the cell size.
func (s *Solver) rates(time float64, limiter Limiter) float64 {
	frequency := 0.0
	for axis, spacing := range s.Grid.Spacing {
		frequency += s.sweep(axis, s.State, s.rate, limiter, axis == 0) / spacing
	}
	if s.Source != nil {
		s.Source(time, s.State, s.rate)
	}
	for v := range s.rest {
		rate, rest := s.rate[v], s.rest[v]
		overBlocks(s.Workers, len(rate), func(from, to int) {
			for i := from; i < to; i++ {
				rate[i] -= rest[i]
			}
		})
	}
	return frequency
}

// Balance declares the present state an equilibrium: what the discrete equations still do to it, a truncation error, is
// subtracted from all rates from now on (Berberich, Chandrashekar and Klingenberg, Comput. Fluids 219 (2021) 104858).
func (s *Solver) Balance() error {
	if err := s.Check(); err != nil {
		return err
	}
	s.rest = nil
	s.rates(s.Time, s.Limiter)
	s.rest = NewState(len(s.rate), s.Grid.Cells())
	s.rest.copyFrom(s.rate)
	return nil
}

// length is the step that the signal speeds and the sources allow.
func (s *Solver) length(frequency float64) (float64, error) {
	dt := math.Inf(1)
	if frequency > 0 {
		dt = s.Courant / frequency
	}
	if s.Limit != nil {
		dt = min(dt, s.Limit(s.State))
	}
	if !(dt > 0) {
		return 0, fmt.Errorf("no positive time step (signal frequency %g)", frequency)
	}
	return dt, nil
}

// admissible reports the first cell whose state is impossible.
func (s *Solver) admissible() error {
	cells := s.Grid.Cells()
	blocks := (cells + blockCells - 1) / blockCells
	bad := make([]int, blocks)
	parallel(s.Workers, blocks, func(_, block int) {
		bad[block] = s.System.Admissible(s.State, block*blockCells, min(cells, (block+1)*blockCells))
	})
	for _, cell := range bad {
		if cell >= 0 {
			values := make([]float64, len(s.State))
			for v := range values {
				values[v] = s.State[v][cell]
			}
			return fmt.Errorf("impossible state %.4g in cell %v (not finite, or a negative density or pressure)", values, s.index(cell))
		}
	}
	return nil
}

// index turns a memory offset into a cell's index along each axis.
func (s *Solver) index(cell int) []int {
	index := make([]int, len(s.Grid.Points))
	for axis := len(index) - 1; axis >= 0; axis-- {
		index[axis] = cell % s.Grid.Points[axis]
		cell /= s.Grid.Points[axis]
	}
	return index
}

// Total is the integral of a conserved variable over the domain.
func (s *Solver) Total(variable int) float64 {
	sum, lost := 0.0, 0.0 // Kahan's compensated sum: the tests ask for round-off
	for _, v := range s.State[variable] {
		y := v - lost
		t := sum + y
		lost = (t - sum) - y
		sum = t
	}
	return sum * s.Grid.Volume()
}
