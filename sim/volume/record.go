package volume

import (
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/sim/scenario"
)

// record emits c.Frames frames, interval apart, starting with the state at time 0. sample gives the values of a frame;
// its slices may be reused.
func (s *Solver) record(ctx context.Context, c scenario.Case, interval float64, sample func(frame int) map[string][]float32, emit func(scenario.Frame) error) error {
	if err := s.Check(); err != nil {
		return err
	}
	for frame := range c.Frames {
		if err := s.Advance(ctx, float64(frame)*interval); err != nil {
			return fmt.Errorf("frame %d: %w", frame, err)
		}
		if err := emit(scenario.Frame{Time: s.Time, Values: sample(frame)}); err != nil {
			return err
		}
	}
	return nil
}

// fluid samples the state of an Euler system into frames; the buffers are reused.
type fluid struct {
	solver *Solver
	euler  Euler
	values map[string][]float32
}

// newFluid allocates the buffers of the fields that a scenario writes.
func newFluid(s *Solver, e Euler, fields []scenario.Field) *fluid {
	f := &fluid{solver: s, euler: e, values: map[string][]float32{}}
	for _, q := range fields {
		f.values[q.Name] = make([]float32, s.Grid.Cells()*q.Rank.Components(e.Dims))
	}
	return f
}

// sample computes the fields whose names it knows: density, energy, pressure, momentum, velocity and, for a gas whose
// temperature is kelvin times pressure / density, temperature.
func (f *fluid) sample(kelvin float64) map[string][]float32 {
	u, d := f.solver.State, f.euler.Dims
	for name, out := range f.values {
		switch name {
		case "density":
			narrow(out, u[0])
		case "energy":
			narrow(out, u[d+1])
		case "pressure":
			for i := range out {
				out[i] = float32(f.euler.Pressure(u, i))
			}
		case "temperature":
			for i := range out {
				out[i] = float32(kelvin * f.euler.Pressure(u, i) / u[0][i])
			}
		case "momentum":
			interleave(out, u[1:d+1])
		case "velocity":
			for i, density := range u[0] {
				for k := range d {
					out[i*d+k] = float32(u[1+k][i] / density)
				}
			}
		}
	}
	return f.values
}

// narrow rounds to float32.
func narrow(out []float32, in []float64) {
	for i, v := range in {
		out[i] = float32(v)
	}
}

// interleave rounds vectors to float32 with the component index last.
func interleave(out []float32, components [][]float64) {
	d := len(components)
	for k, in := range components {
		for i, v := range in {
			out[i*d+k] = float32(v)
		}
	}
}

// random is the source of all random choices of one trajectory; purpose keeps the draws of separate decisions apart,
// so that adding a draw to one does not change the others.
func random(c scenario.Case, purpose uint64) *rand.Rand {
	return rand.New(rand.NewPCG(c.Seed, purpose))
}

// uniform draws from [low, high).
func uniform(rng *rand.Rand, low, high float64) float64 { return low + (high-low)*rng.Float64() }

// scalarField and the like keep the field lists of scenarios short.
func scalarField(name string) scenario.Field {
	return scenario.Field{Field: field.Field{Name: name, Rank: field.Scalar}}
}

// positiveField is a scalar that must stay above zero.
func positiveField(name string) scenario.Field {
	f := scalarField(name)
	f.Positive = true
	return f
}

// logarithmicField is a positive scalar of which models see the logarithm.
func logarithmicField(name string) scenario.Field {
	f := positiveField(name)
	f.Log10 = true
	return f
}

// vectorField has one component an axis.
func vectorField(name string) scenario.Field {
	return scenario.Field{Field: field.Field{Name: name, Rank: field.Vector}}
}

// box describes a Cartesian domain with fixed corners and boundaries.
func box(low, high []float64, sides []field.Sides) func([]int, map[string]float64) scenario.Domain {
	return func(points []int, _ map[string]float64) scenario.Domain {
		return boxDomain(points, low, high, sides)
	}
}

// boxDomain gives the cell centres of a uniform grid. A grid that NewGrid refuses has no coordinates; Run reports why.
func boxDomain(points []int, low, high []float64, sides []field.Sides) scenario.Domain {
	d := scenario.Domain{Boundaries: sides}
	if g, err := NewGrid(points, low, high); err == nil {
		for axis := range points {
			d.Coordinates = append(d.Coordinates, g.Centers(axis))
		}
	}
	return d
}
