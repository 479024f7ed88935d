package physics

import (
	"fmt"
	"math"
	"slices"

	"github.com/gowalrus/walrus/field"
)

// Quantity is a physical field and where its components stand in the channels of a frame.
type Quantity struct {
	field.Field
	Channels []int // row-major, without those that only pad
	// Undo brings values back to physical ones, where the channels hold a transform (log10 of a density); nil for none.
	Undo func(float64) float64
	// Lost says why the physical values can not be had; empty otherwise.
	Lost string
}

// Domain says what the channels of a frame (*N, C) are and where its points lie.
type Domain struct {
	Quantities  []Quantity
	Grid        string      // cartesian, spherical or equiangular
	Axes        []string    // names, in the order of the frame's axes
	Coordinates [][]float64 // of the grid points along each axis, in the data's units
	Boundaries  []field.Sides
	// Hidden marks the points inside obstacles, where values mean nothing; nil for none.
	Hidden []bool
	Moving bool // the obstacles move: nothing is measured, since what they hide differs from frame to frame
}

// Cartesian is the grid whose axes are straight lines at right angles.
const Cartesian = "cartesian"

// check reports a domain that does not fit frames of a shape (*N, C).
func (d Domain) check(shape []int) error {
	if len(shape) < 2 || len(d.Axes) != len(shape)-1 || len(d.Coordinates) != len(d.Axes) || len(d.Boundaries) != len(d.Axes) {
		return fmt.Errorf("physics: frame of shape %v; the domain has %d axes, coordinates of %d, boundaries of %d", shape, len(d.Axes), len(d.Coordinates), len(d.Boundaries))
	}
	for i, c := range d.Coordinates {
		if len(c) != shape[i] {
			return fmt.Errorf("physics: axis %s has %d positions; the frame has %d points along it", d.Axes[i], len(c), shape[i])
		}
	}
	if points := field.Volume(shape[:len(shape)-1]); d.Hidden != nil && len(d.Hidden) != points {
		return fmt.Errorf("physics: mask of %d points; the frame has %d", len(d.Hidden), points)
	}
	for _, q := range d.Quantities {
		for _, c := range q.Channels {
			if c < 0 || c >= shape[len(shape)-1] {
				return fmt.Errorf("physics: %s in channel %d; the frame has %d", q.Name, c, shape[len(shape)-1])
			}
		}
	}
	return nil
}

// find is the first quantity of a rank with one of these names that can be had; nil for none.
func (d Domain) find(rank field.Rank, names ...string) *Quantity {
	for _, name := range names {
		for i, q := range d.Quantities {
			if q.Name == name && q.Rank == rank && q.Lost == "" {
				return &d.Quantities[i]
			}
		}
	}
	return nil
}

// value is a component at a point, given the values of its channels.
func (q *Quantity) value(at []float32, component int) float64 {
	v := float64(at[q.Channels[component]])
	if q.Undo != nil {
		v = q.Undo(v)
	}
	return v
}

// square is the sum of the squares of all components at a point.
func (q *Quantity) square(at []float32) float64 {
	var sum float64
	for c := range q.Channels {
		v := q.value(at, c)
		sum += v * v
	}
	return sum
}

// leavesOpen says whether anything may leave the domain.
func (d Domain) leavesOpen() bool {
	return slices.ContainsFunc(d.Boundaries, func(s field.Sides) bool { return s.Low == field.Open || s.High == field.Open })
}

// allPeriodic says whether no side of the domain is a boundary.
func (d Domain) allPeriodic() bool {
	return !slices.ContainsFunc(d.Boundaries, func(s field.Sides) bool { return !s.Periodic() })
}

// spacing is the distance of neighbours along an axis, and whether all are equally far from each other.
func spacing(coordinates []float64) (step float64, even bool) {
	step, even = field.Spacing(coordinates)
	return math.Abs(step), even
}

// uneven is why derivatives and spectra can not be had on the grid; empty where they can.
func (d Domain) uneven() string {
	if d.Grid != Cartesian {
		return fmt.Sprintf("on %s axes, whose scale factors the file does not give", d.Grid)
	}
	for i, c := range d.Coordinates {
		if _, even := spacing(c); !even {
			return fmt.Sprintf("the points along %s are not evenly spaced", d.Axes[i])
		}
	}
	return ""
}

// widths are the lengths of the cells around the points of an axis: half the way to each neighbour. An outer point's cell reaches as far out
// as in, so that the points of a periodic axis have equal cells.
func widths(coordinates []float64) []float64 {
	n := len(coordinates)
	w := make([]float64, n)
	for i := range w {
		switch {
		case n == 1:
			w[i] = 1
		case i == 0:
			w[i] = math.Abs(coordinates[1] - coordinates[0])
		case i == n-1:
			w[i] = math.Abs(coordinates[n-1] - coordinates[n-2])
		default:
			w[i] = math.Abs(coordinates[i+1]-coordinates[i-1]) / 2
		}
	}
	return w
}

// cells are the factors, one list an axis, whose product is the volume of a point's cell; a reason where they can not be had.
func (d Domain) cells() (factors [][]float64, reason string) {
	for _, c := range d.Coordinates {
		factors = append(factors, widths(c))
	}
	if d.Grid == Cartesian {
		return factors, ""
	}
	sorted := slices.Sorted(slices.Values(d.Axes))
	sphere, ball := slices.Equal(sorted, []string{"phi", "theta"}), slices.Equal(sorted, []string{"phi", "r", "theta"})
	if !sphere && !ball {
		return nil, fmt.Sprintf("on %s axes %v the volume of a cell is not known; it is for theta, phi and for r, theta, phi", d.Grid, d.Axes)
	}
	for i, name := range d.Axes {
		for j, x := range d.Coordinates[i] {
			switch name {
			case "theta": // colatitude
				if x < 0 || x > math.Pi+1e-6 {
					return nil, fmt.Sprintf("theta reaches %g; a colatitude lies between 0 and pi", x)
				}
				factors[i][j] *= math.Sin(x)
			case "r":
				factors[i][j] *= x * x
			}
		}
	}
	return factors, ""
}
