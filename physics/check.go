package physics

import (
	"fmt"
	"math"
	"slices"

	"github.com/gowalrus/walrus/field"
)

// Kind is what a check measures.
type Kind string

const (
	Total      Kind = "total"      // an integral over the domain
	Divergence Kind = "divergence" // root mean square of the divergence over that of all derivatives
	Minimum    Kind = "minimum"    // the smallest value
	Share      Kind = "share"      // of the points that are not above zero
)

// Check is one number that every frame has.
type Check struct {
	Name   string // "mass", "momentum x", "divergence of velocity"
	Kind   Kind
	Fields []string // that it is made of
	// Closed says that no boundary lets a total in or out. Sources inside the domain may still change it.
	Closed bool
}

// Omission is a check that could not be made.
type Omission struct {
	Check  string `json:"check"`
	Reason string `json:"reason"`
}

// measured is a check with its formula: the number, and what it is small or large against.
type measured struct {
	Check
	of func(frame field.Array) (value, scale float64)
}

// checks are those that a domain and its start allow.
type checks struct {
	grid
	factors [][]float64 // of the cells, one list an axis
	list    []measured
	leftOut []Omission
}

// newChecks finds what can be measured on frames like start, (*N, C).
func newChecks(d Domain, start field.Array) *checks {
	c := &checks{grid: newGrid(d, start.Shape[:len(start.Shape)-1])}
	if d.Moving {
		c.omit("all", "the mask moves, and what it hides differs from frame to frame")
		return c
	}
	for _, q := range d.Quantities {
		if q.Lost != "" {
			c.omit(q.Name, q.Lost)
		}
	}
	var reason string
	if c.factors, reason = d.cells(); reason != "" {
		c.omit("totals", reason)
	} else {
		c.totals()
	}
	c.divergences()
	c.positivity(start)
	return c
}

func (c *checks) omit(check, reason string) { c.leftOut = append(c.leftOut, Omission{check, reason}) }

// names of fields, as data sets call them, the commonest first.
var (
	densities  = []string{"density", "rho"}
	velocities = []string{"velocity", "u"}
	momenta    = []string{"momentum"}
	magnetics  = []string{"magnetic_field", "B"}
	energies   = []string{"energy", "total_energy"}
	positives  = []string{"density", "rho", "pressure", "temperature", "energy", "total_energy", "internal_energy", "height"}
)

// totals adds the integrals: of every scalar, of momentum, and of kinetic and magnetic energy.
func (c *checks) totals() {
	d := c.domain
	closed := !d.leavesOpen()
	density, velocity, momentum := d.find(field.Scalar, densities...), d.find(field.Vector, velocities...), d.find(field.Vector, momenta...)
	for i := range d.Quantities {
		q := &d.Quantities[i]
		if q.Rank != field.Scalar || q.Lost != "" {
			continue
		}
		name := "total of " + q.Name
		switch {
		case q == density:
			name = "mass"
		case slices.Contains(energies, q.Name):
			name = "energy"
		}
		c.total(name, closed, func(at []float32) float64 { return q.value(at, 0) }, q)
	}
	c.momentum(density, velocity, momentum)
	switch {
	case density != nil && velocity != nil:
		c.total("kinetic energy", closed, func(at []float32) float64 { return density.value(at, 0) * velocity.square(at) / 2 }, density, velocity)
	case density != nil && momentum != nil:
		c.total("kinetic energy", closed, func(at []float32) float64 { return momentum.square(at) / density.value(at, 0) / 2 }, density, momentum)
	case velocity != nil:
		c.total("kinetic energy at density 1", closed, func(at []float32) float64 { return velocity.square(at) / 2 }, velocity)
	}
	if magnetic := d.find(field.Vector, magnetics...); magnetic != nil {
		c.total("magnetic energy", closed, func(at []float32) float64 { return magnetic.square(at) / 2 }, magnetic)
	}
}

