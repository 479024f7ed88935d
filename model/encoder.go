package model

import (
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gowalrus/walrus/frame"
)

// encode turns padded fields into tokens with two strided convolutions, each followed by a norm over space and SiLU
// (spec 2.3). x is [frames, X, Y, Z, C + 3]; the result is [frames, h, w, d, hidden]. Released name: embed.
func (n *Net) encode(s *Scope, dummy, x, columns *Node) *Node {
	strides1, strides2 := n.strides()
	w := n.encoderKernel(n.withAdded(s, "proj1", "weight", 1), ReduceSum) // [inner, states, kx, ky, kz]
	w = DotGeneral(w, []int{1}, nil, scaleFields(columns, dummy), []int{1}, nil)
	x = n.normSilu(s.In("norm1"), n.convolve(x, w, strides1)) // w is [inner, kx, ky, kz, C + 3]
	w = TransposeAllAxes(n.encoderKernel(s.Weight("proj2.weight"), ReduceSum), 0, 2, 3, 4, 1)
	return n.normSilu(s.In("norm2"), n.convolve(x, w, strides2))
}

// scaleFields multiplies the rows of the fields, not those of the flags, with the scalar encoder_dummy: the scale acts on
// the small weight instead of the data (spec 2.2.1 and 6.4).
func scaleFields(columns, dummy *Node) *Node {
	fields := columns.Shape().Dimensions[0] - frame.FlagChannels
	flags := Slice(columns, AxisRange(fields))
	return Concatenate([]*Node{Mul(Slice(columns, AxisRange(0, fields)), Reshape(dummy, 1, 1)), flags}, 0)
}

// encoderKernel brings a kernel [a, b, k, k, k] to the geometry: along an axis with one point it is reduced to extent 1.
func (n *Net) encoderKernel(w *Node, reduce func(*Node, ...int) *Node) *Node {
	for i, a := range n.Geometry.Axes {
		if !a.Real {
			w = ReduceAndKeep(w, reduce, 2+i)
		}
	}
	return w
}

// strides are those of the first and the second convolution along each axis.
func (n *Net) strides() (first, second [3]int) {
	for i, a := range n.Geometry.Axes {
		first[i], second[i] = a.Stride1, a.Stride2
	}
	return first, second
}

// normSilu applies the norm over space and SiLU to x [frames, a, b, c, channels].
func (n *Net) normSilu(s *Scope, x *Node) *Node {
	shape := x.Shape().Dimensions
	return Reshape(silu(spaceRMS(s, Reshape(x, shape[0], -1, shape[4]))), shape...)
}

// convolve is a strided cross-correlation without padding: the points under the kernel are gathered into patches, and one
// matrix product does the rest (spec 6.3). x is [frames, X, Y, Z, C], w is [out, kx, ky, kz, C].
func (n *Net) convolve(x, w *Node, strides [3]int) *Node {
	if n.Lean { // patches in half the memory
		x = round(x, n.Operands)
	}
	kernel := w.Shape().Dimensions
	for i := 2; i >= 0; i-- { // z first: the channels end up as (kx, ky, kz, C)
		x = gatherPatches(x, 1+i, kernel[1+i], strides[i])
	}
	return product(round(x, n.Operands), round(Reshape(w, kernel[0], -1), n.Operands), 4, 1)
}

// gatherPatches puts the points under a kernel along one axis side by side in the channels: the result has one position
// for each place of the kernel, and kernel x channels channels, the kernel's position outermost.
func gatherPatches(x *Node, along, kernel, stride int) *Node {
	if kernel == 1 && stride == 1 {
		return x
	}
	places := (x.Shape().Dimensions[along]-kernel)/stride + 1
	parts := make([]*Node, kernel)
	for k := range parts {
		parts[k] = cut(x, along, k, k+(places-1)*stride+1, stride)
	}
	return Concatenate(parts, -1)
}
