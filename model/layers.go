package model

import (
	. "github.com/gomlx/gomlx/core/graph"
)

// Added to variances before the root: float32's machine epsilon in the norms over space, PyTorch's default in the norms
// over a head (spec 2.3, 2.4).
const (
	spaceEpsilon = 0x1p-23
	layerEpsilon = 1e-5
)

// dense is y = x W^T + bias over the last axis of x. weight is [out, in] or, as a pointwise convolution, [out, in, 1, 1, 1].
// y is float32, but in a lean network of the operands' type, the bias added in it.
func dense(s *Scope, x *Node) *Node {
	w := s.operand("weight")
	shape := w.Shape().Dimensions
	if len(shape) > 2 {
		w = Reshape(w, shape[0], shape[1])
	}
	y := narrow(round(x, s.operands), w, x.Rank()-1, 1, nil, nil)
	if low := lowRank(s, x, shape[0]); low != nil {
		y = Add(y, low)
	}
	if !s.lean {
		y = widen(y)
	}
	if bias := s.Lookup("bias"); bias != nil {
		y = Add(y, alongLast(round(bias, y.DType()), y.Rank()))
	}
	return s.kept(y)
}

// spaceRMS divides every channel of every frame by its root mean square over the tokens ("RMSGroupNorm", spec 2.3).
// x is [frames, tokens, channels].
func spaceRMS(s *Scope, x *Node) *Node {
	meanSquare := ReduceAndKeep(Square(x), ReduceMean, 1) // [frames, 1, channels]
	scale := Div(alongLast(s.Weight("weight"), 3), Sqrt(AddScalar(meanSquare, spaceEpsilon)))
	return Mul(x, scale)
}

// layerNorm normalises the last axis to mean 0 and variance 1, then scales and shifts (spec 2.4).
func layerNorm(s *Scope, x *Node) *Node {
	x = widen(x)
	centred := Sub(x, ReduceAndKeep(x, ReduceMean, -1))
	variance := ReduceAndKeep(Square(centred), ReduceMean, -1)
	y := Div(centred, Sqrt(AddScalar(variance, layerEpsilon)))
	return Add(Mul(y, alongLast(s.Weight("weight"), x.Rank())), alongLast(s.Weight("bias"), x.Rank()))
}

// silu is x times its logistic.
func silu(x *Node) *Node { return Mul(x, Logistic(x)) }

// softmax over the last axis; the shift by the maximum changes nothing and has no gradient.
func softmax(x *Node) *Node {
	e := Exp(Sub(x, StopGradient(ReduceAndKeep(x, ReduceMax, -1))))
	return Div(e, ReduceAndKeep(e, ReduceSum, -1))
}

// alongLast reshapes a vector so that it broadcasts along the last of rank axes.
func alongLast(v *Node, rank int) *Node {
	shape := make([]int, rank)
	for i := range shape {
		shape[i] = 1
	}
	shape[rank-1] = v.Shape().Size()
	return Reshape(v, shape...)
}

// part cuts [start, start+size) out of the last axis.
func part(x *Node, start, size int) *Node {
	return Slice(x, AxisRange().Spacer(), AxisRange(start, start+size))
}

// cut keeps every stride-th position of [start, end) along one axis.
func cut(x *Node, axis, start, end, stride int) *Node {
	specs := make([]SliceAxisSpec, x.Rank())
	for i := range specs {
		specs[i] = AxisRange()
	}
	specs[axis] = AxisRange(start, end).Stride(stride)
	return Slice(x, specs...)
}
