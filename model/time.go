package model

import (
	"math"

	. "github.com/gomlx/gomlx/core/graph"
)

// buckets is the number of rows of the relative position bias.
const buckets = 32

// maskedLogit stands for minus infinity: its exponential is zero, and no arithmetic makes it NaN.
const maskedLogit = -1e30

// timeMixing lets every token attend to itself at the frames so far. It returns the branch, without the residual.
// x is [B*T, tokens, hidden]. Paper: section 3.1; spec 2.4; released name: blocks.i.time_mixing.
func (n *Net) timeMixing(s *Scope, x *Node) *Node {
	tokens := x.Shape().Dimensions[1]
	hd := n.HeadSize()
	y := dense(s.In("input_head"), spaceRMS(s.In("norm1"), s.again(x)))
	y = s.again(Reshape(y, n.Samples, n.Frames, tokens, n.Heads, 3*hd)) // head-major: q, k, v of one head side by side
	q := layerNorm(s.In("qnorm"), part(y, 0, hd))
	k := layerNorm(s.In("knorm"), part(y, hd, hd))
	v := part(y, 2*hd, hd)
	logits := batched(round(q, n.Operands), round(k, n.Operands), 4, 4, []int{0, 2, 3}, []int{0, 2, 3}) // [B, tokens, heads, T, T]
	logits = Add(MulScalar(logits, 1/math.Sqrt(float64(hd))), n.timeBias(s.In("rel_pos_bias")))
	y = batched(round(softmax(logits), n.Operands), round(v, n.Operands), 4, 1, []int{0, 1, 2}, []int{0, 2, 3}) // [B, tokens, heads, T, head size]
	y = TransposeAllAxes(y, 0, 3, 1, 2, 4)
	return dense(s.In("output_head"), Reshape(y, n.Samples*n.Frames, tokens, n.Hidden))
}

// timeBias is the learned bias of each head by the distance in time, [1, 1, heads, T, T], with the future masked in a
// causal network.
func (n *Net) timeBias(s *Scope) *Node {
	table := s.Weight("relative_attention_bias.weight") // [buckets, heads]
	choice := make([]float32, n.Frames*n.Frames*buckets)
	mask := make([]float32, n.Frames*n.Frames)
	for query := range n.Frames {
		for key := range n.Frames {
			at := query*n.Frames + key
			choice[at*buckets+n.bucket(query-key)] = 1
			if n.Causal && key > query {
				mask[at] = maskedLogit
			}
		}
	}
	g := table.Graph()
	oneHot := Reshape(Const(g, choice), n.Frames*n.Frames, buckets)
	bias := DotGeneral(table, []int{0}, nil, oneHot, []int{1}, nil) // [heads, T*T]
	bias = Add(bias, Reshape(Const(g, mask), 1, n.Frames*n.Frames))
	return Reshape(bias, 1, 1, n.Heads, n.Frames, n.Frames)
}

// bucket is the row of the bias table for a distance of lag frames into the past (T5's scheme; the largest distance told
// apart is 32). Without causality half of the rows are for the future.
func (n *Net) bucket(lag int) int {
	rows, first := buckets, 0
	if !n.Causal {
		rows = buckets / 2
		if lag < 0 {
			first, lag = rows, -lag
		}
	}
	lag = max(lag, 0)
	exact := rows / 2
	if lag < exact {
		return first + lag
	}
	octaves := math.Log(float64(buckets) / float64(exact))
	far := exact + int(math.Log(float64(lag)/float64(exact))/octaves*float64(rows-exact))
	return first + min(far, rows-1)
}
