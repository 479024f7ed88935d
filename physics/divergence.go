package physics

import (
	"math"
	"slices"

	"github.com/gowalrus/walrus/field"
)

// divergences adds the divergence of velocity and of the magnetic field.
func (c *checks) divergences() {
	for _, names := range [][]string{velocities, magnetics} {
		q := c.domain.find(field.Vector, names...)
		if q == nil {
			continue
		}
		name := "divergence of " + q.Name
		if reason := c.domain.uneven(); reason != "" {
			c.omit(name, reason)
			continue
		}
		if len(q.Channels) != len(c.sizes) {
			c.omit(name, "the vector has not one component an axis")
			continue
		}
		if slices.Min(c.sizes) < 3 {
			c.omit(name, "an axis has fewer than three points")
			continue
		}
		c.list = append(c.list, measured{Check{Name: name, Kind: Divergence, Fields: []string{q.Name}}, func(frame field.Array) (float64, float64) {
			return c.relativeDivergence(frame, q), 1
		}})
	}
}

// relativeDivergence is the root of <(div v)^2> / <sum of (dv_i/dx_j)^2>, by central differences: 0 for a field without divergence, at most the root of
// the number of axes. Periodic axes wrap; the outermost points of others, and points beside an obstacle, have no difference and do not count.
func (c *checks) relativeDivergence(frame field.Array, q *Quantity) float64 {
	dims, channels := len(c.sizes), frame.Axis(-1)
	steps := make([]float64, dims)
	for axis := range steps {
		steps[axis], _ = spacing(c.domain.Coordinates[axis])
	}
	below, above := make([]int, dims), make([]int, dims)
	var divergence, gradient float64
	for p := range c.points() {
		whole := !c.hidden(p)
		for axis := range dims {
			if whole {
				below[axis], above[axis], whole = c.beside(p, axis)
			}
		}
		if !whole {
			continue
		}
		var sum float64
		for component := range dims {
			for axis := range dims {
				high := q.value(frame.Data[above[axis]*channels:], component)
				low := q.value(frame.Data[below[axis]*channels:], component)
				slope := (high - low) / (2 * steps[axis])
				gradient += slope * slope
				if component == axis {
					sum += slope
				}
			}
		}
		divergence += sum * sum
	}
	if gradient == 0 {
		return 0 // at rest, or uniform
	}
	return math.Sqrt(divergence / gradient)
}
