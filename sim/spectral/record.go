package spectral

import (
	"context"
	"fmt"
	"math"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/sim/scenario"
)

// recorder collects the fields of a frame at the grid points and emits them.
type recorder struct {
	frame    scenario.Frame
	emit     func(scenario.Frame) error
	constant string // a field to leave out after the first frame
}

func newRecorder(emit func(scenario.Frame) error) *recorder {
	return &recorder{frame: scenario.Frame{Values: map[string][]float32{}}, emit: emit}
}

// set stores one component of a field with the given number of components.
func (r *recorder) set(name string, component, components int, values []float64) {
	to := r.frame.Values[name]
	if to == nil {
		to = make([]float32, len(values)*components)
		r.frame.Values[name] = to
	}
	for i, v := range values {
		to[i*components+component] = float32(v)
	}
}

// setConstant stores a scalar that belongs to the first frame only.
func (r *recorder) setConstant(name string, values []float64) {
	r.set(name, 0, 1, values)
	r.constant = name
}

// send emits the frame at a time, unless it is no longer finite.
func (r *recorder) send(time float64) error {
	for name, values := range r.frame.Values {
		for i, v := range values {
			if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
				return fmt.Errorf("%w: %s is %v at value %d, time %.6g", errDiverged, name, v, i, time)
			}
		}
	}
	r.frame.Time = time
	err := r.emit(r.frame)
	if r.constant != "" {
		delete(r.frame.Values, r.constant)
	}
	return err
}

// trajectory emits frames at equal intervals from time 0: record stores the state, the stepper moves it on.
func trajectory(ctx context.Context, c scenario.Case, interval float64, stepper *Stepper, u []complex128,
	r *recorder, record func()) error {
	for i := range c.Frames {
		if i > 0 {
			if err := stepper.Advance(ctx, u, interval); err != nil {
				return fmt.Errorf("frame %d: %w", i, err)
			}
		}
		record()
		if err := r.send(float64(i) * interval); err != nil {
			return fmt.Errorf("frame %d: %w", i, err)
		}
	}
	return nil
}

// requirePositive reports the first of the parameters that is missing, not finite or not above zero.
func requirePositive(parameters map[string]float64, names ...string) error {
	for _, name := range names {
		if v := parameters[name]; !(v > 0) || math.IsInf(v, 0) {
			return fmt.Errorf("parameter %s is %v; expected a finite number above 0", name, v)
		}
	}
	return nil
}

// cells gives n evenly spaced points of [low, high): cell centres when centred, else starting at low.
func cells(n int, low, high float64, centred bool) []float32 {
	shift := 0.0
	if centred {
		shift = 0.5
	}
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(low + (high-low)*(float64(i)+shift)/float64(n))
	}
	return x
}

// periodicBox is the domain of a fully periodic scenario: axis i covers [low[i], high[i]).
func periodicBox(grid []int, low, high []float64) scenario.Domain {
	var d scenario.Domain
	for i, n := range grid {
		d.Coordinates = append(d.Coordinates, cells(n, low[i], high[i], false))
		d.Boundaries = append(d.Boundaries, field.Both(field.Periodic))
	}
	return d
}

func scalar(name string) scenario.Field { return described(name, field.Scalar) }
func vector(name string) scenario.Field { return described(name, field.Vector) }
func tensor(name string) scenario.Field { return described(name, field.Tensor) }

func described(name string, rank field.Rank) scenario.Field {
	return scenario.Field{Field: field.Field{Name: name, Rank: rank}}
}
