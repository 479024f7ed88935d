package model

import (
	"fmt"
	"math"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph"
)

// spaceMixing lets every token of a frame attend to all tokens of that frame, in parallel with a gated feed-forward.
// It returns the branch, without the residual. x is [frames, tokens, hidden]; cos and sin are this block's rotary table.
// Paper: section 3.1; spec 2.4; released name: blocks.i.space_mixing.
func (n *Net) spaceMixing(s *Scope, x, cos, sin *Node) *Node {
	frames, tokens := x.Shape().Dimensions[0], x.Shape().Dimensions[1]
	y := spaceRMS(s.In("norm1"), s.again(x))
	fused := dense(s.In("fused_ff_qkv"), y) // [frames, tokens, 7 hidden]: value, gate (2 hidden each), q, k, v
	heads := func(at int) *Node {
		return Reshape(part(fused, at*n.Hidden, n.Hidden), frames, tokens, n.Heads, n.HeadSize())
	}
	q := rotate(layerNorm(s.In("q_norm"), heads(4)), cos, sin)
	k := rotate(layerNorm(s.In("k_norm"), heads(5)), cos, sin)
	attended := Reshape(attend(round(q, n.Operands), round(k, n.Operands), round(heads(6), n.Operands), s.recomputed), frames, tokens, n.Hidden)
	fused = s.again(fused)                                                                       // all of it: a mark on a part would keep a copy of that part
	value, gate := widen(part(fused, 0, 2*n.Hidden)), widen(part(fused, 2*n.Hidden, 2*n.Hidden)) // the gate is the second half
	fed := dense(s.In("ff_out"), Mul(silu(gate), value))
	return Add(widen(dense(s.In("attn_out"), attended)), widen(fed))
}

// attend is softmax(q k^T / sqrt(head size)) v over all tokens, for q, k, v [frames, tokens, heads, head size], which may be
// rounded. Where the backend has the fused operation with its gradient, the tokens x tokens matrix is never stored; where it
// has not, the backward pass computes that matrix again, so that at most one block holds it at a time. The result is
// float32.
func attend(q, k, v *Node, recomputed bool) *Node {
	operations := q.Graph().Backend().Capabilities().Operations
	if operations[compute.OpTypeFusedScaledDotProductAttention] && operations[compute.OpTypeFusedScaledDotProductAttentionVJP] {
		if y, ok := fusedAttention(q, k, v); ok {
			return widen(y)
		}
	}
	if recomputed { // with all of the block, of which nothing but the input is kept
		return plainAttention(q, k, v)
	}
	return plainAttention(q.Checkpoint(), k.Checkpoint(), v.Checkpoint()).StopCheckpoint()
}

// plainAttention is attend by its definition.
func plainAttention(q, k, v *Node) *Node {
	scale := 1 / math.Sqrt(float64(q.Shape().Dimensions[3]))
	logits := MulScalar(batched(q, k, 3, 3, []int{0, 2}, []int{0, 2}), scale)
	y := batched(round(softmax(logits), v.DType()), v, 3, 1, []int{0, 1}, []int{0, 2}) // [frames, heads, tokens, head size]
	return TransposeAllAxes(y, 0, 2, 1, 3)
}

// fusedAttention tries the backend's own attention; ok is false if it does not take these operands.
func fusedAttention(q, k, v *Node) (y *Node, ok bool) {
	defer func() {
		if r := recover(); r != nil {
			err, isError := r.(error)
			if !isError || !compute.IsNotImplemented(err) {
				panic(r)
			}
		}
	}()
	y, _ = BackendFusedScaledDotProductAttention(q, k, v, compute.AttentionAxesLayoutBSHD, &compute.ScaledDotProductAttentionConfig{})
	return y, true
}

// rotary is the rotary embedding's table for block i: cos and sin, [1, tokens, 1, head size / 2, 1], of the angle of each
// pair of components; pairs beyond the three axes' frequencies are not turned (spec 2.4.4).
func (n *Net) rotary(s *Scope, positions [3]*Node, i int) (cos, sin *Node) {
	grid := n.Geometry.Tokens()
	tokens := grid[0] * grid[1] * grid[2]
	nf := n.Frequencies()
	var cosines, sines []*Node
	for axis, p := range positions {
		frequencies := s.Lookup("freqs")
		if frequencies == nil {
			frequencies = s.Weight(fmt.Sprintf("freqs.%d", axis))
		}
		at := Reshape(Slice(p, AxisElem(i)), grid[axis], 1)
		angles := Mul(at, Reshape(frequencies, 1, nf)) // [tokens of the axis, nf], radians
		shape := []int{1, 1, 1, nf}
		shape[axis] = grid[axis]
		spread := func(x *Node) *Node {
			return Reshape(BroadcastToDims(Reshape(x, shape...), grid[0], grid[1], grid[2], nf), tokens, nf)
		}
		cosines, sines = append(cosines, spread(Cos(angles))), append(sines, spread(Sin(angles)))
	}
	if rest := n.HeadSize()/2 - 3*nf; rest > 0 {
		still := Zeros(positions[0].Graph(), positions[0].Shape()) // only for its graph and type
		zero := BroadcastToDims(Reshape(Slice(still, AxisElem(0), AxisElem(0)), 1, 1), tokens, rest)
		cosines, sines = append(cosines, OnePlus(zero)), append(sines, zero)
	}
	table := func(parts []*Node) *Node { return Reshape(Concatenate(parts, -1), 1, tokens, 1, n.HeadSize()/2, 1) }
	return table(cosines), table(sines)
}

// rotate turns the pairs of components (0,1), (2,3), ... of x [frames, tokens, heads, head size] by the table's angles.
func rotate(x, cos, sin *Node) *Node {
	shape := x.Shape().Dimensions
	pairs := Reshape(x, shape[0], shape[1], shape[2], shape[3]/2, 2)
	a, b := part(pairs, 0, 1), part(pairs, 1, 1)
	turned := Concatenate([]*Node{Sub(Mul(a, cos), Mul(b, sin)), Add(Mul(b, cos), Mul(a, sin))}, -1)
	return Reshape(turned, shape...)
}
