package field

import "fmt"

// Rank is the tensor rank of a field: how many indices its value has at each point.
type Rank uint8

const (
	Scalar Rank = iota
	Vector
	Tensor
)

// String returns "scalar", "vector" or "tensor".
func (r Rank) String() string {
	switch r {
	case Scalar:
		return "scalar"
	case Vector:
		return "vector"
	case Tensor:
		return "tensor"
	}
	return fmt.Sprintf("Rank(%d)", uint8(r))
}

// Components is the number of values at a point in dims dimensions: dims to the power of the rank.
func (r Rank) Components(dims int) int {
	n := 1
	for range r {
		n *= dims
	}
	return n
}

// Field is one physical quantity: its name in the data set ("velocity") and its rank.
type Field struct {
	Name string
	Rank Rank
}

// Components lists the flat names of the field's components, row-major: "pressure"; "velocity_x", "velocity_y";
// "D_xx", "D_xy", ... axes are the names of the spatial axes in order.
func (f Field) Components(axes []string) []string {
	names := []string{f.Name}
	for i := range f.Rank {
		next := make([]string, 0, len(names)*len(axes))
		separator := ""
		if i == 0 {
			separator = "_"
		}
		for _, n := range names {
			for _, a := range axes {
				next = append(next, n+separator+a)
			}
		}
		names = next
	}
	return names
}
