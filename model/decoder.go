package model

import (
	. "github.com/gomlx/gomlx/core/graph"
)

// decode turns tokens into fields with two transposed convolutions, a norm over space and SiLU between them (spec 2.5).
// x is [frames, h, w, d, hidden]; the result is [frames, X', Y', Z', C]. Released name: debed.
func (n *Net) decode(s *Scope, x, outputs *Node) *Node {
	strides1, strides2 := n.strides()
	w := TransposeAllAxes(n.encoderKernel(s.Weight("proj1.weight"), ReduceMean), 0, 2, 3, 4, 1) // [hidden, kx, ky, kz, inner]
	x = n.normSilu(s.In("norm1"), n.convolveTransposed(x, w, strides2))

	w = n.encoderKernel(n.withAdded(s, "proj2", "weight", 1), ReduceMean) // [inner, states, kx, ky, kz]
	w = DotGeneral(w, []int{1}, nil, outputs, []int{1}, nil)              // [inner, kx, ky, kz, C]
	bias := DotGeneral(outputs, []int{1}, nil, n.withAdded(s, "proj2", "bias", 0), []int{0}, nil)
	x = n.convolveTransposed(x, w, strides1)
	return Add(x, alongLast(bias, x.Rank()))
}

// convolveTransposed is a transposed convolution: every point becomes a patch by one matrix product, and overlapping
// patches add up (spec 6.3). Periodic axes are wrapped before and cropped after, so that patches overlap across the ends.
// x is [frames, a, b, c, in], w is [in, kx, ky, kz, out].
func (n *Net) convolveTransposed(x, w *Node, strides [3]int) *Node {
	kernel := w.Shape().Dimensions[1:4]
	var wrap [3]int
	for i, a := range n.Geometry.Axes {
		if a.Periodic() && x.Shape().Dimensions[1+i] > 1 {
			wrap[i] = (kernel[i] - strides[i]) / strides[i]
			x = wrapAround(x, 1+i, wrap[i])
		}
	}
	y := product(round(x, n.Operands), round(w, n.Operands), 4, 0) // [frames, a, b, c, kx, ky, kz, out]
	for i := range 3 {
		// Once an axis is added up its kernel axis is gone, so the next one is always the first left.
		y = addPatches(y, 1+i, 4, strides[i])
		if crop := wrap[i] * strides[i]; crop > 0 {
			y = cut(y, 1+i, crop, y.Shape().Dimensions[1+i]-crop, 1)
		}
	}
	return y
}

// wrapAround extends a periodic axis by n points of its far side at either end.
func wrapAround(x *Node, along, n int) *Node {
	if n == 0 {
		return x
	}
	parts := []*Node{x}
	size := x.Shape().Dimensions[along]
	for ; n > size; n -= size {
		parts = append(append([]*Node{x}, parts...), x)
	}
	parts = append([]*Node{cut(x, along, size-n, size, 1)}, parts...)
	return Concatenate(append(parts, cut(x, along, 0, n, 1)), along)
}

// addPatches adds up the overlapping patches along one axis: out[i*stride + k] += y[i, k]. The kernel axis disappears;
// the axis grows from n to (n-1)*stride + kernel. Output points of one residue modulo the stride get the kernel entries
// of that residue, each shifted by whole steps.
func addPatches(y *Node, along, kernelAxis, stride int) *Node {
	kernel := y.Shape().Dimensions[kernelAxis]
	n := y.Shape().Dimensions[along]
	steps := (kernel + stride - 1) / stride
	shape := append([]int{}, y.Shape().Dimensions[:kernelAxis]...)
	shape = append(shape, y.Shape().Dimensions[kernelAxis+1:]...)
	residues := make([]*Node, min(stride, kernel))
	for r := range residues {
		var sum *Node
		for j := 0; r+j*stride < kernel; j++ {
			entry := Reshape(cut(y, kernelAxis, r+j*stride, r+j*stride+1, 1), shape...)
			entry = padZeros(entry, along, j, steps-1-j)
			if sum == nil {
				sum = entry
			} else {
				sum = Add(sum, entry)
			}
		}
		residues[r] = ExpandAxes(sum, along+1)
	}
	total := n + steps - 1
	shape[along] = total * stride
	out := Reshape(Concatenate(residues, along+1), shape...) // residues interleave: position = step*stride + residue
	return cut(out, along, 0, (n-1)*stride+kernel, 1)
}

// padZeros extends an axis with zeros.
func padZeros(x *Node, along, before, after int) *Node {
	var parts []*Node
	zeros := func(n int) {
		if n > 0 {
			shape := x.Shape().Clone()
			shape.Dimensions[along] = n
			parts = append(parts, Zeros(x.Graph(), shape))
		}
	}
	zeros(before)
	parts = append(parts, x)
	zeros(after)
	if len(parts) == 1 {
		return x
	}
	return Concatenate(parts, along)
}
