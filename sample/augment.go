package sample

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/gowalrus/walrus/field"
)

// Augmentation says how samples are turned. The choice is one rotation a batch, uniform over what is allowed.
type Augmentation string

const (
	// NoRotation leaves the data as it is.
	NoRotation Augmentation = "none"
	// PlaneRotation turns 2-D data within its plane (4 ways) and 3-D data freely (24 ways). It suits small models.
	PlaneRotation Augmentation = "plane"
	// SpaceRotation turns everything freely; 2-D data comes to lie in one of the planes of space, as in the release.
	SpaceRotation Augmentation = "space"
)

// rotations lists the turns that an augmentation allows for the data of the layout, the identity first: on a grid that is not
// cartesian no other. reflections adds mirror images.
func (l *Layout) rotations(a Augmentation, reflections bool) ([]field.Rotation, error) {
	own, dims := len(l.source.Axes), l.dims
	switch {
	case a != NoRotation && a != "" && a != SpaceRotation && a != PlaneRotation:
		return nil, fmt.Errorf("sample: unknown rotation %q; expected %s, %s or %s", a, NoRotation, PlaneRotation, SpaceRotation)
	case a == NoRotation || a == "" || l.source.Curvilinear:
		return []field.Rotation{field.Identity(dims)}, nil
	case a == SpaceRotation || own == dims:
		return field.Rotations(dims, reflections), nil
	default:
		all := field.Rotations(dims, reflections)
		// The third axis stays where it is; then mirror images only come from the plane itself.
		return slices.DeleteFunc(all, func(r field.Rotation) bool { return r.Axis[dims-1] != dims-1 || r.Flip[dims-1] }), nil
	}
}

// rotate turns a prepared batch of one sample. In space 2-D data becomes 3-D with one axis of one point, which counts
// as periodic; in its plane it stays 2-D.
func (l *Layout) rotate(b *Batch, r field.Rotation, inSpace bool) error {
	own, dims := len(l.source.Axes), l.dims
	if r.IsIdentity() && (!inSpace || own == dims) {
		return nil
	}
	lead := 1
	if b.Moving {
		lead = 2
	}
	for _, part := range []struct {
		group group
		lead  int // axes before the grid
		to    *field.Array
	}{{l.variable, 2, &b.Input}, {l.variable, 2, &b.Output}, {l.constant, lead, &b.Constant}} {
		if len(part.to.Shape) == 0 {
			continue
		}
		a := *part.to
		for axis := own; axis < dims; axis++ {
			a.Shape = slices.Insert(slices.Clone(a.Shape), part.lead+axis, 1)
		}
		turned, err := r.ApplyLaws(a, part.group.laws)
		if err != nil {
			return err
		}
		if !inSpace {
			turned.Shape = slices.Delete(turned.Shape, part.lead+own, part.lead+dims)
		}
		*part.to = turned
	}
	sides := slices.Clone(b.Boundaries)
	for len(sides) < dims {
		sides = append(sides, field.Both(field.Periodic))
	}
	b.Boundaries = r.Boundaries(sides)
	if !inSpace {
		b.Boundaries = b.Boundaries[:own]
	}
	from, _ := r.Channels(l.variable.ranks())
	b.Padding = make([]bool, len(from))
	for c, f := range from {
		b.Padding[c] = l.Padding[f]
	}
	return nil
}

// pick draws one element.
func pick[T any](rng *rand.Rand, from []T) T { return from[rng.IntN(len(from))] }
