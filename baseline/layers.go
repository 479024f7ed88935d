package baseline

import (
	"math"
	"slices"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gowalrus/walrus/model"
)

// convolution is a cross-correlation that keeps the grid: zeros lie around it. x is [samples, points..., in].
func convolution(s *model.Scope, x *Node) *Node {
	w := s.Weight("weight") // [extents..., in, out]
	shape := w.Shape().Dimensions
	var y *Node
	if shape[0] == 1 {
		y = product(x, Reshape(w, shape[len(shape)-2:]...))
	} else {
		y = Convolve(x, w).PadSame().Done()
	}
	return addBias(s, y)
}

// dense is x W + bias over the channels. The weight is [in, out].
func dense(s *model.Scope, x *Node) *Node { return addBias(s, product(x, s.Weight("weight"))) }

// product multiplies the channels of x with a matrix [in, out].
func product(x, w *Node) *Node { return DotGeneral(x, []int{x.Rank() - 1}, nil, w, []int{0}, nil) }

// addBias adds the bias, if there is one.
func addBias(s *model.Scope, x *Node) *Node {
	if bias := s.Lookup("bias"); bias != nil {
		return Add(x, alongLast(bias, x.Rank()))
	}
	return x
}

// alongLast reshapes a vector so that it broadcasts along the last of rank axes.
func alongLast(v *Node, rank int) *Node {
	shape := slices.Repeat([]int{1}, rank)
	shape[rank-1] = v.Shape().Size()
	return Reshape(v, shape...)
}

// halve is a convolution with kernel 2 and stride 2: its patches do not overlap, so that it is one matrix product.
// x is [samples, points..., in].
func halve(s *model.Scope, x *Node) *Node {
	w := s.Weight("weight") // [2..., in, out]
	shape := w.Shape().Dimensions
	out := shape[len(shape)-1]
	patches := pairs(x) // [samples, (half, 2)..., in]
	axes := (x.Rank() - 2)
	order, half := []int{0}, []int{x.Shape().Dimensions[0]}
	for i := range axes {
		order = append(order, 1+2*i)
		half = append(half, x.Shape().Dimensions[1+i]/2)
	}
	for i := range axes {
		order = append(order, 2+2*i)
	}
	patches = TransposeAllAxes(patches, append(order, patches.Rank()-1)...)
	return addBias(s, product(Reshape(patches, append(half, -1)...), Reshape(w, -1, out)))
}

// double is a transposed convolution with kernel 2 and stride 2: every point becomes a patch of its own.
// x is [samples, points..., in].
func double(s *model.Scope, x *Node) *Node {
	w := s.Weight("weight") // [2..., in, out]
	axes := x.Rank() - 2
	shape := w.Shape().Dimensions
	in, out := shape[axes], shape[axes+1]
	order := []int{axes}
	for i := range axes {
		order = append(order, i)
	}
	y := product(x, Reshape(TransposeAllAxes(w, append(order, axes+1)...), in, -1)) // [samples, points..., 2... out]
	split := append([]int{}, x.Shape().Dimensions[:1+axes]...)
	whole := []int{split[0]}
	interleaved := []int{0}
	for i := range axes {
		split = append(split, 2)
		whole = append(whole, 2*split[1+i])
		interleaved = append(interleaved, 1+i, 1+axes+i)
	}
	y = TransposeAllAxes(Reshape(y, append(split, out)...), append(interleaved, 1+2*axes)...)
	return addBias(s, Reshape(y, append(whole, out)...))
}

// pairs splits each spatial axis into halves of its points and the two points of each.
func pairs(x *Node) *Node {
	dims := x.Shape().Dimensions
	shape := dims[:1:1]
	for _, n := range dims[1 : len(dims)-1] {
		shape = append(shape, n/2, 2)
	}
	return Reshape(x, append(shape, dims[len(dims)-1])...)
}

// largest keeps the largest of every 2 points along each axis.
func largest(x *Node) *Node {
	for axis := x.Rank() - 2; axis >= 1; axis-- {
		dims := x.Shape().Dimensions
		shape := append(append([]int{}, dims[:axis]...), dims[axis]/2, 2)
		x = Reshape(x, append(shape, dims[axis+1:]...)...)
		x = Max(takeElement(x, 0, axis+1), takeElement(x, 1, axis+1))
	}
	return x
}

// takeElement is entry i of an axis, which disappears.
func takeElement(x *Node, i, axis int) *Node {
	specs := make([]SliceAxisSpec, x.Rank())
	for k := range specs {
		specs[k] = AxisRange()
	}
	specs[axis] = AxisRange(i, i+1)
	return Squeeze(Slice(x, specs...), axis)
}

// gelu is x times the normal distribution's integral up to x.
func gelu(x *Node) *Node {
	return Mul(x, MulScalar(OnePlus(Erf(MulScalar(x, 1/math.Sqrt2))), 0.5))
}
