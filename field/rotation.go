package field

import (
	"fmt"
	"slices"
)

// Rotation is a symmetry of the grid: a signed permutation of the spatial axes. New axis i runs along old axis Axis[i],
// in the opposite direction where Flip[i] is true. As a matrix it has one entry a row, ±1, so a point x goes to
// x'_i = ±x_Axis[i], a vector to v'_i = ±v_Axis[i], and a tensor to t'_ij = ±± t_Axis[i]Axis[j].
type Rotation struct {
	Axis []int
	Flip []bool
}

// Identity leaves everything in dims dimensions where it is.
func Identity(dims int) Rotation {
	r := Rotation{Axis: make([]int, dims), Flip: make([]bool, dims)}
	for i := range r.Axis {
		r.Axis[i] = i
	}
	return r
}

// Rotations lists the proper rotations of the square (4) or the cube (24), the identity first; with reflections all
// symmetries (8 or 48). dims is 1, 2 or 3. The order is fixed, so that an index is a reproducible draw.
func Rotations(dims int, reflections bool) []Rotation {
	var all []Rotation
	permutations(Identity(dims).Axis, 0, func(axes []int) {
		for signs := range 1 << dims {
			r := Rotation{Axis: slices.Clone(axes), Flip: make([]bool, dims)}
			for i := range r.Flip {
				r.Flip[i] = signs>>i&1 == 1
			}
			if reflections || r.Proper() {
				all = append(all, r)
			}
		}
	})
	return all
}

// permutations calls visit with every order of axes whose first fixed entries stay where they are.
func permutations(axes []int, fixed int, visit func([]int)) {
	if fixed == len(axes) {
		visit(axes)
		return
	}
	for i := fixed; i < len(axes); i++ {
		axes[fixed], axes[i] = axes[i], axes[fixed]
		permutations(axes, fixed+1, visit)
		axes[fixed], axes[i] = axes[i], axes[fixed]
	}
}

// Proper reports whether the determinant is +1: a rotation, and no mirror image.
func (r Rotation) Proper() bool {
	negative := false
	for i, a := range r.Axis {
		if r.Flip[i] {
			negative = !negative
		}
		for _, b := range r.Axis[i+1:] {
			if b < a {
				negative = !negative
			}
		}
	}
	return !negative
}

// IsIdentity reports whether r changes nothing.
func (r Rotation) IsIdentity() bool {
	for i, a := range r.Axis {
		if a != i || r.Flip[i] {
			return false
		}
	}
	return true
}

// Then is the rotation that does r first and next after it.
func (r Rotation) Then(next Rotation) Rotation {
	out := Identity(len(r.Axis))
	for i, a := range next.Axis {
		out.Axis[i] = r.Axis[a]
		out.Flip[i] = next.Flip[i] != r.Flip[a]
	}
	return out
}

// Inverse undoes r.
func (r Rotation) Inverse() Rotation {
	out := Identity(len(r.Axis))
	for i, a := range r.Axis {
		out.Axis[a] = i
		out.Flip[a] = r.Flip[i]
	}
	return out
}

// String shows the image of each axis, for example "(-y, +x, +z)".
func (r Rotation) String() string {
	s := "("
	for i, a := range r.Axis {
		if i > 0 {
			s += ", "
		}
		sign := "+"
		if r.Flip[i] {
			sign = "-"
		}
		s += sign + string("xyz"[a%3])
	}
	return s + ")"
}

// Sizes gives the extents of a rotated grid.
func (r Rotation) Sizes(sizes []int) []int {
	out := make([]int, len(sizes))
	for i, a := range r.Axis {
		out[i] = sizes[a]
	}
	return out
}

// Boundaries moves the sides of the axes with them; a flipped axis exchanges its low and high side.
func (r Rotation) Boundaries(sides []Sides) []Sides {
	out := make([]Sides, len(sides))
	for i, a := range r.Axis {
		out[i] = sides[a]
		if r.Flip[i] {
			out[i] = Sides{Low: sides[a].High, High: sides[a].Low}
		}
	}
	return out
}

// Apply rotates an array of shape (leading axes..., spatial axes..., channels): the grid turns, and the channels of
// vectors and tensors turn by their law. ranks lists the fields whose components, row-major over as many dimensions as
// r has, make up the channels in order. The result shares nothing with a.
func (r Rotation) Apply(a Array, ranks []Rank) (Array, error) {
	dims := len(r.Axis)
	lead := len(a.Shape) - dims - 1
	if lead < 0 {
		return Array{}, fmt.Errorf("field: an array of shape %v has no %d spatial axes before its channels", a.Shape, dims)
	}
	from, negate := r.Channels(ranks)
	count := a.Axis(-1)
	if len(from) != count {
		return Array{}, fmt.Errorf("field: %d channels, but fields of ranks %v in %d dimensions have %d components", count, ranks, dims, len(from))
	}
	sizes := a.Shape[lead : lead+dims]
	shape := append(slices.Clone(a.Shape[:lead]), r.Sizes(sizes)...)
	out := NewArray(append(shape, count)...)
	origin, steps := r.walk(sizes, count)
	points := Volume(sizes) * count
	for start := 0; start < len(a.Data); start += points {
		turn(out.Data[start:start+points], a.Data[start:start+points], shape[lead:], origin, steps, from, negate)
	}
	return out, nil
}

// walk gives where in the old data the new grid's first point lies, and how far one step along each new axis goes.
func (r Rotation) walk(sizes []int, channels int) (origin int, steps []int) {
	old := make([]int, len(sizes))
	for i, step := len(sizes)-1, channels; i >= 0; i-- {
		old[i] = step
		step *= sizes[i]
	}
	steps = make([]int, len(sizes))
	for i, a := range r.Axis {
		steps[i] = old[a]
		if r.Flip[i] {
			origin += (sizes[a] - 1) * old[a]
			steps[i] = -old[a]
		}
	}
	return origin, steps
}

// turn copies one frame: point by point of the new grid of extents sizes, channel c from channel from[c].
func turn(out, in []float32, sizes []int, origin int, steps, from []int, negate []bool) {
	if len(sizes) == 0 {
		for c, f := range from {
			v := in[origin+f]
			if negate[c] {
				v = -v
			}
			out[c] = v
		}
		return
	}
	part := len(out) / max(sizes[0], 1)
	for i := range sizes[0] {
		turn(out[i*part:(i+1)*part], in, sizes[1:], origin+i*steps[0], steps[1:], from, negate)
	}
}

// Channels says, for each component of the rotated fields, which old component it is and whether its sign changes.
func (r Rotation) Channels(ranks []Rank) (from []int, negate []bool) {
	first := 0
	dims := len(r.Axis)
	for _, rank := range ranks {
		for c := range rank.Components(dims) {
			source, sign, place := 0, false, 1
			for range rank { // the last index varies fastest
				i := c % dims
				c /= dims
				source += r.Axis[i] * place
				place *= dims
				sign = sign != r.Flip[i]
			}
			from = append(from, first+source)
			negate = append(negate, sign)
		}
		first += rank.Components(dims)
	}
	return from, negate
}
