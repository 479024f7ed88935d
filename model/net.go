package model

import (
	"strconv"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gowalrus/walrus/frame"
)

// computeType is the type that the network computes in, whatever type its weights are stored in and the operands of its
// products are rounded to.
const computeType = dtypes.Float32

// Net is the network for data of one geometry.
type Net struct {
	Config
	Geometry *frame.Geometry
	Samples  int // B
	Frames   int // T
	// LastOnly decodes only the last frame of each sample, all that a rollout needs (spec 6.5).
	LastOnly bool
	// Recompute recomputes every n-th block in the backward pass instead of keeping its intermediate values; 0 for none.
	Recompute int
	// Operands is the type that the operands of the matrix products, attention included, are rounded to; norms, softmax and
	// the residual stream stay in float32. Zero is float32.
	Operands dtypes.DType
	// Lean keeps less for the backward pass: results of dense layers in the operands' type, and norms, gates and attention over
	// time not at all, which are computed again. It pays where a compiler fuses what is computed again with what needs it
	// (engine.Lean).
	Lean bool
	// Observe, if set, is called with the intermediate values: "encoded", "block0.time_mixing", ... as [B*T, tokens, hidden],
	// and "decoded". All frames then go through all blocks, also where only the last is decoded.
	Observe func(name string, x *Node)
}

// Inputs are the run-time inputs of the graph, all float32. Package frame prepares them.
type Inputs struct {
	X         *Node    // [B*T, X, Y, Z, C + 3]: fields and flags, padded and jittered
	Columns   *Node    // [C + 3, states]: picks and scales the columns of the encoder (Config.Columns)
	Outputs   *Node    // [C, states]: picks the columns of the decoder
	Positions [3]*Node // [blocks, tokens of the axis]: coordinates of the rotary embedding, rolled
	Keep      *Node    // [blocks, 2, B*T]: factors of the branches (drop path): time, space; nil for all 1
}

// Forward is the whole network: fields of B x T frames to the normalised increments of the same frames (spec 2).
// The result is [B*T, X', Y', Z', C], the decoder's output before it is moved back, or [B, ...] with LastOnly.
func (n *Net) Forward(s *Scope, in Inputs) *Node {
	s = s.of(n)
	dimensions := strconv.Itoa(n.Geometry.Dimensions())
	x := n.encode(s.In("embed").In(dimensions), s.Weight("encoder_dummy"), in.X, in.Columns)
	grid := n.Geometry.Tokens()
	x = Reshape(x, n.Samples*n.Frames, grid[0]*grid[1]*grid[2], n.Hidden) // [B*T, tokens, hidden]
	n.observe("encoded", x)
	if ape := s.Lookup(PositionEmbedding); ape != nil { // [1, 1, hidden, h, w, d]
		x = Add(x, ExpandAxes(TransposeAllAxes(Reshape(ape, n.Hidden, -1), 1, 0), 0))
	}
	for i := range n.Blocks {
		recompute := n.Recompute > 0 && i%n.Recompute == 0
		x = n.block(s.block(i, recompute), x, in, i)
	}
	if n.lastOnly() && n.Observe != nil {
		x = n.lastFrame(x)
	}
	frames := x.Shape().Dimensions[0]
	x = n.decode(s.In("debed").In(dimensions), Reshape(x, frames, grid[0], grid[1], grid[2], n.Hidden), in.Outputs)
	n.observe("decoded", x)
	return x
}

// block mixes time, then space (paper, section 3.1). x is [B*T, tokens, hidden].
func (n *Net) block(s *Scope, x *Node, in Inputs, i int) *Node {
	if s.recomputed {
		x = x.Checkpoint()
	}
	name := "block" + strconv.Itoa(i)
	x = Add(x, n.drop(n.timeMixing(s.In("time_mixing"), x), in.Keep, i, 0))
	n.observe(name+".time_mixing", x)
	keep := in.Keep
	if n.lastOnly() && i == n.Blocks-1 && n.Observe == nil {
		x = n.lastFrame(x)
		if keep != nil {
			keep = Slice(keep, AxisRange(), AxisRange(), AxisRange().Stride(n.Frames))
		}
	}
	cos, sin := n.rotary(s.In("space_mixing").In("rotary_emb"), in.Positions, i)
	x = Add(x, n.drop(n.spaceMixing(s.In("space_mixing"), x, cos, sin), keep, i, 1))
	n.observe(name+".space_mixing", x)
	if s.recomputed {
		x = x.StopCheckpoint()
	}
	return x
}

// lastOnly reports whether only the last frame is decoded: on request, or always without causality (spec 2.4).
func (n *Net) lastOnly() bool { return n.LastOnly || !n.Causal }

// OutputFrames is the number of frames of a sample that Forward returns: T, or 1.
func (n *Net) OutputFrames() int {
	if n.lastOnly() {
		return 1
	}
	return n.Frames
}

// lastFrame keeps the last frame of each sample: [B*T, tokens, hidden] to [B, tokens, hidden].
func (n *Net) lastFrame(x *Node) *Node {
	tokens := x.Shape().Dimensions[1]
	x = Reshape(x, n.Samples, n.Frames, tokens, n.Hidden)
	return Reshape(Slice(x, AxisRange(), AxisElem(n.Frames-1)), n.Samples, tokens, n.Hidden)
}

// drop multiplies a branch with its frames' factors (drop path; spec 2.4); the result is float32. branch 0 is time mixing, 1 space mixing.
func (n *Net) drop(x, keep *Node, block, branch int) *Node {
	x = widen(x)
	if keep == nil {
		return x
	}
	factors := Slice(keep, AxisElem(block), AxisElem(branch)) // [1, 1, frames]
	return Mul(x, Reshape(factors, x.Shape().Dimensions[0], 1, 1))
}

func (n *Net) observe(name string, x *Node) {
	if n.Observe != nil {
		n.Observe(name, x)
	}
}