// momentum adds the components of momentum, whose sums mean something only along straight axes.
func (c *checks) momentum(density, velocity, momentum *Quantity) {
	d := c.domain
	moving := momentum
	if moving == nil {
		moving = velocity
	}
	if moving == nil {
		return
	}
	if d.Grid != Cartesian {
		c.omit("momentum", fmt.Sprintf("on %s axes components point in other directions at every point, and do not add up", d.Grid))
		return
	}
	closed := d.allPeriodic() && d.Hidden == nil // walls push
	for i, axis := range d.Axes {
		switch {
		case momentum != nil:
			c.total("momentum "+axis, closed, func(at []float32) float64 { return momentum.value(at, i) }, momentum)
		case density != nil:
			c.total("momentum "+axis, closed, func(at []float32) float64 { return density.value(at, 0) * velocity.value(at, i) }, density, velocity)
		default:
			c.total("momentum "+axis+" at density 1", closed, func(at []float32) float64 { return velocity.value(at, i) }, velocity)
		}
	}
}

// total adds the integral of a formula over the points outside obstacles. Its scale is the integral of the absolute value.
func (c *checks) total(name string, closed bool, formula func(at []float32) float64, from ...*Quantity) {
	m := measured{Check: Check{Name: name, Kind: Total, Closed: closed}}
	for _, q := range from {
		m.Fields = append(m.Fields, q.Name)
	}
	m.of = func(frame field.Array) (sum, scale float64) {
		c.each(frame, func(at []float32, volume float64) {
			v := formula(at) * volume
			sum += v
			scale += math.Abs(v)
		})
		return sum, scale
	}
	c.list = append(c.list, m)
}

// each visits the points outside obstacles with the values of their channels and the volumes of their cells.
func (c *checks) each(frame field.Array, visit func(at []float32, volume float64)) {
	channels, inner := frame.Axis(-1), c.sizes[len(c.sizes)-1]
	last := c.factors[len(c.factors)-1]
	for row := range field.Volume(c.sizes) / inner {
		outer, rest := 1.0, row
		for axis := len(c.sizes) - 2; axis >= 0; axis-- {
			outer *= c.factors[axis][rest%c.sizes[axis]]
			rest /= c.sizes[axis]
		}
		for i := range inner {
			if p := row*inner + i; !c.hidden(p) {
				visit(frame.Data[p*channels:(p+1)*channels], outer*last[i])
			}
		}
	}
}

// positivity adds the smallest value, and the share of points where it is not above zero, of fields that should be positive and are so at
// the start: the pressure of an incompressible flow has either sign.
func (c *checks) positivity(start field.Array) {
	channels := start.Axis(-1)
	for i := range c.domain.Quantities {
		q := &c.domain.Quantities[i]
		if q.Rank != field.Scalar || q.Lost != "" || !slices.Contains(positives, q.Name) {
			continue
		}
		share := func(frame field.Array) (lowest, notAbove float64) {
			lowest = math.Inf(1)
			below, seen := 0, 0
			for p := range len(frame.Data) / channels {
				if c.hidden(p) {
					continue
				}
				v := q.value(frame.Data[p*channels:(p+1)*channels], 0)
				lowest = math.Min(lowest, v)
				if seen++; !(v > 0) {
					below++
				}
			}
			return lowest, float64(below) / math.Max(1, float64(seen))
		}
		if lowest, _ := share(start); !(lowest > 0) {
			c.omit("positivity of "+q.Name, fmt.Sprintf("the last known frame has %g", lowest))
			continue
		}
		c.list = append(c.list,
			measured{Check{Name: "smallest " + q.Name, Kind: Minimum, Fields: []string{q.Name}}, func(f field.Array) (float64, float64) {
				lowest, _ := share(f)
				return lowest, math.Abs(lowest)
			}},
			measured{Check{Name: q.Name + " not above zero", Kind: Share, Fields: []string{q.Name}}, func(f field.Array) (float64, float64) {
				_, notAbove := share(f)
				return notAbove, 1
			}})
	}
}
